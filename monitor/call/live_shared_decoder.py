"""One decoder for many live calls."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.asr.protocol import Recognizer
    from monitor.asr.whisper.hypothesis import Decoder, Hypothesis, Window


class SharedDecoder:
    """Decodes the windows of several calls together, in the order in which they came.

    Calls that run on threads of their own wait here for one model. Each stream
    has one window waiting at most, and whatever waits when the model is free
    goes into its next batch, oldest first: no call can crowd out another.
    """

    def __init__(self, decoder: Decoder, limit: int = 8) -> None:
        self.longest_ms = decoder.longest_ms
        self._decoder = decoder
        self._limit = limit
        self._waiting: queue.SimpleQueue[tuple[Window, Future[Hypothesis]] | None] = (
            queue.SimpleQueue()
        )
        self._worker = threading.Thread(target=self._work, name="shared decoder", daemon=True)
        self._worker.start()

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """A hypothesis for each window, once the model has come to them."""
        promised: list[Future[Hypothesis]] = []
        for window in windows:
            promised.append(Future())
            self._waiting.put((window, promised[-1]))
        return [future.result() for future in promised]

    def close(self) -> None:
        """Stop when everything that waits is decoded. No call may decode any more."""
        self._waiting.put(None)
        self._worker.join()

    def _work(self) -> None:
        open_ = True
        while open_:
            batch: list[tuple[Window, Future[Hypothesis]]] = []
            try:
                while len(batch) < self._limit:
                    item = self._waiting.get(block=not batch)
                    if item is None:
                        open_ = False
                        break
                    batch.append(item)
            except queue.Empty:
                pass
            try:
                found = self._decoder.decode([window for window, _ in batch])
            except Exception as error:  # belongs to those who wait, on their own threads
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), hypothesis in zip(batch, found, strict=True):
                    future.set_result(hypothesis)


@contextmanager
def shared_decoder(recognizer: Recognizer, limit: int = 8) -> Iterator[None]:
    """While this is open, calls on several threads have their windows decoded together.

    Recognisers that decode no windows are left as they are.
    """
    from monitor.asr.whisper.recognizer import WhisperRecognizer

    if not isinstance(recognizer, WhisperRecognizer):
        yield
        return
    alone, shared = recognizer.decoder, SharedDecoder(recognizer.model, limit)
    recognizer.decoder = shared
    try:
        yield
    finally:
        recognizer.decoder = alone
        shared.close()
