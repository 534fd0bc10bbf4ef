"""Streaming CTC decoding: log-posteriors in, units out, each decided once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.asr.acoustic import Posteriors


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One decoded output of the network; frames count from the beginning of the stretch."""

    index: int
    first: int  # frame in which it first won
    last: int  # frame in which it last won
    peak: int  # frame in which it was surest
    row: npt.NDArray[np.float32]  # log-posteriors of that frame, shape [units]

    @property
    def probability(self) -> float:
        return float(np.exp(self.row[self.index]))


class GreedyDecoder:
    """Best unit per frame, repeats joined, blanks dropped.

    A unit is decided when the frame after its run has been seen.
    """

    def __init__(self, blank: int, blank_penalty: float = 0.0) -> None:
        self._blank = blank
        self._penalty = np.float32(blank_penalty)
        self._seen = 0
        self._open: Unit | None = None

    @property
    def settled(self) -> int:
        """Every unit that starts before this frame has been returned."""
        return self._seen if self._open is None else self._open.first

    @property
    def pending(self) -> Unit | None:
        """The unit being heard, not decided yet."""
        return self._open

    def feed(self, posteriors: Posteriors) -> list[Unit]:
        """Units decided by these frames, shape [frames, units] (any number of frames)."""
        if not len(posteriors):
            return []
        scores = posteriors
        if self._penalty:
            scores = posteriors.copy()
            scores[:, self._blank] -= self._penalty
        done: list[Unit] = []
        for row, index in zip(posteriors, scores.argmax(axis=1).tolist(), strict=True):
            done.extend(self._frame(index, row))
        return done

    def finish(self) -> list[Unit]:
        """The unit still open, if any."""
        done = [self._open] if self._open is not None else []
        self._open = None
        return done

    def _frame(self, index: int, row: npt.NDArray[np.float32]) -> list[Unit]:
        frame, self._seen = self._seen, self._seen + 1
        unit = self._open
        if unit is not None and unit.index == index:
            better = row[index] > unit.row[index]
            self._open = Unit(
                index,
                unit.first,
                frame,
                frame if better else unit.peak,
                row if better else unit.row,
            )
            return []
        self._open = None if index == self._blank else Unit(index, frame, frame, frame, row)
        return [unit] if unit is not None else []
