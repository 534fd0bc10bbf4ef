"""Who has the floor: silences, answers, overlaps, interruptions and monologues.

Each tracker watches the parties' activity pass by in order of time: `lapse`
when time passed without a change, `change` when somebody began or stopped. What
they measure depends on those changes alone, never on how often time was told.

A reading in ms is as long as its span. Quantities that grow are reported once a
second on their way (`final` False), then once when they are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from monitor.events import Party, Reading

STEP_MS = 1_000
"""Growing quantities are reported this often."""

MIN_SILENCE_MS = 2_000
"""Shorter silences are the rhythm of conversation; also a longer pause ends a monologue."""

MIN_MONOLOGUE_MS = 5_000

MIN_OVERLAP_MS = 300
"""Shorter overlaps are turns changing hands; the VAD is not more exact either."""

GIVES_WAY_MS = 5_000
"""Who falls silent within this time of being interrupted, while the other goes on, gave way."""

BACK_CHANNEL_MS = 1_000
"""Who talks for less than this while the other does (“嗯”, “对”) does not interrupt."""

OwedBy: TypeAlias = Callable[[frozenset[Party], int], Party | None]
"""Who owes the next word, after these parties fell silent at this time."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Who is speaking, and since when; `lost` while some party's audio is missing."""

    since: Mapping[Party, int] = field(default_factory=dict)
    lost: bool = False

    @property
    def speaking(self) -> frozenset[Party]:
        return frozenset(self.since)

    @property
    def silent(self) -> bool:
        return not self.since and not self.lost


class Tracker(Protocol):
    def lapse(self, until_ms: int) -> Iterator[Reading]:
        """Nothing has changed before `until_ms`."""

    def change(self, at_ms: int, before: Activity, after: Activity) -> Iterator[Reading]:
        """Activity changes at `at_ms`; `lapse` was told of that time."""

    def end(self, at_ms: int) -> Iterator[Reading]:
        """The call ends; `lapse` was told of that time."""


class Silences:
    """`silence` and `response_delay`. Audio that is missing is no silence."""

    def __init__(self, owed_by: OwedBy) -> None:
        self._owed_by = owed_by
        self._start: int | None = 0
        self._after: frozenset[Party] = frozenset()  # who fell silent
        self._reported = 0  # length (ms) reported so far

    def lapse(self, until_ms: int) -> Iterator[Reading]:
        if self._start is None:
            return
        while self._start + self._reported + STEP_MS <= until_ms:
            self._reported += STEP_MS
            if self._reported >= MIN_SILENCE_MS:
                yield self._silence(self._start, self._start + self._reported, final=False)

    def change(self, at_ms: int, before: Activity, after: Activity) -> Iterator[Reading]:
        if before.silent == after.silent:
            return
        if after.silent:
            self._start, self._after, self._reported = at_ms, before.speaking, 0
            return
        yield from self.end(at_ms)
        start, self._start = self._start, None
        answering = after.speaking - self._after
        if start is not None and not after.lost and len(self._after) == len(after.since) == 1:
            for party in answering:
                yield Reading("response_delay", at_ms - start, "ms", start, at_ms, party)

    def end(self, at_ms: int) -> Iterator[Reading]:
        if self._start is not None and at_ms - self._start >= MIN_SILENCE_MS:
            yield self._silence(self._start, at_ms, final=True)

    def _silence(self, start_ms: int, end_ms: int, final: bool) -> Reading:
        party = self._owed_by(self._after, start_ms)
        return Reading("silence", end_ms - start_ms, "ms", start_ms, end_ms, party, final)


class Overlaps:
    """`overlap`: both speak."""

    def __init__(self) -> None:
        self._start: int | None = None

    def lapse(self, until_ms: int) -> Iterator[Reading]:  # noqa: ARG002 - only changes matter
        yield from ()

    def change(self, at_ms: int, before: Activity, after: Activity) -> Iterator[Reading]:
        if len(before.since) < 2 <= len(after.since):
            self._start = at_ms
        elif len(after.since) < 2 <= len(before.since):
            yield from self.end(at_ms)
            self._start = None

    def end(self, at_ms: int) -> Iterator[Reading]:
        if self._start is not None and at_ms - self._start >= MIN_OVERLAP_MS:
            yield Reading("overlap", at_ms - self._start, "ms", self._start, at_ms)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """A party that began while the other was speaking."""

    party: Party
    at_ms: int
    other_since: int
    overlap_ms: int | None = None  # once the other has stopped


