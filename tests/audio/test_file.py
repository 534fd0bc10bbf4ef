"""Recorded calls of every kind."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.audio import file
from monitor.events import SAMPLE_RATE, Chunk, Party
from monitor.testing.recordings import encode

A, C = Party.AGENT, Party.CUSTOMER

# name, codec, rate, smallest share of the power that must be the tone's
FORMATS = [
    ("pcm8.wav", "pcm_u8", 16_000, 0.99),
    ("pcm16.wav", "pcm_s16le", 16_000, 0.9999),
    ("pcm24.wav", "pcm_s24le", 16_000, 0.9999),
    ("pcm32.wav", "pcm_s32le", 16_000, 0.9999),
    ("float32.wav", "pcm_f32le", 16_000, 0.9999),
    ("float64.wav", "pcm_f64le", 16_000, 0.9999),
    ("alaw.wav", "pcm_alaw", 8_000, 0.99),
    ("mulaw.wav", "pcm_mulaw", 8_000, 0.99),
    ("cd.wav", "pcm_s16le", 44_100, 0.9999),
    ("studio.wav", "pcm_s24le", 96_000, 0.9999),
    ("a.mp3", "libmp3lame", 16_000, 0.99),
    ("phone.mp3", "libmp3lame", 8_000, 0.99),
    ("a.flac", "flac", 16_000, 0.9999),
    ("a.ogg", "libvorbis", 16_000, 0.99),
    ("a.opus", "libopus", 48_000, 0.99),
    ("a.m4a", "aac", 16_000, 0.99),
    ("a.aac", "aac", 44_100, 0.99),
    ("a.webm", "libopus", 48_000, 0.99),
]


def heard(chunks: list[Chunk], party: Party) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks if chunk.party is party])


def amr(path: Path, seconds: int) -> Path:
    """Narrow-band AMR (RFC 4867, section 5): 20 ms frames of 12.2 kbit/s. No encoder needed."""
    frame = bytes([7 << 3 | 4]) + np.random.default_rng(0).bytes(31)
    path.write_bytes(b"#!AMR\n" + frame * (50 * seconds))
    return path


def tone_share(sound: np.ndarray, hertz: float) -> float:
    """How much of the power is a tone of this pitch."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    around = round(hertz * len(sound) / SAMPLE_RATE)
    return float(spectrum[around - 4 : around + 5].sum() / spectrum.sum())


