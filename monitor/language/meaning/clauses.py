"""Where a clause ends in text without punctuation, as a recogniser writes it.

A logistic model over the two characters on either side, learned from where
people put punctuation (`models/meaning/train.py`). A pause ends a clause anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.language.meaning.hashing import place

PLACES = 1 << 14
LOOK_AHEAD = 2
"""Characters after a place that decide whether a clause ends there."""
SHORTEST = 6
"""Shorter clauses say too little by themselves; they are judged with their neighbours."""
LONGEST = 32
"""No window is longer, but for a whole turn."""
LONGEST_TURN = 48
SHORT_TURN = 20
"""A turn of so many syllables is judged by thresholds of its own: nothing stands around it."""


def clues(before: str, after: str) -> tuple[int, ...]:
    """Hashed features of a place: up to two characters before and after it."""
    a, b = before[-2:].rjust(2, "^"), after[:2].ljust(2, "$")
    found = (
        f"a{a[1]}", f"b{b[0]}", f"aa{a}", f"bb{b}", f"ab{a[1]}{b[0]}", f"aab{a}{b[0]}",
        f"abb{a[1]}{b}", f"x{a[0]}", f"y{b[1]}",
    )  # fmt: skip
    return tuple(place(feature, PLACES) for feature in found)


@dataclass(frozen=True)
class Cutter:
    """`weights` float32 [PLACES]; a clause ends where their sum exceeds `-bias`."""

    weights: npt.NDArray[np.float32]
    bias: float

    def ends(self, before: str, after: str) -> bool:
        """Whether a clause ends between two stretches of one turn."""
        if not before or not after:
            return False
        return float(self.weights[list(clues(before, after))].sum()) + self.bias > 0

    def cut(self, text: str) -> list[int]:
        """The ends of the clauses of `text`, its own end last."""
        inner = [at for at in range(1, len(text)) if self.ends(text[:at], text[at:])]
        return [*inner, len(text)] if text else []


def windows_ending(ends: Sequence[int], number: int) -> Iterator[tuple[int, int]]:
    """The stretches that end with clause `number` and are judged once it is complete.

    That clause by itself, and with the one before it; a short one only with
    its neighbours. `ends` are the ends of the clauses so far.
    """
    stop = ends[number]
    for back in (0, 1):
        if number - back < 0:
            return
        start = ends[number - back - 1] if number - back else 0
        length = stop - start
        if length > LONGEST and back:
            return
        if length >= SHORTEST:
            yield start, stop


def windows(ends: Sequence[int]) -> list[tuple[int, int]]:
    """Every stretch of a turn that is judged; the whole turn last."""
    found = [w for number in range(len(ends)) for w in windows_ending(ends, number)]
    if ends and ends[-1] <= LONGEST_TURN and (0, ends[-1]) not in found:
        found.append((0, ends[-1]))
    return found
