"""`MatchStream`: one party's syllables in, matches out.

Per syllable one column of a weighted edit-distance programme over all phrases
is computed at once in bytes (numpy). Where an end cell stays within its budget
there is a *candidate*. It settles when the next syllables cannot improve it,
is aligned exactly, and then waits, if it must, for the word boundary to its
right and for phrases that might still come to protect it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from monitor.events import Party, Token
from monitor.rules.match.align import SKIP_RUN, Alignment, align, insertion_cost, pair_cost
from monitor.rules.match.cells import Line
from monitor.rules.match.context import another_word, courteous, on_boundaries
from monitor.rules.match.costs import EDIT
from monitor.rules.match.index import Bytes, Index
from monitor.rules.match.pattern import Gap, Slot
from monitor.rules.match.slots import SLOTS
from monitor.rules.match.units import Unit, split
from monitor.rules.match.values import Match

if TYPE_CHECKING:
    from monitor.rules.match.matcher import Compiled, Matcher

BREAK_MS = 3000
"""A silence this long inside a phrase ends every attempt at it."""
SETTLE_UNITS = 3
SETTLE_MS = 700
HOLD_MS = 1500
HOLD_MOST_MS = 6000
LEFT_UNITS, RIGHT_UNITS = 8, 2
KEEP = 320
_ALL = 1 << 62
_BYTES = tuple(np.uint8(n) for n in range(256))
REGEX_UNITS = 64


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An end within budget that may still improve; units are counted from the stream's start."""

    place: int
    cost: int
    end: int
    seen: int
    deadline: int
    first: int = -1  # of a regular expression, which needs no alignment


@dataclass(frozen=True, slots=True)
class _Found:
    """A settled occurrence over units `first..last`."""

    phrase: int
    first: int
    last: int
    match: Match
    deadline: int


class Column:
    """One byte per cell, with the views that shift it by one cell."""

    __slots__ = ("all", "head", "tail")

    def __init__(self, cells: Bytes) -> None:
        self.all = cells.copy()
        self.head = self.all[:-1]
        self.tail = self.all[1:]


