"""The exact alignment of one line with what was heard, ending at a given unit.

A best-first search runs backwards from the end of the phrase, so that its work
grows with the errors found, not with the history kept. It is the definition
of a match: the column programme of `stream` only says where to look.

The moves and their costs (sixteenths of an edit):

- hear a syllable for an expected one: `syllable_cost` x weight, plus `TONE`;
- hear a syllable that is not expected: one edit; a hesitation `FILLER`; a
  repeated syllable or pair `REPEAT`;
- miss an expected syllable: one edit x weight, `EDGE` for the first and last,
  little for particles and reduplications; at most `SKIP_RUN` between two
  heard syllables;
- pass a gap or fill a slot: free; then each stretch between them must be
  recognisable by itself (`Line.allowances`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.language.phrases.cells import Line
from monitor.language.phrases.costs import (
    ALIKE,
    EDIT,
    FILLER,
    FILLER_PAIRS,
    FILLER_SOUNDS,
    FILLERS,
    LIGHT,
    LIGHT_COST,
    NEGATED,
    REPEAT,
    SKIP_RUN,
    TURNING,
    alternative_cost,
    syllable_cost,
)
from monitor.language.phrases.index import DOUBT, DOUBTED, Index, Place
from monitor.language.phrases.pattern import Gap, Slot
from monitor.language.phrases.slots import SLOTS, capture
from monitor.language.phrases.syllables import Syllable
from monitor.language.phrases.values import Step, StepKind

PARTICLE_MOST = 0.3  # what leaving out a particle may cost


@dataclass(frozen=True, slots=True)
class Alignment:
    """`first`..`last` are indices into the units given; `cost` in sixteenths."""

    first: int
    last: int
    cost: int
    steps: tuple[Step, ...]
    slots: tuple[tuple[str, str], ...]


def insertion_cost(unit: Syllable, before: Syllable | None) -> int:
    """What an unexpected syllable costs."""
    if unit.text in FILLERS or unit.sound in FILLER_SOUNDS:
        return FILLER
    if before is not None and unit.sound == before.sound:
        return REPEAT
    if unit.text in LIGHT:
        return LIGHT_COST
    if unit.text in TURNING:
        return round(EDIT * NEGATED)
    return round(EDIT * DOUBTED) if unit.confidence < DOUBT else EDIT


def pair_cost(units: Sequence[Syllable], at: int) -> int | None:
    """What the unexpected pair `units[at - 1 : at + 1]` costs as a whole, if it is one.

    A two-syllable hesitation (那个) or a pair said again (有没有没搞错).
    """
    if at < 1:
        return None
    one, two = units[at - 1].sound, units[at].sound
    if (one, two) in FILLER_PAIRS:
        return 2 * FILLER
    if at >= 3 and (units[at - 3].sound, units[at - 2].sound) == (one, two):
        return REPEAT
    return None


_State = tuple[int, int, int, int, int]
"""Boundary, cells left, pieces left in the gap, skips in a row, cost before this stretch."""
_Move = tuple[str, int, str]  # kind, cell or units consumed, captured value


def align(  # noqa: PLR0915  # one search, its moves side by side
    index: Index,
    place: Place,
    units: Sequence[Syllable],
    end: int,
    budget: int,
    *,
    floor: int = 0,
    free: bool = False,
) -> Alignment | None:
    """The cheapest alignment of the line whose last heard unit is `units[end]`.

    Nothing before `units[floor]` is used. `free` lifts the limits on skips in a row and
    on single stretches, to show what came nearest. Among equals the shortest span wins.
    None when every alignment costs more than `budget`.
    """
    line = place.line
    count = len(line.cells)
    skips = [cell.skip for cell in line.cells]
    rows: dict[int, list[int]] = {}

    def costs(at: int) -> list[int]:
        if at not in rows:
            rows[at] = cell_costs(index, place, units[at])
        return rows[at]

    def pieces(left: int) -> tuple[Gap | Slot, ...]:
        return line.cells[left - 1].after if left else line.before

    allowances = () if free else line.allowances
    skip_run = count if free else SKIP_RUN
    start: _State = (end + 1, count, len(pieces(count)), 0, 0)
    heap: list[tuple[int, int, int, _State]] = [(0, -start[0], 0, start)]
    best: dict[_State, int] = {start: 0}
    back: dict[_State, tuple[_State, _Move]] = {}
    pushed = 0

    def reach(cost: int, state: _State, source: _State, move: _Move) -> None:
        nonlocal pushed
        left, base = state[1], state[4]
        if allowances and left < count and cost - base > allowances[left]:
            return
        if cost <= budget and cost < best.get(state, budget + 1):
            best[state] = cost
            back[state] = (source, move)
            pushed += 1
            heapq.heappush(heap, (cost, -state[0], pushed, state))

    while heap:
        cost, _, _, state = heapq.heappop(heap)
        if cost > best[state]:
            continue
        at, left, rest, run, base = state
        if not left and not rest:
            if at > end:
                continue  # nothing was heard at all
            return _retrace(index, place, units, end, state, cost, back, costs)
        if rest:
            piece = pieces(left)[rest - 1]
            # Nothing but the slot itself says where it begins: at the start, and after a gap.
            loose = (rest == 1 and not left) or (
                rest > 1 and isinstance(pieces(left)[rest - 2], Gap)
            )
            for size, value in _fillings(piece, units, at, floor, loose):
                keep = run if size == 0 else 0
                step = (at - size, left, rest - 1, keep, base)
                reach(cost, step, state, ("piece", rest - 1, value))
        else:
            arrive = len(pieces(left - 1))
            # The last syllable of a stretch, met first on the way back, begins its account.
            fresh = allowances and (left == count or line.cells[left - 1].after)
            begun = cost if fresh else base
            if at > floor:
                reach(cost + costs(at - 1)[left - 1], (at - 1, left - 1, arrive, 0, begun), state,
                      ("hear", left - 1, ""))  # fmt: skip
            if run < skip_run:
                reach(cost + skips[left - 1], (at, left - 1, arrive, run + 1, begun), state,
                      ("skip", left - 1, ""))  # fmt: skip
        if left and at > floor:
            before = units[at - 2] if at > 1 else None
            extra = insertion_cost(units[at - 1], before)
            reach(cost + extra, (at - 1, left, rest, 0, base), state, ("insert", 1, ""))
            pair = pair_cost(units, at - 1)
            if pair is not None and at - 2 >= floor:
                reach(cost + pair, (at - 2, left, rest, 0, base), state, ("insert", 2, ""))
    return None


def faithful(alignment: Alignment) -> bool:
    """Whether nothing but hesitations and tones differs: what `exact` asks for."""
    kinds = (StepKind.SAME, StepKind.FILLER, StepKind.SLOT, StepKind.GAP)
    return all(
        step.kind in kinds or (step.kind is StepKind.SKIPPED and step.cost < PARTICLE_MOST)
        for step in alignment.steps
    )


_HEARD = (StepKind.SAME, StepKind.SIMILAR, StepKind.SUBSTITUTED, StepKind.SKIPPED)


def every_word(line: Line, alignment: Alignment) -> bool:
    """Whether of every word of several syllables at least one was heard, or nearly.

    What is left of 我们解决不了 in 还解决不了 is not the phrase.
    """
    kinds = [step.kind for step in alignment.steps if step.kind in _HEARD]
    return all(
        any(kinds[at] in (StepKind.SAME, StepKind.SIMILAR) for at in word) for word in line.words
    )


def cell_costs(index: Index, place: Place, unit: Syllable) -> list[int]:
    """What hearing `unit` costs at each cell of the line."""
    cells = slice(place.first + 1, place.end + 1)
    row = index.row(unit)[cells].astype(np.int64) + index.tone[unit.tone, cells]
    return list(map(int, row))


def _fillings(
    piece: Gap | Slot, units: Sequence[Syllable], at: int, floor: int, loose: bool
) -> list[tuple[int, str]]:
    """(units taken to the left of boundary `at`, captured value) of a gap or slot."""
    if isinstance(piece, Gap):
        return [(size, "") for size in range(min(piece.most, at - floor) + 1)]
    most = min(SLOTS[piece.name].most, at - floor)
    found = [
        (size, value)
        for size in range(1, most + 1)
        if (value := capture(piece.name, units[at - size : at])) is not None
    ]
    # Where nothing else limits the slot, take all of a number, not its end.
    return found[-1:] if loose and SLOTS[piece.name].closed else found


def _retrace(
    index: Index,
    place: Place,
    units: Sequence[Syllable],
    end: int,
    goal: _State,
    cost: int,
    back: dict[_State, tuple[_State, _Move]],
    costs: Callable[[int], list[int]],
) -> Alignment:
    steps: list[Step] = []
    slots: list[tuple[str, str]] = []
    state = goal
    while state in back:
        source, (kind, number, value) = back[state]
        at, upto = state[0], source[0]
        if kind == "hear":
            steps.append(_heard(index, place, units[at], number, costs(at)[number]))
        elif kind == "skip":
            cell = place.line.cells[number]
            steps.append(
                Step(StepKind.SKIPPED, "", cell.text, "", cell.sounds[0], cell.skip / EDIT)
            )
        elif kind == "insert":
            steps.append(_inserted(units, at, upto))
        else:
            left = state[1]
            after = place.line.cells[left - 1].after if left else place.line.before
            piece = after[number]
            said = units[at:upto]
            heard, sound = _text(said), " ".join(unit.sound for unit in said)
            if isinstance(piece, Slot):
                slots.append((piece.name, value))
                steps.append(Step(StepKind.SLOT, heard, f"{{{piece.name}}}", sound, "", 0.0))
            elif said:
                steps.append(Step(StepKind.GAP, heard, "…", sound, "", 0.0))
        state = source
    return Alignment(goal[0], end, cost, tuple(steps), tuple(slots))


def _heard(index: Index, place: Place, unit: Syllable, number: int, cost: int) -> Step:
    cell = place.line.cells[number]
    tone = bool(index.tone[unit.tone, place.first + 1 + number])
    # The way that the cost row took: the chosen syllable or an alternative of the recogniser.
    ways = [(syllable_cost(unit.sound, sound), "", at) for at, sound in enumerate(cell.sounds)]
    for other, relative in unit.alternatives:
        doubt = alternative_cost(relative) / EDIT
        ways += [
            (doubt + syllable_cost(other, sound), other, at) for at, sound in enumerate(cell.sounds)
        ]
    least, via, at = min(ways)
    expected = cell.sounds[at]
    near = syllable_cost(via or unit.sound, expected)
    kind = StepKind.SUBSTITUTED
    if unit.sound == expected or (via == expected and not least):
        kind = StepKind.SAME  # or as likely: figures do not tell 一 from 幺
    elif via or near <= ALIKE:
        kind = StepKind.SIMILAR
    return Step(
        kind,
        unit.text,
        cell.chars[at],
        unit.sound,
        expected,
        cost / EDIT,
        tone and kind is StepKind.SAME,
        via,
    )


def _inserted(units: Sequence[Syllable], at: int, upto: int) -> Step:
    said = units[at:upto]
    if len(said) == 2:
        cost = pair_cost(units, at + 1) or 0
    else:
        cost = insertion_cost(said[0], units[at - 1] if at else None)
    kind = StepKind.FILLER if cost <= REPEAT else StepKind.INSERTED
    return Step(kind, _text(said), "", " ".join(u.sound for u in said), "", cost / EDIT)


def _text(units: Sequence[Syllable]) -> str:
    return "".join(unit.text for unit in units)
