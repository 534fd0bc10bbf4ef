"""The streaming resampler."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.audio.resample import Resampler
from monitor.events import SAMPLE_RATE

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000)


def resampled(x: np.ndarray, rate: int, sizes: list[int]) -> np.ndarray:
    """In blocks of the given sizes, repeated as long as needed."""
    stream = Resampler(rate, x.shape[1])
    parts, at, turn = [], 0, 0
    while at < len(x):
        size = max(1, sizes[turn % len(sizes)])
        parts.append(stream.feed(x[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*parts, stream.flush()])


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(RATES),
    st.integers(0, 3000),
    st.integers(1, 2),
    st.lists(st.integers(1, 700), min_size=1, max_size=6),
)
def test_blocks_change_nothing(rate: int, length: int, channels: int, sizes: list[int]) -> None:
    x = np.random.default_rng(length).standard_normal((length, channels)).astype(np.float32)
    whole = resampled(x, rate, [max(1, length)])
    assert np.array_equal(whole, resampled(x, rate, sizes))
    assert abs(len(whole) - length * SAMPLE_RATE / rate) <= 0.5


def test_single_samples_change_nothing() -> None:
    x = np.random.default_rng(1).standard_normal((2000, 2)).astype(np.float32)
    assert np.array_equal(resampled(x, 8000, [2000]), resampled(x, 8000, [1]))


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_place_pitch_and_level(rate: int) -> None:
    seconds = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 440 * seconds).astype(np.float32)[:, None]
    wanted = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    got = resampled(tone, rate, [rate])[:, 0]
    middle = slice(800, -800)  # the filter rings at the edges
    assert np.allclose(got[middle], wanted[middle], atol=1e-3)


def test_what_is_above_half_the_rate_does_not_fold_back() -> None:
    hiss = np.sin(2 * np.pi * 12_000 * np.arange(48_000) / 48_000).astype(np.float32)[:, None]
    folded = resampled(hiss, 48_000, [480])[800:-800]
    assert np.abs(folded).max() < 1e-3