class MatchStream:
    """State of one party of one call; bounded, light, deterministic.

    Feed tokens in the order of speech. Matches are returned once each.
    """

    def __init__(self, matcher: Matcher, party: Party) -> None:
        self.party = party
        self._matcher = matcher
        self._coming: Matcher | None = None
        self._units: list[Unit] = []
        self._base = 0  # running number of _units[0]
        self._tokens = 0
        self._barrier = 0  # nothing before this unit belongs to a match in progress
        self._turns: list[int] = []  # units that begin an utterance
        self._set_columns(matcher.index)
        self._free: dict[int, int] = {}  # phrase → first unit its next occurrence may use
        self._candidates: dict[int, _Candidate] = {}
        self._armed: dict[int, int] = {}  # place with a trailing slot → last unit to look at
        self._held: list[_Found] = []
        self._recent: list[_Found] = []

    def feed(self, token: Token) -> list[Match]:
        """The next committed token. Returns what became certain with it."""
        waiting = self._held or self._candidates
        matches = self._release(token.start_ms) if waiting else []
        if self._coming is not None:
            self._adopt(self._coming)
        for unit in split(token, self._tokens):
            found = self._hear(unit, token.end_ms)
            if found:
                matches += found
        self._tokens += 1
        return matches

    def end_utterance(self, at_ms: int) -> list[Match]:
        """The turn is over: nothing is held any longer (phrases may still go on)."""
        matches = self._release(at_ms)
        self._turns.append(self._count)
        del self._turns[:-16]
        return matches + self._close(_ALL, at_ms)

    def advance(self, settled_ms: int) -> list[Match]:
        """Every token that starts before `settled_ms` has been fed."""
        return self._release(settled_ms)

    def switch(self, matcher: Matcher) -> None:
        """Use other phrases from the next token on; unchanged ones keep their state."""
        self._coming = matcher

    # -- one syllable ---------------------------------------------------------

    @property
    def _count(self) -> int:
        return self._base + len(self._units)

    def _hear(self, unit: Unit, now_ms: int) -> list[Match]:
        if self._units and unit.start_ms - self._units[-1].end_ms > BREAK_MS:
            self._settle_all(now_ms, only_due=False)
            self._reset_columns()
            self._barrier = self._count
            self._armed.clear()
        self._units.append(unit)
        if len(self._units) > 2 * KEEP:
            del self._units[:KEEP]
            self._base += KEEP
        hits: list[int] = []
        if self._index.size:
            self._step(unit)
            hits = self._hits()
        if hits or self._armed:
            self._propose(hits)
        if self._matcher.regexes:
            self._search()
        if self._candidates:
            self._settle_all(now_ms, only_due=True)
        return self._judge_all(now_ms) if self._held else []

    def _step(self, unit: Unit) -> None:
        """The next column: substitution, insertion, then at most two skips."""
        index, work = self._index, self._work
        column, before, new = self._column, self._before, self._new
        add, minimum = np.add, np.minimum
        row = index.row(unit)
        add(column.head, row[1:], new.tail)
        if unit.tone:
            add(new.all, index.tone[unit.tone], new.all)
        last = len(self._units) - 1
        extra = insertion_cost(unit, self._units[last - 1] if last else None)
        add(column.all, _BYTES[extra], work.all)
        if index.gaps.size:
            work.all[index.gaps] = column.all[index.gaps]
        minimum(new.all, work.all, out=new.all)
        pair = pair_cost(self._units, last)
        if pair is not None:
            add(before.all, _BYTES[pair], work.all)
            minimum(new.all, work.all, out=new.all)
        minimum(new.all, index.ceiling, out=new.all)
        for _ in range(SKIP_RUN):
            add(new.head, index.skip, work.tail)
            minimum(new.tail, work.tail, out=new.tail)
        self._column, self._before, self._new = new, column, before

    def _hits(self) -> list[int]:
        """Lines whose end cell is within budget."""
        below = self._flags
        np.less(self._column.all, self._index.limit, below)
        if not below[below.argmax()]:
            return []
        return [int(p) for p in self._index.owner[np.flatnonzero(below)]]

    # -- candidates -----------------------------------------------------------

    def _propose(self, hits: list[int]) -> None:
        at = self._count - 1
        for number in hits:
            place = self._index.places[number]
            cost = int(self._column.all[place.end])
            if place.line.loose:
                if place.line.trailing:
                    reach = sum(_most(p) for p in place.line.trailing)
                    self._armed[number] = at + reach
                    continue
                exact = self._align(number, at)
                if exact is None:
                    continue
                cost = exact.cost
            self._consider(number, cost, at)
        for number, until in list(self._armed.items()):
            if at > until:
                del self._armed[number]
                continue
            grown = self._align(number, at)
            if grown is not None:
                self._consider(number, grown.cost, at)

    def _consider(self, number: int, cost: int, at: int) -> None:
        """Keep the better of this end and the one already waiting."""
        place = self._index.places[number]
        known = self._candidates.get(place.phrase)
        grows = bool(place.line.trailing)
        if known is not None and (
            cost > known.cost or (cost == known.cost and not (grows and number == known.place))
        ):
            return
        seen = at if known is None or grows else known.seen
        deadline = self._units[at - self._base].end_ms + SETTLE_MS
        self._candidates[place.phrase] = _Candidate(number, cost, at, seen, deadline)

    def _settle_all(self, now_ms: int, *, only_due: bool) -> None:
        at = self._count - 1
        for phrase, candidate in sorted(self._candidates.items()):
            if only_due and self._may_improve(candidate, at):
                continue
            self._accept(phrase, candidate, now_ms)

    def _may_improve(self, candidate: _Candidate, at: int) -> bool:
        if candidate.first >= 0:
            return candidate.end == at  # it may still grow
        place = self._index.places[candidate.place]
        if place.line.trailing:
            return at - candidate.end < 2 and at < self._armed.get(candidate.place, at)
        if candidate.cost == 0 or at - candidate.seen >= SETTLE_UNITS:
            return False
        near = self._column.all[max(place.first + 1, place.end - 2) : place.end]
        return bool(near.size) and int(near.min()) < candidate.cost

    def _accept(self, phrase: int, candidate: _Candidate, now_ms: int) -> None:
        """Align, note the occurrence, and let the phrase start afresh after it."""
        del self._candidates[phrase]
        compiled = self._matcher.compiled[phrase]
        if candidate.first >= 0:
            # The next one may begin right behind this one.
            self._free[phrase] = candidate.end + 1
            exact = Alignment(candidate.first - self._base, candidate.end - self._base, 0, (), ())
            self._note(self._draft(phrase, compiled, None, exact, now_ms))
            return
        found = self._align(candidate.place, candidate.end)
        self._free[phrase] = self._count
        low, high = compiled.cells
        self._column.all[low:high] = self._index.ceiling[low:high]
        self._before.all[low:high] = self._index.ceiling[low:high]
        for number in compiled.places:
            self._armed.pop(number, None)
        if found is None:
            return
        line = self._index.places[candidate.place].line
        self._note(self._draft(phrase, compiled, line, found, now_ms))

    def _note(self, found: _Found) -> None:
        self._recent.append(found)
        del self._recent[:-64]
        if self._matcher.compiled[found.phrase].phrase.role != "shield":
            self._held.append(found)

    def _align(self, number: int, end: int) -> Alignment | None:
        place = self._index.places[number]
        floor = max(self._barrier, self._free.get(place.phrase, 0), self._base)
        return align(
            self._index, place, self._units, end - self._base, place.line.budget,
            floor=floor - self._base,
        )  # fmt: skip

    def _draft(
        self, phrase: int, compiled: Compiled, line: Line | None, found: Alignment, now_ms: int
    ) -> _Found:
        units = self._units[found.first : found.last + 1]
        match = Match(
            key=compiled.phrase.key,
            pattern=compiled.phrase.text,
            party=self.party,
            start_ms=units[0].start_ms,
            end_ms=units[-1].end_ms,
            at_ms=now_ms,
            first_token=units[0].token,
            last_token=units[-1].token,
            quote="".join(unit.raw for unit in units),
            similarity=round(max(0.0, 1.0 - found.cost / EDIT / line.length), 4) if line else 1.0,
            cost=found.cost / EDIT,
            budget=line.budget / EDIT if line else 0.0,
            alignment=found.steps,
            slots=dict(found.slots),
        )
        first, last = self._base + found.first, self._base + found.last
        return _Found(phrase, first, last, match, match.end_ms + HOLD_MS)

    # -- regular expressions --------------------------------------------------

    def _search(self) -> None:
        at = self._count - 1
        for phrase in self._matcher.regexes:
            compiled = self._matcher.compiled[phrase]
            floor = max(self._barrier, self._free.get(phrase, 0), self._count - REGEX_UNITS)
            floor = max(floor, self._base)
            said = self._units[floor - self._base :]
            text = "".join(unit.text or "□" for unit in said)
            assert compiled.regex is not None
            hit = compiled.regex.search(text)
            if hit is None:
                self._candidates.pop(phrase, None)
                continue
            end = floor + hit.end() - 1
            deadline = self._units[end - self._base].end_ms + SETTLE_MS
            first = floor + hit.start()
            self._candidates[phrase] = _Candidate(-1, 0, end, at, deadline, first)

    # -- settled, but held ----------------------------------------------------

    def _judge_all(self, now_ms: int) -> list[Match]:
        reported: list[Match] = []
        kept: list[_Found] = []
        for found in self._held:
            verdict = self._judge(found, closing=False)
            if verdict is None:
                wait = min(self._units[-1].end_ms + HOLD_MS, found.match.end_ms + HOLD_MOST_MS)
                kept.append(replace(found, deadline=max(found.deadline, wait)))
            elif verdict:
                reported.append(replace(found.match, at_ms=now_ms))
        self._held = kept
        return reported

    def _judge(self, found: _Found, *, closing: bool) -> bool | None:
        """True: report; False: drop; None: wait."""
        compiled = self._matcher.compiled[found.phrase]
        alert = compiled.phrase.role == "alert"
        if alert and compiled.shields and self._protected(found, compiled):
            return False
        if alert and compiled.bare and courteous(self._before_units(found)):
            return False
        heard_after = self._count - 1 - found.last
        if compiled.short:
            if not closing and heard_after < RIGHT_UNITS:
                return None
            if not self._stands_alone(found):
                return False
        if alert and compiled.shields and not closing and self._protection_coming(found, compiled):
            return None
        return True

    def _protected(self, found: _Found, compiled: Compiled) -> bool:
        size = found.last - found.first + 1
        for other in self._recent:
            if other.phrase in compiled.shields and other is not found:
                common = min(found.last, other.last) - max(found.first, other.first) + 1
                if 2 * common >= size:
                    return True
        return False

    def _protection_coming(self, found: _Found, compiled: Compiled) -> bool:
        """Whether a protecting phrase is under way over this span."""
        size = found.last - found.first + 1
        passed = self._count - 1 - found.last
        need = max(2 if size > 1 else 1, (size + 1) // 2) + max(0, passed - 2)
        for phrase in compiled.shields:
            if phrase in self._candidates and self._candidates[phrase].end >= found.last:
                return True
            for number in self._matcher.compiled[phrase].places:
                place = self._index.places[number]
                cells = self._column.all[place.first + need : place.end]
                if cells.size and bool((cells <= place.progress[need : need + cells.size]).any()):
                    return True
        return False

    def _turn_start(self, found: _Found) -> int:
        start = max((t for t in self._turns if t <= found.first), default=0)
        return max(start, self._barrier, self._base, found.first - LEFT_UNITS)

    def _before_units(self, found: _Found) -> list[Unit]:
        return self._units[self._turn_start(found) - self._base : found.first - self._base]

    def _stands_alone(self, found: _Found) -> bool:
        stop = min((t for t in self._turns if t > found.last), default=self._count)
        stop = min(stop, found.last + 1 + RIGHT_UNITS)
        said = self._text(found.first, found.last + 1)
        if another_word(said, found.match.pattern):
            return False
        before = self._text(self._turn_start(found), found.first)
        return on_boundaries(before, said, self._text(found.last + 1, stop))

    def _text(self, first: int, stop: int) -> str:
        return "".join(u.text or "□" for u in self._units[first - self._base : stop - self._base])

    # -- time -----------------------------------------------------------------

    def _release(self, settled_ms: int) -> list[Match]:
        """Let go of everything whose bounded wait ended before `settled_ms`, in order."""
        matches: list[Match] = []
        while True:
            due = min(
                (w.deadline for w in (*self._held, *self._candidates.values())), default=settled_ms
            )
            if due >= settled_ms:
                return matches
            matches += self._close(due, due)

    def _close(self, due_ms: int, at_ms: int) -> list[Match]:
        """Decide what waits with a deadline up to `due_ms`, as known at `at_ms`."""
        for phrase, candidate in sorted(self._candidates.items()):
            if candidate.deadline <= due_ms:
                self._accept(phrase, candidate, at_ms)
        reported: list[Match] = []
        kept: list[_Found] = []
        for found in self._held:
            verdict = self._judge(found, closing=found.deadline <= due_ms)
            if verdict is None:
                kept.append(found)
            elif verdict:
                reported.append(replace(found.match, at_ms=max(at_ms, found.match.end_ms)))
        self._held = kept
        return reported

    # -- columns --------------------------------------------------------------

    def _set_columns(self, index: Index) -> None:
        self._index = index
        self._column = Column(index.ceiling)
        self._before = Column(index.ceiling)
        self._new = Column(index.ceiling)
        self._work = Column(index.ceiling)
        self._flags = np.zeros(index.size, np.bool_)

    def _reset_columns(self) -> None:
        self._column.all[:] = self._index.ceiling
        self._before.all[:] = self._index.ceiling

    def _adopt(self, matcher: Matcher) -> None:
        """Switch to other phrases; those that are the same value keep their state."""
        old, self._matcher, self._coming = self._matcher, matcher, None
        column, before = self._column.all, self._before.all
        self._set_columns(matcher.index)
        moved: dict[int, int] = {}
        places: dict[int, int] = {}
        for number, compiled in enumerate(matcher.compiled):
            was = old.number.get(compiled.phrase.key)
            if was is None or not old.compiled[was].same(compiled):
                continue
            moved[was] = number
            places.update(zip(old.compiled[was].places, compiled.places, strict=True))
            (low, high), (low2, high2) = old.compiled[was].cells, compiled.cells
            self._column.all[low2:high2] = column[low:high]
            self._before.all[low2:high2] = before[low:high]
        self._free = {moved[p]: at for p, at in self._free.items() if p in moved}
        self._candidates = {
            moved[p]: replace(c, place=places.get(c.place, c.place))
            for p, c in self._candidates.items()
            if p in moved
        }
        self._armed = {places[n]: at for n, at in self._armed.items() if n in places}
        self._held = [replace(f, phrase=moved[f.phrase]) for f in self._held if f.phrase in moved]
        self._recent = [
            replace(f, phrase=moved[f.phrase]) for f in self._recent if f.phrase in moved
        ]


def _most(piece: Slot | Gap) -> int:
    return SLOTS[piece.name].most if isinstance(piece, Slot) else piece.most
