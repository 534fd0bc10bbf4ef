"""The n-gram of syllables that the decoder leans on.

    python -m models.training.ngram models/embedded

Three sources, each a model of its own, mixed by `WEIGHTS`:

- general Mandarin, text drawn from open-gram's word statistics (`opengram.py`);
- the sentences of the training recordings;
- the dialogues written for this recipe (see `sources.py` for what is left out).

Each is smoothed by absolute discounting, interpolated (Ney, Essen & Kneser
1994); the mixture is written as one backoff model with the n-grams that change
its predictions most (relative entropy, Stolcke 1998).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.training import opengram, units
from models.training.sources import read_sentences, written_dialogues
from monitor.asr.ctc import ngram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Keys = NDArray[np.int64]

ORDER = 4
WEIGHTS = (0.5, 0.2, 0.3)  # general, recordings' sentences, dialogues
DISCOUNTS = {2: 0.5, 3: 0.7, 4: 0.8}
LEAST = {2: 1, 3: 4, 4: 7}  # counts of n-grams drawn that are more than noise
GAIN = {3: 4e-8, 4: 4e-8}  # nats per syllable of all text below which an n-gram is not listed
FILE = "ngram.npz"

_CLAUSE = re.compile(r"[\u4e00-\u9fff]+")
_BANDS = 8  # parts in which n-grams are counted, to save memory


def row_of(lines: Iterable[str]) -> NDArray[np.int16]:
    """Units of sentences, each after a blank; clauses follow on each other."""
    row: list[int] = []
    for line in lines:
        spoken = units.from_hanzi("".join(_CLAUSE.findall(line)))
        if spoken:
            row += [units.BLANK, *spoken]
    return np.array(row, np.int16)


def count(row: NDArray[np.int16], order: int) -> tuple[Keys, Floats]:
    """The n-grams of a row, in order, and how often each occurs.

    A blank, the beginning of a sentence, is part of a history only as its first unit.
    """
    base = units.size()
    end = len(row) - order + 1
    whole = np.ones(end, bool)
    for place in range(1, order):
        whole &= row[place : end + place] != units.BLANK
    bands = np.array_split(np.arange(base), _BANDS)
    found: list[Keys] = []
    counts: list[NDArray[np.int64]] = []
    for band in bands:
        first = row[:end]
        at = np.flatnonzero(whole & (first >= band[0]) & (first <= band[-1]))
        key = np.zeros(len(at), np.int64)
        for place in range(order):
            key = key * base + row[at + place]
        kinds, times = np.unique(key, return_counts=True)
        found.append(kinds)
        counts.append(times)
    return np.concatenate(found), np.concatenate(counts).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """N-grams of one order: what each adds to the shorter history's share."""

    listed: Keys
    added: Floats
    histories: Keys
    share: Floats  # of the shorter history
    frequency: Floats  # of the histories among all text


