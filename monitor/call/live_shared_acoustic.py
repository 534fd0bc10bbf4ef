"""One acoustic network for many live calls: blocks that wait together are run together."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from monitor.asr.ctc.acoustic import AcousticModel, Cache
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.ctc.frontend import Frames
    from monitor.asr.protocol import Recognizer

LIMIT = 16
"""Blocks in one run. A block of eight costs 42 % of one alone, of sixteen 39 %
(benchmarks/README.md, calls that come in)."""


@dataclass(slots=True)
class _Block:
    frames: Frames
    cache: Cache
    found: Future[tuple[Posteriors, Cache]] = field(default_factory=Future)


class SharedAcoustic:
    """Runs the blocks of several calls together, in the order in which they came.

    Nobody waits for company: what has gathered while the network was busy is its next
    batch. Each stream has one block waiting at most, so no call crowds out another.
    """

    def __init__(self, model: AcousticModel, limit: int = LIMIT) -> None:
        self.largest = 0
        self._run_batch = model.run_batch
        self._limit = limit
        self._waiting: queue.SimpleQueue[_Block | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="shared acoustic", daemon=True)
        self._worker.start()

    def run(self, frames: Frames, cache: Cache) -> tuple[Posteriors, Cache]:
        """As `AcousticModel.run_batch`, once the network has come to it."""
        block = _Block(frames, cache)
        self._waiting.put(block)
        return block.found.result()

    def close(self) -> None:
        """Stop when everything that waits is done. No call may run any more."""
        self._waiting.put(None)
        self._worker.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            blocks: list[_Block] = []
            try:
                while len(blocks) < self._limit:
                    block = self._waiting.get(block=not blocks)
                    if block is None:
                        open_ = False
                        break
                    blocks.append(block)
            except queue.Empty:
                pass
            alike: defaultdict[tuple[int, ...], list[_Block]] = defaultdict(list)
            for block in blocks:
                alike[block.frames.shape[1:]].append(block)  # the last of a stretch is shorter
            for group in alike.values():
                self._together(group)

    def _together(self, blocks: Sequence[_Block]) -> None:
        self.largest = max(self.largest, len(blocks))
        try:
            posteriors, caches = self._run_batch(
                np.concatenate([block.frames for block in blocks]),
                np.concatenate([block.cache for block in blocks]),
            )
        except Exception as error:  # belongs to those who wait, on their own threads
            for block in blocks:
                block.found.set_exception(error)
            return
        at = 0
        for block in blocks:
            end = at + len(block.frames)
            block.found.set_result((posteriors[at:end], caches[at:end]))
            at = end


@contextmanager
def shared_acoustic(recognizer: Recognizer) -> Iterator[SharedAcoustic | None]:
    """While this is open, calls on several threads have their blocks run together.

    Recognisers whose network keeps no state between blocks are left as they are.
    """
    from monitor.asr.ctc.model_folder import CacheStreaming
    from monitor.asr.ctc.recognizer import CtcRecognizer

    if not isinstance(recognizer, CtcRecognizer) or not isinstance(
        recognizer.model.description.streaming, CacheStreaming
    ):
        yield None
        return
    shared = SharedAcoustic(recognizer.model)
    recognizer.model.run_block = shared.run
    try:
        yield shared
    finally:
        recognizer.model.run_block = recognizer.model.run_batch
        shared.close()
