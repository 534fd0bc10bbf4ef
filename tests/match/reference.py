"""The exhaustive reference: what docs/matching.md defines, computed the slow and plain way.

No arrays, no index, no search: a recursion over (syllables heard, pieces of the
pattern consumed, skips in a row), from scratch for every syllable. It shares
with the matcher only the definitions: `syllable_cost`, a line's cells and
budget, the slots' grammars, and the numbers of the scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from monitor.language.phrases.cells import Cell, Line
from monitor.language.phrases.costs import syllable_cost
from monitor.language.phrases.pattern import Gap, Slot
from monitor.language.phrases.slots import SLOTS, capture
from monitor.language.phrases.syllables import Syllable

BREAK_MS = 3000
SETTLE_MS = 700
NOTHING = (10**9, 0)

Element: TypeAlias = "Cell | Gap | Slot | None"
"""None: any number of anything."""


@dataclass(frozen=True)
class Occurrence:
    """Units `first`..`last`, settled when unit `at` was heard (or at the end: the count)."""

    line: int
    first: int
    last: int
    cost: int
    at: int


def hearing(cell: Cell, unit: Syllable) -> int:
    """Sixteenths of an edit for hearing `unit` where `cell` is expected."""

    def wrong(sound: str) -> int:
        edits = min(syllable_cost(sound, expected) for expected in cell.sounds)
        doubt = 0.7 if unit.confidence < 0.5 else 1.0
        if cell.keen and edits > 0.6 and doubt == 1.0:
            return 50
        return min(50, round(16 * doubt * cell.weight * edits))

    ways = [wrong(unit.sound)]
    for sound, relative in unit.alternatives:
        doubt = 0 if relative >= 1 else min(16, round(16 * -math.log(max(relative, 1e-6)) / 3))
        ways.append(min(50, wrong(sound) + doubt))
    tone = bool(unit.tone and cell.tones and not cell.tones >> unit.tone & 1)
    return min(ways) + tone


def between(units: Sequence[Syllable], at: int) -> int:
    """Sixteenths for `units[at]` where nothing is expected."""
    unit = units[at]
    if unit.text in "嗯啊呃额哦噢唉哎诶呀嘛呢吧哈欸" and unit.text:
        return 1
    if unit.sound in {"en", "e", "a", "o", "ng", "n"}:
        return 1
    if at and units[at - 1].sound == unit.sound:
        return 2
    if unit.text and unit.text in "就都也还又再可才倒你您我":
        return 6
    if unit.text and unit.text in "不没别":
        return 24
    return 11 if unit.confidence < 0.5 else 16


def pair_between(units: Sequence[Syllable], at: int) -> int | None:
    """Sixteenths for `units[at - 1 : at + 1]` together, if they are a pair to overhear."""
    if at < 1:
        return None
    pair = (units[at - 1].sound, units[at].sound)
    if pair in {("na", "ge"), ("zhe", "ge"), ("jiu", "shi"), ("ran", "hou"), ("shi", "ba"),
                ("de", "hua"), ("dao", "di")}:  # fmt: skip
        return 2
    if at >= 3 and (units[at - 3].sound, units[at - 2].sound) == pair:
        return 2
    return None


def elements(line: Line, *, whole: bool) -> list[Element]:
    """The pieces of a line in order; with `whole` False slots and gaps may hold anything."""
    found: list[Element] = list(line.before) if whole else []
    for number, cell in enumerate(line.cells):
        found.append(cell)
        if whole:
            found += cell.after
        elif cell.after and number < len(line.cells) - 1:
            found.append(None)
    return found


Way: TypeAlias = tuple[int, int, int]
"""(cost, cost within the stretch, -first unit)"""


class Costs:
    """Cheapest ways to have consumed a prefix of the pieces before unit `end`.

    `allowances` limits what each stretch between slots and gaps may cost; ways
    that are better in no respect are dropped.
    """

    def __init__(
        self,
        pieces: Sequence[Element],
        units: Sequence[Syllable],
        floor: int,
        allowances: Sequence[int] = (),
    ) -> None:
        self.pieces, self.units, self.floor = pieces, units, floor
        self.solid = [isinstance(piece, Cell) for piece in pieces]
        self.allowances = allowances
        self.of = lru_cache(maxsize=None)(self._of)

    def best(self, end: int, consumed: int) -> tuple[int, int]:
        """(cost, -first unit) of the cheapest way."""
        ways = self.ways(end, consumed)
        return min(((cost, first) for cost, _, first in ways), default=NOTHING)

    def ways(self, end: int, consumed: int) -> list[Way]:
        return _worthy(way for run in range(3) for way in self.of(end, consumed, run))

    def _plus(self, ways: Sequence[Way], cost: int, consumed: int, *, cell: bool) -> list[Way]:
        """`cost` more; with the last cell of a stretch the next one begins."""
        done = sum(self.solid[:consumed])  # cells consumed by now
        number = done - 1 if cell else done
        limited = bool(self.allowances) and number < len(self.allowances)
        found = []
        for total, stretch, first in ways:
            within = stretch + cost
            if limited and within > self.allowances[number]:
                continue
            last = cell and (
                consumed == len(self.pieces) or not isinstance(self.pieces[consumed], Cell)
            )
            kept = within if self.allowances and not last else 0
            found.append((total + cost, kept, first))
        return found

    def _of(self, end: int, consumed: int, run: int) -> list[Way]:  # noqa: PLR0912
        if consumed == 0:
            return [(0, 0, -end)] if end >= self.floor and run == 0 else []
        if end < self.floor:
            return []
        found: list[Way] = []
        piece = self.pieces[consumed - 1]
        if isinstance(piece, Cell):
            if run:
                ways = self.of(end, consumed - 1, run - 1)
                found += self._plus(ways, piece.skip, consumed, cell=True)
            elif end > self.floor:
                heard = hearing(piece, self.units[end - 1])
                ways = self.ways(end - 1, consumed - 1)
                found += self._plus(ways, heard, consumed, cell=True)
        else:
            if self._may_be_empty(piece):
                found += self.of(end, consumed - 1, run)
            if run == 0:
                sizes = self._sizes(piece, end)
                if isinstance(piece, Slot) and SLOTS[piece.name].closed:
                    # Nothing before a leading slot limits it: it takes all it can.
                    sizes = sizes if any(self.solid[: consumed - 1]) else sizes[-1:]
                for size in sizes:
                    found += self.ways(end - size, consumed - 1)
        if run == 0 and any(self.solid[:consumed]):
            if end > self.floor:
                extra = between(self.units, end - 1)
                found += self._plus(self.ways(end - 1, consumed), extra, consumed, cell=False)
            pair = pair_between(self.units, end - 1) if end - 2 >= self.floor else None
            if pair is not None:
                found += self._plus(self.ways(end - 2, consumed), pair, consumed, cell=False)
        return _worthy(found)

    def _may_be_empty(self, piece: Element) -> bool:
        return not isinstance(piece, Slot)

    def _sizes(self, piece: Element, end: int) -> list[int]:
        room = end - self.floor
        if piece is None:
            return list(range(1, room + 1))
        if isinstance(piece, Gap):
            return list(range(1, min(room, piece.most) + 1))
        assert isinstance(piece, Slot)
        return [
            size
            for size in range(1, min(room, SLOTS[piece.name].most) + 1)
            if capture(piece.name, self.units[end - size : end]) is not None
        ]


def _worthy(ways: Iterable[Way]) -> list[Way]:
    """Those that no other way beats in every respect."""
    kept: list[Way] = []
    for way in sorted(set(ways)):
        if not any(all(a <= b for a, b in zip(other, way, strict=True)) for other in kept):
            kept.append(way)
    return kept


def occurrences(  # noqa: PLR0912  # one loop, as the definition reads
    lines: Sequence[Line], units: Sequence[Syllable]
) -> list[Occurrence]:
    """Every occurrence of one phrase, given by its lines, each once and in order."""
    found: list[Occurrence] = []
    floor = 0
    waiting: tuple[int, int, int, int] | None = None  # cost, line, end, start
    armed: dict[int, int] = {}

    def accept(at: int) -> None:
        nonlocal waiting, floor
        assert waiting is not None
        cost, line, end, first = waiting
        found.append(Occurrence(line, first, end, cost, at))
        waiting, floor = None, at
        armed.clear()

    for at, unit in enumerate(units):
        if waiting and units[waiting[2]].end_ms + SETTLE_MS < unit.start_ms:
            accept(at)
        if at and unit.start_ms - units[at - 1].end_ms > BREAK_MS:
            if waiting:
                accept(at)
            floor = max(floor, at)
            armed.clear()
        seen = units[: at + 1]
        proposals: list[tuple[int, int, int]] = []
        for number, line in enumerate(lines):
            loose = Costs(elements(line, whole=False), seen, floor)
            if loose.best(at + 1, len(loose.pieces))[0] > line.budget:
                continue
            if line.trailing:
                armed[number] = at + line.reach
            else:
                whole = Costs(elements(line, whole=True), seen, floor, line.allowances)
                cost, start = whole.best(at + 1, len(whole.pieces))
                if cost <= line.budget:
                    proposals.append((number, cost, -start))
        for number in sorted(armed):
            whole = Costs(
                elements(lines[number], whole=True), seen, floor, lines[number].allowances
            )
            cost, start = whole.best(at + 1, len(whole.pieces))
            if at <= armed[number] and cost <= lines[number].budget:
                proposals.append((number, cost, -start))
        for number, cost, first in proposals:
            grows = bool(lines[number].trailing)
            if (
                waiting is None
                or cost < waiting[0]
                or (cost == waiting[0] and grows and number == waiting[1])
                or (cost == waiting[0] and _goes_on(lines[waiting[1]], lines[number]))
            ):
                waiting = (cost, number, at, first)
        if waiting and not _may_improve(lines, waiting, armed, seen, floor):
            accept(at + 1)
    if waiting:
        accept(len(units))
    return found


def _may_improve(
    lines: Sequence[Line],
    waiting: tuple[int, int, int, int],
    armed: dict[int, int],
    units: Sequence[Syllable],
    floor: int,
) -> bool:
    cost, number, end, _ = waiting
    line, at = lines[number], len(units) - 1
    if line.trailing:
        return at < armed.get(number, at) and at - end < 2
    if at - end >= 3:
        return False
    return any(_nearly(other, units, floor) < cost + _goes_on(line, other) for other in lines)


def _goes_on(line: Line, other: Line) -> bool:
    return (line.short or line.exact) and len(other.cells) > len(line.cells)


def _nearly(line: Line, units: Sequence[Syllable], floor: int) -> int:
    """The cheapest way to lack only the last one or two syllables, gaps holding anything."""
    loose = Costs(elements(line, whole=False), units, floor)
    pieces = loose.pieces
    # Having heard all but the last, or all but the last two, syllables (and what may follow).
    ends = [n for n in range(len(pieces)) if isinstance(pieces[n], Cell)][-3:-1]
    ends = [n + 2 if pieces[n + 1] is None else n + 1 for n in ends]
    return min((loose.best(len(units), consumed)[0] for consumed in ends), default=NOTHING[0])
