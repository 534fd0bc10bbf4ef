"""Block by block must give what the whole stretch gives."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.ctc.acoustic import BLOCK, AcousticModel
from monitor.asr.ctc.model_folder import read
from monitor.base.errors import UserError

LENGTH = 29
WIDTH, UNITS, RIGHT = 12, 5, 2  # of the tiny networks


@pytest.fixture(scope="module", params=["context", "cache"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny: Any
) -> AcousticModel:
    return AcousticModel(read(tiny.write(tmp_path_factory.mktemp("tiny"), request.param)))


def _frames(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (length, WIDTH)).astype(np.float32)


def _whole(model: AcousticModel, frames: np.ndarray) -> np.ndarray:
    """All frames in one run, by the network's own means of seeing past the edges."""
    frames = model.normalise(frames)
    if model.zero_cache().shape == (1,):
        return model.run(frames)
    padded = np.concatenate([frames, np.repeat(frames[-1:], RIGHT, axis=0)])
    posteriors, _ = model.run_batch(padded[None], model.zero_cache())
    return posteriors[0, RIGHT:]


@given(cuts=st.lists(st.integers(0, LENGTH)), length=st.integers(1, LENGTH))
def test_any_cutting_gives_the_whole(model: AcousticModel, cuts: list[int], length: int) -> None:
    frames = _frames(length)
    stream = model.stream()
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    parts = [stream.feed(frames[a:b]) for a, b in itertools.pairwise(edges)]
    parts.append(stream.finish())
    got = np.concatenate([part for part in parts if len(part)])
    assert got.shape == (length, UNITS)
    np.testing.assert_allclose(got, _whole(model, frames), atol=1e-5)


def test_posteriors_come_as_soon_as_their_block_is_full(model: AcousticModel) -> None:
    stream = model.stream()
    frames = _frames(BLOCK + RIGHT)
    early = stream.feed(frames[: BLOCK + RIGHT - 1])
    assert len(early) < BLOCK
    assert len(early) + len(stream.feed(frames[-1:])) >= BLOCK - RIGHT


def test_nothing_in_nothing_out(model: AcousticModel) -> None:
    assert not len(model.stream().finish())


def test_posteriors_are_probabilities(model: AcousticModel) -> None:
    posteriors = _whole(model, _frames(LENGTH))
    np.testing.assert_allclose(np.exp(posteriors).sum(axis=1), 1, atol=1e-5)


def test_calls_in_one_batch_do_not_mix(tmp_path: Path, tiny: Any) -> None:
    model = AcousticModel(read(tiny.write(tmp_path, "cache")))
    calls = np.stack([model.normalise(_frames(BLOCK, seed)) for seed in range(5)])
    together, states = model.run_batch(calls, model.zero_cache(5))
    for call, posteriors, state in zip(calls, together, states, strict=True):
        alone, own = model.run_batch(call[None], model.zero_cache())
        np.testing.assert_allclose(posteriors, alone[0], atol=1e-5)
        np.testing.assert_allclose(state, own[0], atol=1e-5)


def test_a_network_without_the_promised_output(tmp_path: Path, tiny: Any) -> None:
    folder = read(tiny.write(tmp_path, "context", output="scores"))
    with pytest.raises(UserError, match=r"scores.*logp"):
        AcousticModel(folder)


def test_a_network_with_more_outputs_than_units(tmp_path: Path, tiny: Any) -> None:
    tiny.write(tmp_path, "context")
    (tmp_path / "tokens.txt").write_text("<blank>\nma\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"tokens\.txt.*2.*5"):
        AcousticModel(read(tmp_path))


def test_a_file_that_is_no_network(tmp_path: Path, tiny: Any) -> None:
    tiny.write(tmp_path, "context")
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"model\.onnx"):
        AcousticModel(read(tmp_path))
