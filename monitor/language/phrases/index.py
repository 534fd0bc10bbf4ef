"""All phrases side by side: the arrays that one column of the dynamic programme needs.

Every variant occupies a sentinel (cost 0: a match may start anywhere) and one
byte per expected syllable in one flat array of C cells. The cost row of a
heard syllable, C bytes, is built once and kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from monitor.language.phrases.cells import Cell, Line
from monitor.language.phrases.costs import (
    ALIKE,
    EDIT,
    FAR,
    NEVER,
    SKIP_RUN,
    TONE,
    CostTable,
    alternative_cost,
)
from monitor.language.phrases.syllables import Syllable

Bytes = npt.NDArray[np.uint8]

DOUBT = 0.5
"""Below this confidence a wrong syllable counts only `DOUBTED` of its cost."""
DOUBTED = 0.7
_TONES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a line lives: `first` is its sentinel, `end` its last cell; `phrase` its owner."""

    line: Line
    phrase: int
    first: int
    end: int
    progress: Bytes  # the budget of each prefix, in proportion to its syllables


class Index:
    """Immutable arrays over C cells, and the lazily built cost rows."""

    def __init__(self, lines: Sequence[tuple[int, Line]]) -> None:
        self.places: list[Place] = []
        cells: list[Cell | None] = []
        for phrase, line in lines:
            first = len(cells)
            cells.append(None)
            cells.extend(line.cells)
            count = len(line.cells)
            progress = np.array([line.budget * c // count for c in range(count + 1)], np.uint8)
            self.places.append(Place(line, phrase, first, len(cells) - 1, progress))
        self.size = len(cells)
        # Of every cell but the first: what the shifted columns of the stream need.
        self.skip = np.array([c.skip if c else NEVER for c in cells[1:]], np.uint8)
        self.ceiling = np.array([FAR if c else 0 for c in cells], np.uint8)
        # Before anything is heard the first syllables may already be given up.
        self.start = self.ceiling.copy()
        for _ in range(SKIP_RUN):
            skipped = self.start[:-1] + self.skip
            self.start[1:] = np.minimum(self.start[1:], np.minimum(skipped, self.ceiling[1:]))
        # A cell hits when its cost is below the limit: only ends have one.
        self.limit = np.zeros(self.size, np.uint8)
        self.owner = np.zeros(self.size, np.intp)
        for number, place in enumerate(self.places):
            self.limit[place.end] = place.line.budget + 1
            self.owner[place.first : place.end + 1] = number
        self.gaps = np.array([at for at, c in enumerate(cells) if c and c.after], np.intp)
        # An end cell with a trailing slot does not stay: its slot is verified to the right.
        self.gaps = np.setdiff1d(self.gaps, [p.end for p in self.places])
        self.tone = self._tone_rows(cells)
        # Cells that expect the same with the same weight are one kind.
        numbers: dict[str, int] = {"": 0}
        kinds: dict[tuple[tuple[int, ...], float, bool], int] = {}
        kind: list[int] = []
        for cell in cells:
            sounds = cell.sounds if cell else ("",)
            ways = tuple(numbers.setdefault(s, len(numbers)) for s in sounds)
            weight = cell.weight if cell else 1.0
            kind.append(kinds.setdefault((ways, weight, bool(cell and cell.keen)), len(kinds)))
        most = max(len(ways) for ways, _, _ in kinds) if kinds else 1
        self._table = CostTable(list(numbers))
        self._kind = np.array(kind, np.intp)
        self._ways = np.array([[*w, *[w[0]] * (most - len(w))] for w, _, _ in kinds], np.intp)
        self._ways = self._ways.reshape(len(kinds), most)
        self._weights = np.array([weight for _, weight, _ in kinds])
        self._keen = np.array([keen for _, _, keen in kinds], np.bool_)
        self._cached = lru_cache(maxsize=512)(self._build)

    def row(self, unit: Syllable) -> Bytes:
        """C costs of hearing `unit` where each cell expects its own; not to be written to."""
        doubtful = unit.confidence < DOUBT
        row = self._cached(unit.sound, doubtful)
        if unit.alternatives:
            row = row.copy()
            for sound, relative in unit.alternatives:
                other = self._cached(sound, doubtful)
                np.minimum(row, np.minimum(other + np.uint8(alternative_cost(relative)), NEVER),
                           out=row)  # fmt: skip
        return row

    def _build(self, sound: str, doubtful: bool) -> Bytes:
        base = self._table.row(sound)[self._ways].min(axis=1)
        scale = EDIT * (DOUBTED if doubtful else 1.0)
        costs = np.minimum(NEVER, np.rint(scale * self._weights * base)).astype(np.uint8)
        if not doubtful:
            costs[self._keen & (base > ALIKE)] = NEVER
        row: Bytes = costs[self._kind]
        row.flags.writeable = False
        return row

    def _tone_rows(self, cells: list[Cell | None]) -> Bytes:
        rows = np.zeros((_TONES, self.size), np.uint8)
        for at, cell in enumerate(cells):
            if cell and cell.tones:
                for tone in range(1, _TONES):
                    if not cell.tones >> tone & 1:
                        rows[tone, at] = TONE
        return rows
