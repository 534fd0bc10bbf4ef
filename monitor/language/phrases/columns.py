"""One column of the dynamic programme per heard syllable, over all phrases at once.

Cell c of phrase p holds the cheapest cost (sixteenths of an edit) of having
said p up to c, ending with the newest syllable, whatever came before the
phrase. A column of C cells is C bytes; a step is about a dozen numpy calls,
so its cost is theirs up to some ten thousand cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from monitor.language.phrases.align import insertion_cost, pair_cost
from monitor.language.phrases.costs import SKIP_RUN
from monitor.language.phrases.index import Bytes, Index, Place
from monitor.language.phrases.syllables import Syllable

_BYTES = tuple(np.uint8(n) for n in range(256))


class _Column:
    """One byte per cell, with the views that shift it by one cell."""

    __slots__ = ("all", "head", "tail")

    def __init__(self, cells: Bytes) -> None:
        self.all: Bytes = cells.copy()
        self.head: Bytes = self.all[:-1]
        self.tail: Bytes = self.all[1:]


class Columns:
    """The newest column, the one before it, and room to compute the next."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._column = _Column(index.start)
        self._before = _Column(index.ceiling)
        self._new = _Column(index.ceiling)
        self._work = _Column(index.ceiling)
        self._flags = np.zeros(index.size, np.bool_)

    def hear(self, units: Sequence[Syllable]) -> list[int]:
        """Take the newest of `units`; returns the lines whose end is within budget."""
        if not self.index.size:
            return []
        self._step(units)
        below = self._flags
        np.less(self._column.all, self.index.limit, below)
        if not below[below.argmax()]:
            return []
        return [int(line) for line in self.index.owner[np.flatnonzero(below)]]

    def _step(self, units: Sequence[Syllable]) -> None:
        """Hear for an expected syllable, or between them; then skip up to `SKIP_RUN`."""
        index, work = self.index, self._work
        column, before, new = self._column, self._before, self._new
        add, minimum = np.add, np.minimum
        last = len(units) - 1
        unit = units[last]
        add(column.head, index.row(unit)[1:], new.tail)
        if unit.tone:
            add(new.all, index.tone[unit.tone], new.all)
        extra = insertion_cost(unit, units[last - 1] if last else None)
        add(column.all, _BYTES[extra], work.all)
        if index.gaps.size:
            work.all[index.gaps] = column.all[index.gaps]
        minimum(new.all, work.all, out=new.all)
        pair = pair_cost(units, last)
        if pair is not None:
            add(before.all, _BYTES[pair], work.all)
            minimum(new.all, work.all, out=new.all)
        minimum(new.all, index.ceiling, out=new.all)
        for _ in range(SKIP_RUN):
            add(new.head, index.skip, work.tail)
            minimum(new.tail, work.tail, out=new.tail)
        self._column, self._before, self._new = new, column, before

    def cost(self, place: Place) -> int:
        """The cost of the whole line ending now."""
        return int(self._column.all[place.end])

    def nearly(self, place: Place) -> int:
        """The cheapest way to lack only the last one or two syllables."""
        near = self._column.all[max(place.first + 1, place.end - 2) : place.end]
        return int(near.min()) if near.size else int(self.index.ceiling[place.end])

    def under_way(self, place: Place, least: int, most: int) -> bool:
        """Whether at least `least` syllables of the line were just said, at up to `most`.

        A prefix may cost its share of the line's budget.
        """
        cells = self._column.all[place.first + least : place.end]
        allowed = np.minimum(place.progress[least : least + cells.size], most)
        return bool(cells.size) and bool((cells <= allowed).any())

    def clear(self, cells: tuple[int, int]) -> None:
        """Forget every attempt in a range of cells."""
        low, high = cells
        self._column.all[low:high] = self.index.start[low:high]
        self._before.all[low:high] = self.index.ceiling[low:high]

    def take_over(
        self, old: Columns, ranges: Iterable[tuple[tuple[int, int], tuple[int, int]]]
    ) -> None:
        """Copy the state of ranges of cells, given as (old range, own range)."""
        for (low, high), (low2, high2) in ranges:
            self._column.all[low2:high2] = old._column.all[low:high]
            self._before.all[low2:high2] = old._before.all[low:high]