@pytest.mark.parametrize(("name", "codec", "rate", "purity"), FORMATS)
def test_each_party_is_heard_on_its_channel(
    tmp_path: Path,
    tones: np.ndarray,
    write: Callable[..., Path],
    name: str,
    codec: str,
    rate: int,
    purity: float,
) -> None:
    path = write(tmp_path / name, tones, codec, rate)
    chunks = list(file.read_call(path))
    agent, customer = heard(chunks, A)[4000:12_000], heard(chunks, C)[4000:12_000]
    assert tone_share(agent, 440) > purity
    assert tone_share(customer, 1250) > purity
    assert np.sqrt(np.mean(agent**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.1)
    assert np.sqrt(np.mean(customer**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.1)
    # Encoders may add padding, never lose sound.
    assert 16_000 <= len(heard(chunks, A)) <= 18_000
    info = file.probe(path)
    assert (info.rate, info.channels) == (rate, 2)
    assert info.duration_ms is None or abs(info.duration_ms - 1000) < 150


def test_amr(tmp_path: Path) -> None:
    path = amr(tmp_path / "phone.amr", seconds=3)
    chunks = list(file.read_call(path))
    assert {chunk.party for chunk in chunks} == {A}
    assert len(heard(chunks, A)) == 3 * SAMPLE_RATE
    assert np.abs(heard(chunks, A)).max() > 0.001
    assert file.probe(path) == file.AudioInfo(None, 8000, 1, "amrnb")


def test_lossless_audio_arrives_unchanged(tmp_path: Path, tones: np.ndarray) -> None:
    soundfile.write(tmp_path / "x.wav", tones, SAMPLE_RATE, subtype="FLOAT")
    chunks = list(file.read_call(tmp_path / "x.wav"))
    assert np.array_equal(np.stack([heard(chunks, A), heard(chunks, C)], axis=1), tones)


def test_chunks_follow_each_other_party_by_party(tmp_path: Path, tones: np.ndarray) -> None:
    soundfile.write(tmp_path / "x.wav", tones[:15_000], SAMPLE_RATE)
    chunks = list(file.read_call(tmp_path / "x.wav", block_ms=300))
    assert [(c.party, c.start_ms, len(c.samples)) for c in chunks] == [
        (A, 0, 4800), (C, 0, 4800),
        (A, 300, 4800), (C, 300, 4800),
        (A, 600, 4800), (C, 600, 4800),
        (A, 900, 600), (C, 900, 600),
    ]  # fmt: skip
    assert all(c.samples.dtype == np.float32 for c in chunks)


@pytest.mark.parametrize("block_ms", [1, 10, 32, 1000, 60_000])
def test_block_size_changes_nothing(tmp_path: Path, tones: np.ndarray, block_ms: int) -> None:
    path = encode(tmp_path / "x.wav", tones, "pcm_alaw", 8000)
    expected = heard(list(file.read_call(path)), C)
    assert np.array_equal(heard(list(file.read_call(path, block_ms=block_ms)), C), expected)


def test_channels_can_be_told(tmp_path: Path, tones: np.ndarray) -> None:
    soundfile.write(tmp_path / "x.wav", tones, SAMPLE_RATE, subtype="FLOAT")
    chunks = list(file.read_call(tmp_path / "x.wav", [C, A]))
    assert np.array_equal(heard(chunks, C), tones[:, 0])
    assert file.parties(tmp_path / "x.wav", [C, A]) == (C, A)
    assert file.parties(tmp_path / "x.wav") == (A, C)


def test_mono_is_the_agent_unless_told(tmp_path: Path, tones: np.ndarray) -> None:
    soundfile.write(tmp_path / "x.wav", tones[:, 0], SAMPLE_RATE)
    assert file.parties(tmp_path / "x.wav") == (A,)
    assert {c.party for c in file.read_call(tmp_path / "x.wav", [C])} == {C}


def test_a_recorder_that_never_wrote_the_length_is_read_to_the_end(
    tmp_path: Path, tones: np.ndarray
) -> None:
    path = tmp_path / "piped.wav"
    soundfile.write(path, tones, SAMPLE_RATE)
    data = bytearray(path.read_bytes())
    for unknown in (0, 0x7FFF_F000, 0xFFFF_FFFF):
        data[4:8] = data[40:44] = struct.pack("<I", unknown)
        path.write_bytes(data)
        assert len(heard(list(file.read_call(path)), A)) == 16_000


def test_a_damaged_stretch_becomes_a_visible_gap(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = (0.3 * rng.standard_normal((5 * SAMPLE_RATE, 2))).astype(np.float32)
    path = encode(tmp_path / "x.flac", noise, "flac", SAMPLE_RATE)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    path.write_bytes(data)
    chunks = [c for c in file.read_call(path) if c.party is A]
    ends = [c.start_ms + len(c.samples) // 16 for c in chunks]
    jumps = [
        (end, chunk.start_ms)
        for end, chunk in zip(ends, chunks[1:], strict=False)
        if chunk.start_ms > end
    ]
    assert jumps
    assert sum(start - end for end, start in jumps) == pytest.approx(500, abs=200)
    assert ends[-1] == pytest.approx(5000, abs=5)


def test_hours_of_audio_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    minute = np.zeros((8000 * 60, 2), np.int16)
    with soundfile.SoundFile(path, "w", 8000, 2, "ALAW") as out:
        for _ in range(5):
            out.write(minute)
    tracemalloc.start()
    try:
        last = 0
        for chunk in file.read_call(path, block_ms=1000):
            last = chunk.start_ms
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert last == 299_000
    assert peak < 10e6  # the whole of it would be 38 MB