class Interruptions:
    """`interruption`: how long the other had been speaking when a party cut in.

    To interrupt is to begin while the other speaks, to talk over him for
    `MIN_OVERLAP_MS` and to go on for `BACK_CHANNEL_MS`. Where the other falls silent
    within `GIVES_WAY_MS` and he goes on, the other was really cut off: `cut_off` says so, and
    belongs to the other.
    """

    def __init__(self) -> None:
        self._cutting: _Cutting | None = None
        self._contested: _Cutting | None = None  # an interruption; the other still speaks

    def lapse(self, until_ms: int) -> Iterator[Reading]:
        cut = self._cutting
        if cut is None or until_ms - cut.at_ms < BACK_CHANNEL_MS:
            return
        self._cutting = None
        yield Reading(
            "interruption",
            cut.at_ms - cut.other_since,
            "ms",
            cut.other_since,
            cut.at_ms,
            cut.party,
        )
        if cut.overlap_ms is None:
            self._contested = cut
        else:
            yield _cut_off(cut, cut.at_ms + cut.overlap_ms)

    def change(self, at_ms: int, before: Activity, after: Activity) -> Iterator[Reading]:
        contested = self._contested
        if contested is not None and len(after.since) < 2:
            self._contested = None
            in_time = at_ms - contested.at_ms <= GIVES_WAY_MS
            if contested.party in after.since and in_time and not after.lost:
                yield _cut_off(contested, at_ms)
        cut = self._cutting
        if cut is not None:
            overlap_ms = at_ms - cut.at_ms if cut.overlap_ms is None else cut.overlap_ms
            if cut.party not in after.since or overlap_ms < MIN_OVERLAP_MS or after.lost:
                self._cutting = None
            elif len(after.since) < 2:
                self._cutting = _Cutting(cut.party, cut.at_ms, cut.other_since, overlap_ms)
        began = after.speaking - before.speaking
        if self._cutting is None and len(began) == len(before.since) == 1 < len(after.since):
            (party,), (other_since,) = began, before.since.values()
            self._cutting = _Cutting(party, at_ms, other_since)

    def end(self, at_ms: int) -> Iterator[Reading]:  # noqa: ARG002 - no time to become one
        yield from ()


def _cut_off(cut: _Cutting, gave_way_ms: int) -> Reading:
    other = Party.CUSTOMER if cut.party is Party.AGENT else Party.AGENT
    spoke_ms = gave_way_ms - cut.other_since
    return Reading("cut_off", spoke_ms, "ms", cut.other_since, gave_way_ms, other)


class Monologues:
    """`monologue`: a party speaks and the other is silent, across pauses below `MIN_SILENCE_MS`."""

    def __init__(self) -> None:
        self._party: Party | None = None
        self._start = 0
        self._paused: int | None = None  # when the party last stopped; None while it speaks
        self._reported = 0

    def lapse(self, until_ms: int) -> Iterator[Reading]:
        if self._party is None:
            return
        if self._paused is not None:
            if until_ms - self._paused >= MIN_SILENCE_MS:
                yield from self._over(self._paused)
            return
        yield from self._grown(until_ms)

    def change(
        self,
        at_ms: int,
        before: Activity,  # noqa: ARG002 - its own state says more
        after: Activity,
    ) -> Iterator[Reading]:
        if self._party is not None:
            alone = after.speaking <= {self._party} and not after.lost
            if not alone:
                yield from self._over(at_ms if self._paused is None else self._paused)
            elif after.since:
                self._paused = None
            elif self._paused is None:
                self._paused = at_ms
        if self._party is None and len(after.since) == 1 and not after.lost:
            (self._party,) = after.since
            self._start, self._paused, self._reported = at_ms, None, 0

    def end(self, at_ms: int) -> Iterator[Reading]:
        if self._party is not None:
            yield from self._over(at_ms if self._paused is None else self._paused)

    def _grown(self, until_ms: int) -> Iterator[Reading]:
        while self._start + self._reported + STEP_MS <= until_ms:
            self._reported += STEP_MS
            if self._reported >= MIN_MONOLOGUE_MS:
                yield self._monologue(self._start + self._reported, final=False)

    def _over(self, at_ms: int) -> Iterator[Reading]:
        if at_ms - self._start >= MIN_MONOLOGUE_MS:
            yield self._monologue(at_ms, final=True)
        self._party = None

    def _monologue(self, end_ms: int, final: bool) -> Reading:
        length = end_ms - self._start
        return Reading("monologue", length, "ms", self._start, end_ms, self._party, final)
