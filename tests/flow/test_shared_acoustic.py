"""Blocks of many calls are run together, and nobody can tell from what comes out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from monitor import asr
from monitor.asr.ctc.recognizer import CtcRecognizer
from monitor.asr.scripted import ScriptedRecognizer
from monitor.call.live_shared_acoustic import SharedAcoustic, shared_acoustic


class Slow:
    """A network that waits to be let go, and adds one to what it is given."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.batches: list[int] = []

    def run_batch(self, frames: np.ndarray, cache: np.ndarray) -> Any:
        self.go.wait(20)
        self.batches.append(len(frames))
        if frames.shape[1] == 1:
            raise ValueError("too short")
        return frames + 1, cache + 1


def test_what_waits_together_runs_together_and_finds_its_way_back() -> None:
    slow = Slow()
    shared = SharedAcoustic(slow, limit=4)  # type: ignore[arg-type]
    with ThreadPoolExecutor(7) as calls:
        blocks = [np.full((1, 8, 3), number, np.float32) for number in range(6)]
        short = calls.submit(shared.run, np.zeros((1, 1, 3), np.float32), np.zeros((1, 2)))
        found = [calls.submit(shared.run, block, block[:, 0]) for block in blocks]
        slow.go.set()
        for number, future in enumerate(found):
            posteriors, cache = future.result(20)
            assert (posteriors == number + 1).all()
            assert (cache == number + 1).all()
        with pytest.raises(ValueError, match="too short"):
            short.result(20)
    shared.close()
    assert sum(slow.batches) == 7
    assert max(slow.batches) <= 4


def test_the_embedded_network_says_the_same_in_company() -> None:
    recognizer = asr.load(live=True)
    assert isinstance(recognizer, CtcRecognizer)
    model = recognizer.model
    stack = model.description.stack
    width = (stack.left + 1 + stack.right) * model.description.frontend.bins
    draw = np.random.default_rng(7)
    blocks = draw.standard_normal((5, 1, 8, width)).astype(np.float32)
    with shared_acoustic(recognizer) as shared, ThreadPoolExecutor(5) as calls:
        assert shared is not None
        together = list(calls.map(lambda block: model.run_block(block, model.zero_cache()), blocks))
    for block, (posteriors, cache) in zip(blocks, together, strict=True):
        alone, own = model.run_batch(block, model.zero_cache())
        assert (posteriors == alone).all()
        assert (cache == own).all()
    assert model.run_block == model.run_batch


def test_other_recognisers_are_left_as_they_are() -> None:
    with shared_acoustic(ScriptedRecognizer([])) as shared:
        assert shared is None
