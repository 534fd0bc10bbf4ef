"""Peaks: exact at every resolution, however the audio was cut, and read by range."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audio.waveform import BASE_MS, FOLD, LEVELS, PeakBuilder, PeakFile, Peaks, write
from monitor.base.errors import UserError

Audio = npt.NDArray[np.float32]


def _audio(seconds: float, rate: int, channels: int = 2) -> Audio:
    draw = np.random.default_rng(3)
    return draw.uniform(-1.2, 1.2, (round(seconds * rate), channels)).astype(np.float32)


def _levels(audio: Audio, rate: int, cuts: list[int] | None = None) -> list[Peaks]:
    builder = PeakBuilder(rate, audio.shape[1])
    for part in np.split(audio, sorted(cuts or [])):
        builder.take(part)
    assert builder.duration_ms == round(len(audio) * 1000 / rate)
    return builder.finish()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
def test_each_bucket_holds_the_extremes_of_its_stretch(rate: int) -> None:
    audio = _audio(1.234, rate)
    scaled = np.clip(np.rint(audio * 127), -127, 127)
    for number, level in enumerate(_levels(audio, rate)):
        step = BASE_MS * FOLD**number
        assert len(level) == -(-len(audio) * 1000 // (rate * step))
        for bucket, peaks in enumerate(level):
            first = bucket * step * rate // 1000
            part = scaled[first : (bucket + 1) * step * rate // 1000]
            assert peaks[:, 0].tolist() == part.min(axis=0).tolist()
            assert peaks[:, 1].tolist() == part.max(axis=0).tolist()


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_cutting_changes_nothing(cuts: list[int]) -> None:
    audio = _audio(0.6, 8000)
    whole, cut = _levels(audio, 8000), _levels(audio, 8000, cuts)
    assert all(np.array_equal(a, b) for a, b in zip(whole, cut, strict=True))


def test_lost_audio_is_silence() -> None:
    builder = PeakBuilder(8000, 1)
    builder.skip(8000 * 90)
    assert builder.duration_ms == 90_000
    level = builder.finish()[0]
    assert len(level) == 9000
    assert not level.any()


def _file(folder: Path, seconds: float) -> PeakFile:
    audio = _audio(seconds, 8000)
    out = io.BytesIO()
    write(out, _levels(audio, 8000), round(seconds * 1000))
    path = folder / "x.peaks"
    path.write_bytes(out.getvalue())
    return PeakFile(path)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> PeakFile:
    return _file(tmp_path_factory.mktemp("peaks"), 60.0)


@given(start=st.integers(-1000, 70_000), end=st.integers(-1000, 70_000), most=st.integers(1, 2000))
def test_views_cover_what_was_asked_in_no_more_than_needed(
    minute: PeakFile, start: int, end: int, most: int
) -> None:
    assert (minute.channels, minute.duration_ms) == (2, 60_000)
    view = minute.view(start, end, most)
    first, last = min(max(start, 0), 60_000), min(max(end, 0), 60_000)
    assert view.start_ms <= first
    if last > first:
        assert view.start_ms + len(view.peaks) * view.bucket_ms >= last
        coarsest = view.bucket_ms == BASE_MS * FOLD ** (LEVELS - 1)
        assert len(view.peaks) <= most + 2 or coarsest


def test_a_view_is_the_level_itself(tmp_path: Path) -> None:
    file = _file(tmp_path, 20.0)
    level = _levels(_audio(20.0, 8000), 8000)[1]
    view = file.view(1000, 9000, 250)
    assert view.bucket_ms == 40
    assert np.array_equal(view.peaks, level[25:225])


def test_nothing_recorded(tmp_path: Path) -> None:
    file = _file(tmp_path, 0.0)
    assert len(file.view(0, 1000, 100).peaks) == 0


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.peaks"
    path.write_bytes(b"RIFF")
    with pytest.raises(UserError, match="删除它"):
        PeakFile(path)
