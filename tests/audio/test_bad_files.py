"""One clear line for whatever is wrong with a recording."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.audio import file
from monitor.base.errors import UserError
from monitor.base.i18n import use_language
from monitor.events import SAMPLE_RATE, Chunk, Party
from monitor.testing.recordings import encode

NOISE = (0.1 * np.random.default_rng(0).standard_normal((2 * SAMPLE_RATE, 2))).astype(np.float32)


def wav(channels: int, rate: int, data: bytes, size: int | None = None) -> bytes:
    """A 16-bit WAV with whatever the header is to say."""
    frame = 2 * channels
    size = len(data) if size is None else size
    return struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVEfmt ", 16, 1, channels, rate, rate * frame,
        frame, 16, b"data", size,
    ) + data  # fmt: skip


def text(path: Path) -> None:
    path.write_text("这不是音频", encoding="utf-8")


def empty(path: Path) -> None:
    path.touch()


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(50_000))


def zero_channels(path: Path) -> None:
    path.write_bytes(wav(0, 16_000, bytes(3200)))


def zero_rate(path: Path) -> None:
    path.write_bytes(wav(1, 0, bytes(3200)))


def too_low_a_rate(path: Path) -> None:
    path.write_bytes(wav(1, 4000, bytes(3200)))


def header_only(path: Path) -> None:
    path.write_bytes(wav(2, 16_000, b""))


def not_a_number(path: Path) -> None:
    broken = NOISE.copy()
    broken[20_000, 1] = np.nan
    soundfile.write(path, broken, SAMPLE_RATE, subtype="FLOAT")


def infinite(path: Path) -> None:
    broken = NOISE.copy()
    broken[8000, 0] = -np.inf
    soundfile.write(path, broken, SAMPLE_RATE, subtype="DOUBLE")


def six_channels(path: Path) -> None:
    soundfile.write(path, np.zeros((16_000, 6), np.float32), SAMPLE_RATE)


def picture(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://localhost:9/a.ts\n")


def cut_m4a(path: Path) -> None:
    whole = encode(path.with_suffix(".m4a"), NOISE, "aac", SAMPLE_RATE).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


BAD: list[tuple[Callable[[Path], None], str, str]] = [
    (text, "不是可识别的音频文件", "not an audio file"),
    (empty, "文件是空的", "is empty"),
    (random_bytes, "不是可识别的音频文件", "not an audio file"),
    (zero_channels, "零个声道", "zero channels"),
    (zero_rate, "已损坏", "damaged"),
    (too_low_a_rate, "采样率 4000 Hz 太低", "too low"),
    (header_only, "没有声音数据", "holds no sound"),
    (not_a_number, "0:01.250 处第 2 声道有无效采样", "at 0:01.250 in channel 2"),
    (infinite, "0:00.500 处第 1 声道有无效采样", "at 0:00.500 in channel 1"),
    (six_channels, "有 6 个声道", "has 6 channels"),
    (picture, "不是可识别的音频文件", "not an audio file"),
    (playlist, "不是可识别的音频文件", "not an audio file"),
    (cut_m4a, "不完整", "cut off"),
]


@pytest.mark.parametrize(("make", "zh", "en"), BAD, ids=[make.__name__ for make, _, _ in BAD])
def test_bad_files(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    make: Callable[[Path], None],
    zh: str,
    en: str,
) -> None:
    path = tmp_path / "录音.wav"
    make(path)
    for language, words in (("zh", zh), ("en", en)):
        use_language(language)  # type: ignore[arg-type]  # a loop over its two values
        try:
            with pytest.raises(UserError) as error:
                list(file.read_call(path))
        finally:
            use_language("zh")
        message = str(error.value)
        assert words in message
        assert str(path) in message
        assert "\n" not in message
    assert capfd.readouterr() == ("", "")  # FFmpeg keeps its own remarks to itself


@pytest.mark.parametrize(
    ("name", "codec", "knows_length"),
    [
        ("x.wav", "pcm_s16le", True),
        ("x.wav", "pcm_alaw", True),
        ("x.flac", "flac", True),
        ("x.mp3", "libmp3lame", True),
        ("x.ogg", "libvorbis", False),
    ],
)
def test_a_file_cut_short_says_how_far_it_could_be_read(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    write: Callable[..., Path],
    name: str,
    codec: str,
    knows_length: bool,
) -> None:
    path = write(tmp_path / name, np.tile(NOISE, (5, 1)), codec, SAMPLE_RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10 + 1])
    chunks: list[Chunk] = []
    with pytest.raises(file.TruncatedAudioError) as error:
        chunks.extend(file.read_call(path))
    # What was there has been handed on.
    heard = sum(len(chunk.samples) for chunk in chunks if chunk.party is Party.AGENT)
    assert heard / 16 == pytest.approx(error.value.reached_ms, abs=1)
    assert 4500 < error.value.reached_ms < 6500
    assert ("应有 0:10" in str(error.value)) == knows_length
    assert capfd.readouterr() == ("", "")


def test_whole_files_are_not_called_cut_short(tmp_path: Path) -> None:
    for name, codec in (("x.wav", "pcm_s24le"), ("x.mp3", "libmp3lame"), ("x.opus", "libopus")):
        rate = 48_000 if codec == "libopus" else SAMPLE_RATE
        list(file.read_call(encode(tmp_path / name, NOISE[:12_345], codec, rate)))


@pytest.mark.parametrize(
    ("path", "words"), [("nowhere.wav", "文件不存在"), (".", "是文件夹")], ids=["missing", "folder"]
)
def test_paths_that_are_no_files(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        file.probe(tmp_path / path)


def test_channels_must_be_those_of_the_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", NOISE, SAMPLE_RATE)
    with pytest.raises(UserError, match=r"有 2 个声道，--channels 却写了 1 个"):
        file.parties(tmp_path / "x.wav", [Party.AGENT])
    with pytest.raises(UserError, match="--channels"):
        list(file.read_call(tmp_path / "x.wav", [Party.AGENT]))


def test_reading_can_stop_anywhere(tmp_path: Path) -> None:
    """No handle stays open when a reader loses interest (warnings are errors)."""
    soundfile.write(tmp_path / "x.wav", NOISE, SAMPLE_RATE)
    chunks = file.read_call(tmp_path / "x.wav")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # a generator, in fact
