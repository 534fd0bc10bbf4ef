"""Settled occurrences that wait: for the word boundary to their right, for what may protect them.

Nothing waits for ever: each has a deadline, and the end of a turn ends every wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from monitor.language.phrases.cells import Line
from monitor.language.phrases.columns import Columns
from monitor.language.phrases.context import PAUSE_MS, alone, another_word, courteous, on_boundaries
from monitor.language.phrases.costs import EDIT
from monitor.language.phrases.history import History, spelt
from monitor.language.phrases.syllables import Syllable
from monitor.language.phrases.values import Match

if TYPE_CHECKING:
    from monitor.language.phrases.matcher import Compiled, Matcher

HOLD_MS = 1500
"""How long after the last syllable a phrase waits for a protecting one to go on."""
HOLD_MOST_MS = 6000
"""How long it waits at most, however the other goes on."""
SHIELD_MORE = 0.5
"""A protecting phrase may fit worse than the alert by this many edits."""
RIGHT_UNITS = 2
"""Syllables to the right that decide a word boundary."""
RECENT = 64


@dataclass(frozen=True, slots=True)
class Candidate:
    """An end within budget that may still improve; units are numbered as in `History`."""

    place: int
    cost: int
    end: int
    deadline: int
    first: int = -1  # of a regular expression, which needs no alignment


@dataclass(frozen=True, slots=True)
class Found:
    """A settled occurrence over units number `first` to `last`."""

    phrase: int
    first: int
    last: int
    match: Match
    line: Line | None  # None for a regular expression
    deadline: int = 0

    @property
    def hold_ms(self) -> int:
        return PAUSE_MS if self.line and self.line.exact else HOLD_MS


class Waiting:
    """The occurrences of one party that are not decided, and those that may protect others."""

    def __init__(self) -> None:
        self.held: list[Found] = []
        self._recent: list[Found] = []

    def note(self, found: Found, *, shield: bool) -> None:
        """Take a settled occurrence; a mere shield is never reported."""
        self._recent.append(found)
        del self._recent[:-RECENT]
        if not shield:
            deadline = found.match.end_ms + found.hold_ms
            self.held.append(replace(found, deadline=deadline))

    def decide(
        self, bench: Decision, due_ms: int | None, at_ms: int, heard_ms: int | None
    ) -> list[Match]:
        """What is certain now, reported at `at_ms`.

        Those with a deadline up to `due_ms` are decided whatever might come.
        The others wait on, from the end of the newest syllable `heard_ms`.
        """
        reported: list[Match] = []
        kept: list[Found] = []
        for found in self.held:
            closing = due_ms is not None and found.deadline <= due_ms
            verdict = self._judge(bench, found, closing=closing)
            if verdict:
                reported.append(replace(found.match, at_ms=max(at_ms, found.match.end_ms)))
            elif verdict is None:
                if heard_ms is not None:
                    wait = min(heard_ms + found.hold_ms, found.match.end_ms + HOLD_MOST_MS)
                    found = replace(found, deadline=max(found.deadline, wait))  # noqa: PLW2901
                kept.append(found)
        self.held = kept
        return reported

    def _judge(self, bench: Decision, found: Found, *, closing: bool) -> bool | None:
        """True: report; False: drop; None: wait."""
        compiled = bench.matcher.compiled[found.phrase]
        alert = compiled.phrase.role == "alert"
        if alert and self._protected(found, compiled):
            return False
        if found.line is not None:
            before = bench.history.before(found.first)
            if alert and found.line.curt and courteous(before):
                return False
            beside = _beside(bench.history, found, found.line, alert=alert, closing=closing)
            if not beside:
                return beside
        if alert and not closing and bench.protection_coming(found, compiled):
            return None
        return True

    def _protected(self, found: Found, compiled: Compiled) -> bool:
        """Whether a phrase that protects this one covers half of it, and fits as well."""
        size = found.last - found.first + 1
        for other in self._recent:
            if other.phrase not in compiled.shields:
                continue
            common = min(found.last, other.last) - max(found.first, other.first) + 1
            if 2 * common >= size and other.match.cost <= found.match.cost + SHIELD_MORE:
                return True
        return False

    def renumber(self, moved: Mapping[int, int]) -> None:
        """Other phrases from now on: `moved` maps the old numbers of those that stay."""
        self.held = [replace(f, phrase=moved[f.phrase]) for f in self.held if f.phrase in moved]
        self._recent = [
            replace(f, phrase=moved[f.phrase]) for f in self._recent if f.phrase in moved
        ]


@dataclass(slots=True)
class Decision:
    """What a decision looks at: the phrases, what was said, and what is under way."""

    matcher: Matcher
    history: History
    columns: Columns
    candidates: dict[int, Candidate]

    def protection_coming(self, found: Found, compiled: Compiled) -> bool:
        """Whether a protecting phrase is under way over this span."""
        size = found.last - found.first + 1
        passed = self.history.count - 1 - found.last
        most = round(EDIT * (found.match.cost + SHIELD_MORE))
        # Begun over at least half of the phrase, and gone on since.
        least = max(min(2, size), (size + 1) // 2) + max(0, passed - 2)
        for phrase in compiled.shields:
            candidate = self.candidates.get(phrase)
            if candidate and candidate.end >= found.last and candidate.cost <= most:
                return True
            for number in self.matcher.compiled[phrase].places:
                if self.columns.under_way(self.matcher.index.places[number], least, most):
                    return True
        return False


def _beside(
    history: History, found: Found, line: Line, *, alert: bool, closing: bool
) -> bool | None:
    """Whether what stands beside the phrase allows it; None while that may still change."""
    if not (line.exact or line.short):
        return True
    before, span = history.before(found.first), history.span(found.first, found.last)
    after, ended = history.after(found.last)
    if line.exact:
        if not alone(before, after, span):
            return False
        return True if closing or ended or _paused((span[-1], *after)) else None
    if not closing and not ended and len(after) < RIGHT_UNITS:
        return None
    said = spelt(span)
    if another_word(said, line.text):
        return False
    return on_boundaries(spelt(before), said, spelt(after[:RIGHT_UNITS]), strict=alert)


def _paused(units: Sequence[Syllable]) -> bool:
    """Whether a pause or a punctuation mark was heard behind or after the first of `units`."""
    return any(unit.stop for unit in units) or any(
        later.start_ms - earlier.end_ms >= PAUSE_MS for earlier, later in pairwise(units)
    )