class Source:
    """Chances of a unit after a history, from one row of units.

    Args:
        row: units, sentences beginning with a blank.
        least: by order, the count from which an n-gram is believed.
    """

    def __init__(self, row: NDArray[np.int16], least: dict[int, int] | None = None) -> None:
        spoken = np.bincount(row[row != units.BLANK], minlength=units.size()) + 0.1
        spoken[units.BLANK] = 0.0
        self._single = spoken / spoken.sum()
        self.levels = {n: self._level(row, n, (least or {}).get(n, 1)) for n in range(2, ORDER + 1)}

    @staticmethod
    def _level(row: NDArray[np.int16], order: int, least: int) -> _Level:
        keys, counts = count(row, order)
        histories, first = np.unique(keys // units.size(), return_index=True)
        totals = np.add.reduceat(counts, first)
        added = np.where(counts >= least, counts - DISCOUNTS[order], 0.0)
        added /= np.repeat(totals, np.diff(first, append=len(keys)))
        share = 1 - np.add.reduceat(added, first)
        keep, known = added > 0, share < 1
        return _Level(
            keys[keep], added[keep], histories[known], share[known], totals[known] / len(row)
        )

    def chances(self, history: tuple[int, ...]) -> Floats:
        """Of every unit, shape [units]."""
        row = self._single
        for size in range(1, len(history) + 1):
            level = self.levels[size + 1]
            key = _number(history[-size:])
            at = int(np.searchsorted(level.histories, key))
            if at < len(level.histories) and level.histories[at] == key:
                first, last = np.searchsorted(
                    level.listed, (key * units.size(), (key + 1) * units.size())
                )
                row = row * level.share[at]
                row[level.listed[first:last] % units.size()] += level.added[first:last]
        return row

    def frequency(self, order: int, key: int) -> float:
        """Of a history among all text."""
        level = self.levels[order]
        at = int(np.searchsorted(level.histories, key))
        known = at < len(level.histories) and level.histories[at] == key
        return float(level.frequency[at]) if known else 0.0


def _number(history: Iterable[int]) -> int:
    key = 0
    for unit in history:
        key = key * units.size() + unit
    return key


def _history(key: int, size: int) -> tuple[int, ...]:
    return tuple(key // units.size() ** place % units.size() for place in reversed(range(size)))


def _order(
    order: int, sources: tuple[Source, ...], weights: tuple[float, ...], lower: ngram.Ngram
) -> ngram.Order:
    """The n-grams of an order that are worth their place beside the `lower` orders."""
    base = units.size()
    levels = [source.levels[order] for source in sources]
    listed: list[int] = []
    costs: list[NDArray[np.uint8]] = []
    histories: list[int] = []
    backoffs: list[float] = []
    for key in np.unique(np.concatenate([level.histories for level in levels])).tolist():
        history = _history(key, order - 1)
        frequency = sum(
            w * source.frequency(order, key) for w, source in zip(weights, sources, strict=True)
        )
        chances = _mixed(sources, weights, history)
        fallback = np.exp(lower.after(history[1:]).astype(np.float64))
        gain = frequency * chances * np.log(np.maximum(chances, 1e-12) / fallback)
        chosen = np.flatnonzero(gain >= GAIN[order])
        if not len(chosen):
            continue
        rest, lower_rest = 1 - chances[chosen].sum(), 1 - fallback[chosen].sum()
        listed += (key * base + chosen).tolist()
        costs.append(_steps(chances[chosen]))
        histories.append(key)
        backoffs.append(max(rest, 1e-6) / max(lower_rest, 1e-6))
    return ngram.Order(
        np.array(listed, np.int64),
        np.concatenate(costs),
        np.array(histories, np.int64),
        _steps(np.array(backoffs)),
    )


def _mixed(
    sources: tuple[Source, ...], weights: tuple[float, ...], history: tuple[int, ...]
) -> Floats:
    total: Floats = np.zeros(units.size())
    for weight, source in zip(weights, sources, strict=True):
        total += weight * source.chances(history)
    return total


def _steps(chances: Floats) -> NDArray[np.uint8]:
    """-ln p as files hold it."""
    costs = -np.log(np.maximum(chances, 1e-12)) / ngram.STEP
    return np.clip(np.round(costs), 0, 255).astype(np.uint8)


def build(
    sources: tuple[Source, ...], weights: tuple[float, ...] = WEIGHTS
) -> tuple[NDArray[np.uint8], tuple[ngram.Order, ...]]:
    """The mixture as one backoff model: the table of pairs, and the orders above."""
    pairs = _steps(np.array([_mixed(sources, weights, (unit,)) for unit in range(units.size())]))
    higher: tuple[ngram.Order, ...] = ()
    for order in range(3, ORDER + 1):
        lower = ngram.Ngram(pairs, higher)
        higher = (*higher, _order(order, sources, weights, lower))
    return pairs, higher


def run(out: Path) -> dict[str, object]:
    """Write the n-gram into a model folder."""
    sources = (
        Source(opengram.stream(), LEAST),
        Source(row_of(dict.fromkeys(read_sentences()))),
        Source(row_of(dict.fromkeys(written_dialogues()))),
    )
    pairs, higher = build(sources)
    ngram.write(out / FILE, pairs, higher)
    return {
        "ngram": str(out / FILE),
        "listed": [len(order.listed) for order in higher],
        "bytes": (out / FILE).stat().st_size,
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1])), ensure_ascii=False))
