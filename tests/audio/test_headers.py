"""Headers that are wrong about the sound behind them: all of it is heard, and only it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.audio import file
from monitor.events import SAMPLE_RATE
from monitor.testing.recordings import encode
from tests.audio import wavs
from tests.audio.wavs import chunk, fmt, pcm, riff, speechlike, wav

SOUND = speechlike(3.0)
DATA = pcm(SOUND)
STEREO = pcm(np.stack([SOUND, speechlike(3.0, 1)], 1).ravel())
LIST = chunk(b"LIST", b"INFOISFT\x05\x00\x00\x00call\x00")
BEXT = chunk(b"bext", bytes(602))


def alaw(sound: np.ndarray) -> bytes:
    raw = io.BytesIO()
    soundfile.write(raw, sound, 8000, format="RAW", subtype="ALAW")
    return raw.getvalue()


ALAW = alaw(SOUND)


def seconds_heard(path: Path) -> float:
    samples = sum(len(c.samples) for c in file.read_call(path))
    return samples / SAMPLE_RATE / len(file.parties(path))


def short(data: bytes = DATA, form: bytes | None = None, declared: int = 16_000) -> bytes:
    return wav(data, form, size=declared)


def ds64_short() -> bytes:
    whole = bytearray(wavs.rf64(DATA, fmt()))
    at = whole.index(b"ds64") + 8
    whole[at + 8 : at + 16] = struct.pack("<Q", 8_000)
    return bytes(whole)


# What the file holds → seconds of sound that must be heard.
MORE_THAN_SAID: list[tuple[str, Callable[[], bytes], float]] = [
    ("the header was never brought up to date", short, 3.0),
    ("it says 100 bytes", lambda: short(declared=100), 3.0),
    ("an odd length", lambda: short(declared=8_001), 3.0),
    ("stereo", lambda: short(STEREO, fmt(channels=2)), 3.0),
    ("A-law", lambda: short(ALAW, fmt(6, bits=8), 9_000), 3.0),
    ("a long RF64", ds64_short, 3.0),
    ("raw sound appended behind a whole file", lambda: wav(DATA) + DATA, 6.0),
    ("sound and metadata appended", lambda: wav(DATA) + DATA + LIST, 6.0),
    ("a WAV appended", lambda: wav(DATA) + wav(DATA), 6.0),
    ("three WAVs", lambda: wav(DATA) * 3, 9.0),
    ("a WAV behind metadata", lambda: wav(DATA) + LIST + BEXT + wav(DATA), 6.0),
    ("a WAV of another format", lambda: wav(DATA) + wav(ALAW, fmt(6, bits=8)), 6.0),
    ("a WAV at another rate", lambda: wav(DATA) + wav(DATA * 2, fmt(rate=16_000)), 6.0),
    ("a WAV behind sound that was not declared", lambda: short() + wav(DATA), 6.0),
    (
        "two data chunks",
        lambda: riff(chunk(b"fmt ", fmt()), chunk(b"data", DATA), chunk(b"data", DATA)),
        6.0,
    ),
    (
        "two data chunks, metadata between",
        lambda: riff(chunk(b"fmt ", fmt()), chunk(b"data", DATA), LIST, chunk(b"data", DATA), BEXT),
        6.0,
    ),
    (
        "the second data chunk declared too long",
        lambda: riff(
            chunk(b"fmt ", fmt()), chunk(b"data", DATA), chunk(b"data", DATA, size=len(DATA) + 30)
        ),
        6.0,
    ),
    ("AU", lambda: wavs.au(DATA, 3, size=8000), 3.0),
    ("AU, appended", lambda: wavs.au(DATA, 3) * 2, 6.0),
    ("AIFF", lambda: wavs.aiff(pcm(SOUND, ">i2"), 8_000, size=16_000), 3.0),
    ("AIFF that counts too few frames", lambda: wavs.aiff(pcm(SOUND, ">i2"), 8_000), 3.0),
    ("CAF", lambda: wavs.caf(DATA, 8_000), 3.0),
    ("W64", lambda: wavs.w64(DATA, 8_000), 3.0),
    ("two W64", lambda: wavs.w64(DATA, len(DATA)) * 2, 6.0),
]


@pytest.mark.parametrize(
    ("make", "seconds"), [c[1:] for c in MORE_THAN_SAID], ids=[c[0] for c in MORE_THAN_SAID]
)
def test_sound_behind_the_declared_end_is_heard(
    tmp_path: Path, make: Callable[[], bytes], seconds: float
) -> None:
    (tmp_path / "call.wav").write_bytes(make())
    assert seconds_heard(tmp_path / "call.wav") == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("name", ["x.mp3", "x.m4a", "x.flac", "x.opus", "x.aac"])
def test_recordings_appended_to_each_other_are_all_heard(tmp_path: Path, name: str) -> None:
    codec = {"mp3": "libmp3lame", "m4a": "aac", "flac": "flac", "opus": "libopus", "aac": "aac"}
    sound = np.repeat(SOUND, 2).astype(np.float32)[:, None]
    rate = 48_000 if name == "x.opus" else SAMPLE_RATE
    path = encode(tmp_path / name, sound, codec[name[2:]], rate)
    path.write_bytes(path.read_bytes() * 2)
    assert seconds_heard(path) == pytest.approx(6.0, abs=0.3)


def test_what_was_wrong_with_the_header_is_said(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(short())
    assert file.probe(path).remarks == ("文件头只写了 1.0 秒，实际有 3.0 秒声音，已全部读取",)
    path.write_bytes(wav(DATA) + wav(DATA))
    assert file.probe(path).remarks == ("文件里有 2 段录音，已按先后接在一起",)
    path.write_bytes(wav(DATA))
    assert file.probe(path).remarks == ()


# What stands behind the sound and is none.
NO_SOUND: list[tuple[str, bytes]] = [
    ("LIST", LIST),
    ("several chunks", LIST + BEXT + chunk(b"iXML", b"<x/>" * 200)),
    ("a chunk of a name of its own", chunk(b"NICE", bytes(range(256)) * 40)),
    ("a chunk that is cut off", chunk(b"LIST", bytes(3000), size=9000)),
    ("an ID3 tag", b"ID3\x04\x00\x00\x00\x00\x0f\x76" + bytes(2038)),
    ("an ID3v1 tag", b"TAG" + bytes(125)),
    ("zeros to the next sector", bytes(4096)),
    ("XML", b'<?xml version="1.0"?><call agent="1001"/>\r\n' * 90),
]


@pytest.mark.parametrize(("behind"), [c[1] for c in NO_SOUND], ids=[c[0] for c in NO_SOUND])
def test_metadata_behind_the_sound_are_no_sound(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wav(DATA) + behind)
    assert seconds_heard(path) == 3.0
    path.write_bytes(wavs.rf64(DATA, fmt(), [behind]))
    assert seconds_heard(path) == 3.0
    # Of an unknown length the metadata are found too, where they fill the file to its end.
    if behind in (LIST, NO_SOUND[1][1]):
        path.write_bytes(wav(DATA + behind, size=0xFFFF_FFFF))
        assert seconds_heard(path) == 3.0


def ima(seconds: float) -> bytes:
    """Mono IMA ADPCM at 8 kHz: blocks of 256 bytes, 505 samples each."""
    blocks = int(seconds * 8000 / 505)
    return bytes(256) * blocks


IMA = fmt(0x11, bits=4, align=256, byte_rate=4055, extra=struct.pack("<H", 505))

# Whole recordings with a careless header.
WHOLE: list[tuple[str, bytes]] = [
    ("byte rate half of the truth", wav(DATA, fmt(byte_rate=8_000))),
    ("byte rate zero", wav(DATA, fmt(byte_rate=0))),
    ("byte rate twice the truth", wav(DATA, fmt(byte_rate=32_000))),
    ("block align zero", wav(DATA, fmt(align=0))),
    ("block align of stereo", wav(DATA, fmt(align=4))),
    ("length of the file", wav(DATA, size=len(DATA) + 44)),
    ("length of the file less 8", wav(DATA, size=len(DATA) + 36)),
    (
        "length of the file, long header",
        riff(BEXT, chunk(b"fmt ", fmt()), chunk(b"data", DATA, size=len(DATA) + 12 + 610 + 24 + 8)),
    ),
    ("RIFF size zero", riff(chunk(b"fmt ", fmt()), chunk(b"data", DATA), size=0)),
    ("RF64 with metadata", wavs.rf64(DATA, fmt(), [LIST, BEXT])),
    ("BW64 with metadata", wavs.rf64(DATA, fmt(), [chunk(b"axml", b"<a/>")], magic=b"BW64")),
    ("ADPCM for half an hour", wav(ima(1800), IMA)),
    ("A-law, byte rate of PCM", wav(ALAW, fmt(6, bits=8, byte_rate=16_000))),
]


@pytest.mark.parametrize("data", [c[1] for c in WHOLE], ids=[c[0] for c in WHOLE])
def test_whole_recordings_are_not_called_cut_off(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    assert seconds_heard(path) == pytest.approx(1800 if len(data) > 400_000 else 3.0, abs=0.1)


@pytest.mark.parametrize("form", [fmt(), fmt(byte_rate=8_000), IMA], ids=["pcm", "careless", "ima"])
def test_what_is_cut_off_is_still_called_so(tmp_path: Path, form: bytes) -> None:
    data = ima(10) if form is IMA else DATA
    path = tmp_path / "call.wav"
    path.write_bytes(wav(data[: len(data) // 2], form, size=len(data)))
    with pytest.raises(file.TruncatedAudioError, match="不完整"):
        list(file.read_call(path))


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize("name", [b"LIST", b"bext", b"abcd"])
def test_an_odd_chunk_with_and_without_its_pad_byte(tmp_path: Path, name: bytes, pad: bool) -> None:
    odd = chunk(name, bytes(range(1, 34)), pad=pad)
    path = tmp_path / "call.wav"
    for chunks in ((odd, chunk(b"fmt ", fmt())), (chunk(b"fmt ", fmt()), odd)):
        path.write_bytes(riff(*chunks, chunk(b"data", DATA)))
        assert seconds_heard(path) == 3.0


def test_a_chunk_with_a_wrong_length_does_not_hide_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    for wrong in (7, 60, 5_000):
        broken = chunk(b"LIST", bytes(40), size=wrong)
        path.write_bytes(riff(broken, chunk(b"fmt ", fmt()), chunk(b"data", DATA)))
        assert seconds_heard(path) == 3.0
