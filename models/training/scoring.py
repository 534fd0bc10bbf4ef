"""Greedy decoding and the syllable error rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.training.units import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


def greedy(logp: NDArray[np.float32], blank_penalty: float = 0.0) -> list[int]:
    """Best unit per frame [T, units], repeats merged, blanks dropped."""
    if blank_penalty:
        logp = logp.copy()
        logp[:, BLANK] -= blank_penalty
    best = logp.argmax(-1)
    keep = np.flatnonzero(np.diff(best, prepend=-1))
    return [int(best[i]) for i in keep if best[i] != BLANK]


def errors(pairs: Iterable[tuple[Sequence[int], Sequence[int]]]) -> dict[str, float]:
    """Syllable error rate of (truth, heard) pairs and its three parts."""
    from rapidfuzz.distance import Levenshtein

    counts = {"replace": 0, "delete": 0, "insert": 0}
    total = 0
    for truth, heard in pairs:
        total += len(truth)
        for step in Levenshtein.editops(list(truth), list(heard)):
            counts[step.tag] += 1
    total = max(total, 1)
    return {
        "ser": round(sum(counts.values()) / total, 4),
        "sub": round(counts["replace"] / total, 4),
        "del": round(counts["delete"] / total, 4),
        "ins": round(counts["insert"] / total, 4),
        "syllables": total,
    }
