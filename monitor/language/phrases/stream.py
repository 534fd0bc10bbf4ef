"""`MatchStream`: one party's syllables in, matches out.

Per syllable one column of a weighted edit-distance programme over all phrases
is computed at once (`columns`). Where an end cell stays within its budget there
is a *candidate*. It settles when the next syllables cannot improve it, is
aligned exactly (`align`), and then waits, if it must, for the word boundary to
its right and for phrases that might still come to protect it (`holding`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.events import Party, Spotted, Token
from monitor.language.phrases.align import Alignment, align, every_word, faithful
from monitor.language.phrases.cells import Line
from monitor.language.phrases.columns import Columns
from monitor.language.phrases.costs import EDIT
from monitor.language.phrases.history import History, spelt
from monitor.language.phrases.keyword_match import lay_over
from monitor.language.phrases.pending import Candidate, Decision, Found, Waiting
from monitor.language.phrases.syllables import Syllable, split
from monitor.language.phrases.values import Match

if TYPE_CHECKING:
    from monitor.language.phrases.matcher import Compiled, Matcher

BREAK_MS = 3000
"""A silence this long inside a phrase ends every attempt at it."""
SETTLE_UNITS = 3
"""Syllables a candidate waits at most for a better end; a better one waits anew."""
SETTLE_MS = 700
"""Silence that ends that wait."""
GROW_UNITS = 2
"""Syllables in a row that do not make a trailing slot longer end it."""
REGEX_UNITS = 64
"""How far back a regular expression looks."""
_ALL = 1 << 62


class MatchStream:
    """State of one party of one call; bounded, light, deterministic.

    Feed tokens in the order of speech. Matches are returned once each.
    """

    def __init__(self, matcher: Matcher, party: Party) -> None:
        self.party = party
        self._matcher = matcher
        self._coming: Matcher | None = None
        self._history = History()
        self._columns = Columns(matcher.index)
        self._tokens = 0
        self._free: dict[int, int] = {}  # phrase → first unit its next occurrence may use
        self._candidates: dict[int, Candidate] = {}
        self._armed: dict[int, int] = {}  # place with a trailing slot → last unit to look at
        self._waiting = Waiting()

    def feed(self, token: Token) -> list[Match]:
        """The next committed token. Returns what became certain with it."""
        matches: list[Match] = []
        if self._candidates or self._waiting.held:
            matches = self._release(token.start_ms)
        if self._coming is not None:
            self._adopt(self._coming)
        for unit in split(token, self._tokens):
            found = self._hear(unit, token.end_ms)
            if found:
                matches += found
        self._tokens += 1
        return matches

    def spot(self, spotted: Spotted) -> list[Match]:
        """A phrase that the recogniser found below the words; every token before it has been fed.

        What the text has found in the same place, or is about to, comes first.
        """
        matches = self._release(spotted.at_ms)
        for phrase in self._matcher.patterns.get(spotted.phrase, ()):
            self._lay_over(phrase, spotted)
        return matches + self._waiting.decide(self._bench, None, spotted.at_ms, None)

    def end_utterance(self, at_ms: int) -> list[Match]:
        """The turn is over: nothing is held any longer (phrases may still go on)."""
        matches = self._release(at_ms)
        self._history.end_turn()
        return matches + self._close(_ALL, at_ms)

    def advance(self, settled_ms: int) -> list[Match]:
        """Every token that starts before `settled_ms` has been fed."""
        return self._release(settled_ms)

    def switch(self, matcher: Matcher) -> None:
        """Use other phrases from the next token on; unchanged ones keep their state."""
        self._coming = matcher

    # -- one syllable ---------------------------------------------------------

    def _hear(self, unit: Syllable, now_ms: int) -> list[Match]:
        history = self._history
        if history.units and unit.start_ms - history.units[-1].end_ms > BREAK_MS:
            self._break(now_ms)
        history.append(unit)
        hits = self._columns.hear(history.units)
        if hits or self._armed:
            self._propose(hits)
        if self._matcher.regexes:
            self._search()
        if self._candidates:
            self._settle(now_ms)
        if not self._waiting.held:
            return []
        return self._waiting.decide(self._bench, None, now_ms, unit.end_ms)

    def _break(self, now_ms: int) -> None:
        """Too long a silence: what was begun is not going on."""
        for phrase, candidate in sorted(self._candidates.items()):
            self._accept(phrase, candidate, now_ms)
        self._columns.clear((0, self._matcher.index.size))
        self._history.barrier = self._history.count
        self._armed.clear()

    @property
    def _bench(self) -> Decision:
        return Decision(self._matcher, self._history, self._columns, self._candidates)

    # -- candidates -----------------------------------------------------------

    def _propose(self, hits: list[int]) -> None:
        at = self._history.count - 1
        for number in hits:
            place = self._matcher.index.places[number]
            if place.line.trailing:
                self._armed[number] = at + place.line.reach
            elif not place.line.loose:
                self._consider(number, self._columns.cost(place), at)
            elif (exact := self._align(number, at)) is not None:
                self._consider(number, exact.cost, at)
        for number, until in list(self._armed.items()):
            if at > until:
                del self._armed[number]
            elif (exact := self._align(number, at)) is not None:
                self._consider(number, exact.cost, at)

    def _consider(self, number: int, cost: int, at: int) -> None:
        """Keep the better of this end and the one already waiting."""
        place = self._matcher.index.places[number]
        known = self._candidates.get(place.phrase)
        if known is not None:
            grows = bool(place.line.trailing) and number == known.place
            same = cost == known.cost and (grows or self._goes_on(known, number))
            if cost >= known.cost and not same:
                return
        deadline = self._history.units[-1].end_ms + SETTLE_MS
        self._candidates[place.phrase] = Candidate(number, cost, at, deadline)

    def _settle(self, now_ms: int) -> None:
        at = self._history.count - 1
        for phrase, candidate in sorted(self._candidates.items()):
            if not self._may_improve(candidate, at):
                self._accept(phrase, candidate, now_ms)

    def _may_improve(self, candidate: Candidate, at: int) -> bool:
        if candidate.first >= 0:
            return candidate.end == at  # a regular expression may still grow
        place = self._matcher.index.places[candidate.place]
        if place.line.trailing:
            growing = at < self._armed.get(candidate.place, at)
            return growing and at - candidate.end < GROW_UNITS
        if at - candidate.end >= SETTLE_UNITS:
            return False
        index, compiled = self._matcher.index, self._matcher.compiled[place.phrase]
        return any(
            self._columns.nearly(index.places[number])
            < candidate.cost + self._goes_on(candidate, number)
            for number in compiled.places
        )

    def _goes_on(self, candidate: Candidate, number: int) -> bool:
        """Whether that place is a longer way to say what a short candidate says.

        A short phrase must stand on word boundaries: where 没 was found, 没有 is to be
        preferred, or the boundary would refuse the one and the search have lost the other.
        """
        places = self._matcher.index.places
        if candidate.first >= 0:
            return False
        line, other = places[candidate.place].line, places[number].line
        return (line.short or line.exact) and len(other.cells) > len(line.cells)

    def _accept(self, phrase: int, candidate: Candidate, now_ms: int) -> None:
        """Align, note the occurrence, and let the phrase start afresh after it."""
        del self._candidates[phrase]
        compiled = self._matcher.compiled[phrase]
        base = self._history.base
        line: Line | None = None
        exact: Alignment | None
        if candidate.first >= 0:
            self._free[phrase] = candidate.end + 1  # the next may begin right behind this one
            exact = Alignment(candidate.first - base, candidate.end - base, 0, (), ())
        else:
            line = self._matcher.index.places[candidate.place].line
            exact = self._align(candidate.place, candidate.end)
            self._free[phrase] = self._history.count
            self._columns.clear(compiled.cells)
            for number in compiled.places:
                self._armed.pop(number, None)
        if exact is None or (line is not None and not _said(line, exact)):
            return
        found = self._found(phrase, compiled, line, exact, now_ms)
        self._waiting.note(found, shield=compiled.phrase.role == "shield")

    def _lay_over(self, phrase: int, spotted: Spotted) -> None:
        found = lay_over(self._matcher, phrase, self._history, spotted)
        if found is None or found.first < max(self._history.barrier, self._free.get(phrase, 0)):
            return
        candidate = self._candidates.get(phrase)
        if candidate is not None and candidate.end >= found.first:
            return
        self._free[phrase] = found.last + 1
        self._columns.clear(self._matcher.compiled[phrase].cells)
        self._waiting.note(found, shield=False)

    def _align(self, number: int, end: int) -> Alignment | None:
        """The exact alignment of a line ending at unit number `end`."""
        history, index = self._history, self._matcher.index
        place = index.places[number]
        floor = max(history.barrier, self._free.get(place.phrase, 0), history.base) - history.base
        units, budget = history.units, place.line.budget
        return align(index, place, units, end - history.base, budget, floor=floor)

    def _found(
        self, phrase: int, compiled: Compiled, line: Line | None, exact: Alignment, now_ms: int
    ) -> Found:
        first, last = self._history.base + exact.first, self._history.base + exact.last
        units = self._history.span(first, last)
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
            similarity=line.similarity(exact.cost) if line else 1.0,
            cost=exact.cost / EDIT,
            budget=line.budget / EDIT if line else 0.0,
            alignment=exact.steps,
            slots=dict(exact.slots),
        )
        return Found(phrase, first, last, match, line)

    # -- regular expressions --------------------------------------------------

    def _search(self) -> None:
        """Each expression's next occurrence; it settles once it stops growing."""
        history = self._history
        for phrase in self._matcher.regexes:
            regex = self._matcher.compiled[phrase].regex
            assert regex is not None
            floor = max(history.barrier, self._free.get(phrase, 0), history.count - REGEX_UNITS)
            floor = max(floor, history.base)
            hit = regex.search(spelt(history.span(floor, history.count - 1)))
            if hit is None:
                self._candidates.pop(phrase, None)
                continue
            first, end = floor + hit.first, floor + hit.end - 1
            deadline = history.span(end, end)[0].end_ms + SETTLE_MS
            self._candidates[phrase] = Candidate(-1, 0, end, deadline, first)

    # -- time -----------------------------------------------------------------

    def _release(self, settled_ms: int) -> list[Match]:
        """Let go of everything whose bounded wait ended before `settled_ms`, in order."""
        matches: list[Match] = []
        while True:
            waiting = [found.deadline for found in self._waiting.held]
            waiting += [candidate.deadline for candidate in self._candidates.values()]
            due = min(waiting, default=settled_ms)
            if due >= settled_ms:
                return matches
            matches += self._close(due, due)

    def _close(self, due_ms: int, at_ms: int) -> list[Match]:
        """Decide what waits with a deadline up to `due_ms`, as known at `at_ms`."""
        for phrase, candidate in sorted(self._candidates.items()):
            if candidate.deadline <= due_ms:
                self._accept(phrase, candidate, at_ms)
        return self._waiting.decide(self._bench, due_ms, at_ms, None)

    # -- other phrases --------------------------------------------------------

    def _adopt(self, matcher: Matcher) -> None:
        """Switch to other phrases; those that are the same keep their state."""
        old, self._matcher, self._coming = self._matcher, matcher, None
        moved: dict[int, int] = {}
        places: dict[int, int] = {-1: -1}
        ranges = []
        for number, compiled in enumerate(matcher.compiled):
            was = old.number.get(compiled.phrase.key)
            if was is not None and old.compiled[was].same(compiled):
                moved[was] = number
                places.update(zip(old.compiled[was].places, compiled.places, strict=True))
                ranges.append((old.compiled[was].cells, compiled.cells))
        columns = Columns(matcher.index)
        columns.take_over(self._columns, ranges)
        self._columns = columns
        self._free = {moved[p]: at for p, at in self._free.items() if p in moved}
        self._candidates = {
            moved[p]: replace(c, place=places[c.place])
            for p, c in self._candidates.items()
            if p in moved
        }
        self._armed = {places[n]: at for n, at in self._armed.items() if n in places}
        self._waiting.renumber(moved)


def _said(line: Line, exact: Alignment) -> bool:
    """Whether the alignment is one that counts, whatever it costs."""
    return faithful(exact) if line.exact else every_word(line, exact)
