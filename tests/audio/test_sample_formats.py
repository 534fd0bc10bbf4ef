"""Every way to write a sample: the right sound, or one clear line. Never noise."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monitor.audio import file
from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE
from monitor.testing.recordings import encode
from tests.audio import wavs
from tests.audio.wavs import RATE, extensible, fmt, pcm, speechlike, wav

SOUND = speechlike(2.0)
INT32 = np.round(SOUND * (2**31 - 1)).astype("<i4")
UPPER24 = (INT32 & ~0xFF).tobytes()
LOWER24 = (INT32 >> 8).tobytes()
F32, F64 = SOUND.astype("<f4"), SOUND.astype("<f8")


def packed24(big: bool = False) -> bytes:
    wide = (INT32 >> 8).astype(">i4" if big else "<i4").view("u1").reshape(-1, 4)
    return (wide[:, 1:] if big else wide[:, :3]).tobytes()


FORMATS: list[tuple[str, bytes]] = [
    ("16 bits", wav(pcm(SOUND))),
    ("24 bits", wav(packed24(), fmt(bits=24))),
    ("24 in 32, extensible", wav(UPPER24, extensible(1, 32, 24))),
    ("20 in 32, extensible", wav((INT32 & ~0xFFF).tobytes(), extensible(1, 32, 20))),
    ("24 in 32, plain", wav(UPPER24, fmt(bits=24, align=4))),
    ("24 in 32 at the lower end", wav(LOWER24, extensible(1, 32, 24))),
    ("24 in 32 at the lower end, plain", wav(LOWER24, fmt(bits=24, align=4))),
    ("32 bits", wav(INT32.tobytes(), fmt(bits=32))),
    ("16 bits, extensible", wav(pcm(SOUND), extensible(1, 16, 16))),
    ("12 in 16, extensible", wav(pcm(SOUND), extensible(1, 16, 12))),
    ("8 bits", wav((np.round(SOUND * 127) + 128).astype("u1").tobytes(), fmt(bits=8))),
    ("8 bits with a sign", wav(pcm(SOUND, "i1"), fmt(bits=8))),
    ("float", wav(F32.tobytes(), fmt(3, bits=32))),
    ("double", wav(F64.tobytes(), fmt(3, bits=64))),
    ("float, extensible", wav(F32.tobytes(), extensible(1, 32, 32, tag=3))),
    ("float of 16 bits", wav((F32 * 32768).tobytes(), fmt(3, bits=32))),
    ("float of 24 bits", wav((F32 * 2**23).astype("<f4").tobytes(), fmt(3, bits=32))),
    ("double of 32 bits", wav((F64 * 2**31).tobytes(), fmt(3, bits=64))),
    ("float of 16 bits, extensible", wav((F32 * 32767).tobytes(), extensible(1, 32, 32, tag=3))),
    ("RIFX, 16 bits", wavs.rifx(fmt(order=">"), pcm(SOUND, ">i2"))),
    ("RIFX, 24 bits", wavs.rifx(fmt(bits=24, order=">"), packed24(big=True))),
    ("RIFX, 32 bits", wavs.rifx(fmt(bits=32, order=">"), INT32.astype(">i4").tobytes())),
    ("RIFX, float", wavs.rifx(fmt(3, bits=32, order=">"), SOUND.astype(">f4").tobytes())),
    ("AU, 16 bits", wavs.au(pcm(SOUND, ">i2"), 3)),
    ("AU, float", wavs.au(SOUND.astype(">f4").tobytes(), 6)),
    ("AU, float of 16 bits", wavs.au((SOUND * 32768).astype(">f4").tobytes(), 6)),
    ("AIFF", wavs.aiff(pcm(SOUND, ">i2"), len(SOUND))),
    ("CAF", wavs.caf(pcm(SOUND), len(SOUND) * 2)),
    ("W64", wavs.w64(pcm(SOUND), len(SOUND) * 2)),
    ("RF64, double", wavs.rf64(F64.tobytes(), fmt(3, bits=64))),
    ("BW64", wavs.rf64(pcm(SOUND), fmt(), magic=b"BW64")),
    ("zero bytes in front", bytes(700) + wav(pcm(SOUND))),
    ("three zero bytes in front of AU", bytes(3) + wavs.au(pcm(SOUND, ">i2"), 3)),
]


@pytest.mark.parametrize("data", [c[1] for c in FORMATS], ids=[c[0] for c in FORMATS])
def test_the_same_sound_in_every_format(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    heard = np.concatenate([chunk.samples for chunk in file.read_call(path)])
    (tmp_path / "plain.wav").write_bytes(wav(pcm(SOUND)))
    plain = np.concatenate([chunk.samples for chunk in file.read_call(tmp_path / "plain.wav")])
    assert len(heard) == len(plain) == 2 * SAMPLE_RATE
    assert np.abs(heard - plain).max() < 0.02


def test_samples_that_were_scaled_are_told_of(tmp_path: Path) -> None:
    from monitor.audio.seats import seat

    path = tmp_path / "call.wav"
    path.write_bytes(wav((F32 * 32768).tobytes(), fmt(3, bits=32)))
    assert any("浮点采样" in remark for remark in seat(path).remarks)


def clicks() -> bytes:
    broken = F32.copy()
    broken[3000] = 1e6
    return wav(broken.tobytes(), fmt(3, bits=32))


CLEAR: list[tuple[str, bytes, str]] = [
    ("half floats", wav(bytes(4000), fmt(3, bits=16)), "16 位浮点"),
    ("no bits at all", wav(bytes(4000), fmt(bits=0, align=0)), "0 位采样"),
    ("one sample far out of range", clicks(), "超出范围"),
    ("beyond 32 bits", wav((F64 * 1e20).astype("<f8").tobytes(), fmt(3, bits=64)), "超出范围"),
    ("double beyond float", wav((F64 * 1e300).tobytes(), fmt(3, bits=64)), "无效采样"),
    ("a codec of nobody", wav(bytes(4000), fmt(0x7A19, bits=16)), "call.wav"),
    ("raw G.729", bytes(range(1, 200)) * 40, "裸数据"),
    ("raw PCM", pcm(SOUND)[1:], "裸数据"),
    ("a video with no sound in an AVI", b"RIFF\0\1\0\0AVI LIST" + bytes(400), "不是可识别"),
]


@pytest.mark.parametrize(("data", "words"), [c[1:] for c in CLEAR], ids=[c[0] for c in CLEAR])
def test_or_one_clear_line(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    with pytest.raises(UserError, match=words) as error:
        list(file.read_call(path))
    assert "\n" not in str(error.value)


Write = Callable[[Path, np.ndarray, str, int], Path]


@pytest.mark.parametrize(("first", "second"), [(16_000, 8_000), (8_000, 16_000), (16_000, 22_050)])
def test_an_mp3_whose_rate_changes(tmp_path: Path, first: int, second: int) -> None:
    sound = np.repeat(SOUND, SAMPLE_RATE // RATE).astype(np.float32)[:, None]
    parts = [
        encode(tmp_path / f"{rate}.mp3", sound, "libmp3lame", rate).read_bytes()
        for rate in (first, second)
    ]
    path = tmp_path / "both.mp3"
    path.write_bytes(b"".join(parts))
    heard = np.concatenate([chunk.samples for chunk in file.read_call(path)])
    assert len(heard) / SAMPLE_RATE == pytest.approx(4.0, abs=0.3)
    spectrum = np.abs(np.fft.rfft(heard[-SAMPLE_RATE:]))
    assert np.argmax(spectrum) == pytest.approx(300, abs=3)  # at its own pitch


def test_an_mp3_behind_zero_bytes_and_tags(tmp_path: Path) -> None:
    sound = np.repeat(SOUND, 2).astype(np.float32)[:, None]
    mp3 = encode(tmp_path / "x.mp3", sound, "libmp3lame").read_bytes()
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    bare = mp3[mp3.index(b"\xff\xf3") :]
    for data in (
        bytes(1) + mp3,
        bytes(70_000) + mp3,
        tag + bare,
        tag + tag + bare,
        bytes(9) + bare,
    ):
        (tmp_path / "x.mp3").write_bytes(data)
        heard = sum(len(chunk.samples) for chunk in file.read_call(tmp_path / "x.mp3"))
        assert heard / SAMPLE_RATE == pytest.approx(2.0, abs=0.2)


def test_a_wav_longer_than_four_gigabytes_gets_a_long_header() -> None:
    from monitor.audio.headers.riff import _format, _header

    form = _format(fmt(), big=False)
    assert form is not None
    head = _header(form, 5_000_000_000)
    assert head.startswith(b"RF64")
    assert struct.pack("<Q", 5_000_000_000) in head
