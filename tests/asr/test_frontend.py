"""The frontend: Kaldi's numbers, whatever the cutting."""

from __future__ import annotations

import itertools

import kaldi_native_fbank as knf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.ctc.frontend import Stacker, StreamingFrontend
from monitor.asr.ctc.model_folder import Frontend, Stack

RATE = 16_000
FRONTEND = Frontend(bins=8)
STACK = Stack(left=2, right=2, stride=3)


def _audio(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)


def _run(samples: np.ndarray, edges: list[int]) -> np.ndarray:
    frontend = StreamingFrontend(FRONTEND, STACK, RATE)
    bounds = [0, *edges, len(samples)]
    parts = [frontend.feed(samples[a:b]) for a, b in itertools.pairwise(bounds)]
    return np.concatenate([*parts, frontend.finish()])


@given(
    count=st.integers(0, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=40),
)
def test_cutting_changes_nothing(count: int, cuts: list[int]) -> None:
    samples = _audio(count)
    np.testing.assert_array_equal(
        _run(samples, sorted(min(cut, count) for cut in cuts)), _run(samples, [])
    )


@pytest.mark.parametrize("count", [0, 1, 399, 400, 401, 3_333, 8_000])
def test_single_samples_give_the_same(count: int) -> None:
    samples = _audio(count)
    np.testing.assert_array_equal(_run(samples, list(range(count))), _run(samples, []))


def test_frames_are_kaldis() -> None:
    samples = _audio(4000)
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 8
    options.energy_floor = 0.0
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(RATE, (samples * 32768).tolist())
    bank.input_finished()
    frames = np.stack([bank.get_frame(t) for t in range(bank.num_frames_ready)])
    assert len(frames) == (4000 - 400) // 160 + 1
    padded = np.pad(frames, ((2, 2), (0, 0)), mode="edge")
    expected = [padded[t : t + 5].ravel() for t in range(0, len(frames), 3)]
    np.testing.assert_array_equal(_run(samples, []), expected)


@given(
    left=st.integers(0, 4),
    right=st.integers(0, 4),
    stride=st.integers(1, 5),
    count=st.integers(1, 30),
    step=st.integers(1, 30),
)
def test_stacking_repeats_the_edges(
    left: int, right: int, stride: int, count: int, step: int
) -> None:
    frames = np.arange(count, dtype=np.float32)[:, None]
    stacker = Stacker(Stack(left=left, right=right, stride=stride), 1)
    parts = [stacker.feed(frames[at : at + step]) for at in range(0, count, step)]
    got = np.concatenate([*parts, stacker.finish()])
    expected = [
        [min(max(centre + near, 0), count - 1) for near in range(-left, right + 1)]
        for centre in range(0, count, stride)
    ]
    np.testing.assert_array_equal(got, expected)


def test_a_stretch_too_short_for_a_frame_has_none() -> None:
    assert len(_run(_audio(399), [])) == 0
