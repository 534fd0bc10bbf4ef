"""The verbs that object to something that happened: never, avoid, measure."""

from __future__ import annotations

from typing_extensions import override

from monitor.events import Alert, CallEnd, Detail, Party, Reading, Severity
from monitor.language.phrases import Match
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.engine.alert_policy import ORDERED
from monitor.rules.engine.evidence import of_match
from monitor.rules.engine.like_match import LikeMatch
from monitor.rules.engine.speech_acts import BEHIND_MS, Excuse, around, excuse
from monitor.rules.engine.timed_queue import (
    RANK_TIMER,
    Finding,
    Happening,
    TimedQueue,
    Watcher,
)
from monitor.rules.engine.timeline import looks_back
from monitor.rules.language.pack import MEASURES

_BEGINS = "call.start"
BEFORE_MS = 12_000
"""No frame begins longer before the words it frames."""


class Findings(Watcher):
    """A rule whose findings count in its window, outside its exceptions, beyond its allowance."""

    def __init__(self, ready: CompiledRule) -> None:
        self.ready = ready
        self._allowed = ready.rule.allow or 0
        self._looks_back = looks_back(ready.span)
        self._waiting: list[tuple[int, Finding]] = []

    def consider(self, queue: TimedQueue, at_ms: int, found: Finding, group: str = ORDERED) -> None:
        """Raise `found`, which happened at `at_ms`, if it counts."""
        ready = self.ready
        if any(queue.timeline.inside(span, at_ms) for span in ready.excepts):
            return
        if self._looks_back:
            oldest = at_ms - (ready.span.within or 0)
            self._waiting = [w for w in self._waiting if w[0] > oldest]
            self._waiting.append((at_ms, found))
        elif queue.timeline.inside(ready.span, at_ms):
            self._raise(queue, at_ms, found, group)

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        if self._looks_back and key in self.ready.span.until:
            opened = what.at_ms - (self.ready.span.within or 0)
            due = [w for w in self._waiting if opened < w[0] <= what.at_ms]
            self._waiting = [w for w in self._waiting if w[0] > what.at_ms]
            for _, found in due:
                self._raise(queue, what.at_ms, found, ORDERED)

    def _raise(self, queue: TimedQueue, at_ms: int, found: Finding, group: str) -> Alert | None:
        if self._allowed:
            self._allowed -= 1
            return None
        return queue.alert(self.ready, found, at_ms, group)


class Never(Findings):
    """`never`: one of the phrases was said, or something like the examples."""

    def __init__(self, ready: CompiledRule) -> None:
        super().__init__(ready)
        self._raised: dict[str, tuple[Match, Alert]] = {}  # alerts that may be taken back

    @property
    def prompt(self) -> bool:
        """Whether it can be judged at once, without knowing what else happened."""
        span = self.ready.span
        return not self.ready.excepts and not span.until and span.after in ((), ("call.start",))

    @override
    def heard(self, queue: TimedQueue, match: Match, tag: tuple[int, int]) -> None:
        if not isinstance(match, LikeMatch):  # those were judged with what stands around them
            why = excuse_of(queue, match)
            if why is not None:
                queue.excused.append((self.ready.id, match, why))
                return
        found = Finding(
            match.party,
            match.start_ms,
            match.end_ms,
            match.quote,
            match.similarity,
            of_match(match),
            _grade(self.ready, match),
        )
        if not self.prompt:
            self.consider(queue, match.end_ms, found)
        elif queue.timeline.inside(self.ready.span, match.end_ms):
            raised = self._raise(queue, match.end_ms, found, match.party.value)
            if raised is not None and not isinstance(match, LikeMatch):
                self._raised[raised.id] = match, raised
                due = match.end_ms + BEHIND_MS
                queue.put(
                    due, RANK_TIMER, self.ready.id, lambda: self._reconsider(queue, raised.id)
                )

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        for name in list(self._raised):
            self._reconsider(queue, name)

    def _reconsider(self, queue: TimedQueue, name: str) -> None:
        """What was said behind the words of an alert may turn them round."""
        if name not in self._raised:
            return
        match, raised = self._raised.pop(name)
        why = excuse_of(queue, match)
        if why is not None:
            queue.excused.append((self.ready.id, match, why))
            evidence: dict[str, Detail] = {"excused": {"act": why.act.value, "by": why.by}}
            queue.retract(raised, match.end_ms + BEHIND_MS, evidence)


def excuse_of(queue: TimedQueue, match: Match) -> Excuse | None:
    """What the speaker does with the words, when they are not simply said."""
    until = match.end_ms + BEHIND_MS
    said = queue.said(match.party, match.start_ms - BEFORE_MS, until)
    return excuse(*around(said, match.party, match.start_ms, match.end_ms))


def _grade(ready: CompiledRule, match: Match) -> Severity | None:
    """Words that are only likely to mean it are a hint, and likeness alone is never fatal."""
    if not isinstance(match, LikeMatch):
        return None
    if not match.sure:
        return Severity.TIP
    return Severity.MAJOR if ready.rule.severity is Severity.FATAL else None


class Avoid(Findings):
    """`avoid`: a situation happened."""

    @override
    def start(self, queue: TimedQueue) -> None:
        super().start(queue)
        if _BEGINS in self.ready.avoids and queue.now_ms == 0:  # not for rules that came later
            self.happened(queue, _BEGINS, Happening(0))

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        if key in self.ready.avoids:
            party = what.party or self.ready.rule.party or Party.AGENT
            start = what.start_ms if what.start_ms is not None else what.at_ms
            evidence = {"situation": key.rsplit("/", maxsplit=1)[-1], **what.evidence}
            found = Finding(party, start, what.at_ms, what.quote, 1.0, evidence)
            self.consider(queue, what.at_ms, found)
        super().happened(queue, key, what)


class Bounds:
    """Whether a reading is out of bounds, once per stretch it measures."""

    def __init__(
        self, measure: str, party: Party | None, above: float | None, below: float | None
    ) -> None:
        self.measure = measure
        self._party = party
        self._above = above
        self._below = below
        self._last: tuple[Party | None, int] | None = None

    def concerns(self, reading: Reading) -> bool:
        return reading.name == self.measure and (
            self._party is None or reading.party in (None, self._party)
        )

    def exceeded(self, value: float, *, final: bool = True) -> bool:
        """A value still growing exceeds the upper bound as it reaches it, and is never short."""
        if not final:
            return self._above is not None and value >= self._above
        return (self._above is not None and value > self._above) or (
            self._below is not None and value < self._below
        )

    def first(self, reading: Reading) -> bool:
        """Whether this stretch was not found out of bounds before; remembers it."""
        # Who owed the next word may become clearer as a silence goes on: it is one silence.
        party = None if reading.name == "silence" else reading.party
        stretch = (party, reading.start_ms)
        if self._last == stretch:
            return False
        self._last = stretch
        return True

    def describe(self, value: float) -> dict[str, float | str]:
        bound = {"above": self._above, "below": self._below}
        return {
            "measure": self.measure,
            "value": round(value, 3),
            "unit": MEASURES[self.measure],
            **{name: limit for name, limit in bound.items() if limit is not None},
        }


def shown(value: float, unit: str) -> str:
    """A value as a card shows it: seconds instead of milliseconds."""
    return f"{value / 1000:.1f} s" if unit == "ms" else f"{value:.4g} {unit}".strip()


class Measured(Findings):
    """`measure`: a reading is out of bounds."""

    def __init__(self, ready: CompiledRule) -> None:
        super().__init__(ready)
        rule = ready.rule
        assert rule.measure is not None
        self._bounds = Bounds(rule.measure, rule.party, rule.above, rule.below)
        self._row = 0
        self._sum = 0.0
        self._span_ms = 0.0

    @override
    def measured(self, queue: TimedQueue, reading: Reading) -> None:
        if not self._bounds.concerns(reading):
            return
        rule = self.ready.rule
        if rule.over == "call":
            if reading.final and queue.timeline.inside(self.ready.span, reading.end_ms):
                length = max(1, reading.end_ms - reading.start_ms)
                self._sum += reading.value * length
                self._span_ms += length
            return
        out = self._bounds.exceeded(reading.value, final=reading.final)
        if rule.in_a_row > 1:
            if reading.final:
                self._row = self._row + 1 if out else 0
            if not reading.final or self._row < rule.in_a_row:
                return
            self._row = 0
        elif not out or not self._bounds.first(reading):
            return
        self.consider(queue, reading.end_ms, self._finding(reading.value, reading))

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        if not self._span_ms:
            return
        mean = self._sum / self._span_ms
        if self._bounds.exceeded(mean):
            whole = Reading(self._bounds.measure, mean, "", 0, end.duration_ms)
            found = self._finding(mean, whole)
            if not any(queue.timeline.inside(s, end.duration_ms) for s in self.ready.excepts):
                self._raise(queue, end.duration_ms, found, ORDERED)

    def _finding(self, value: float, reading: Reading) -> Finding:
        party = reading.party or self.ready.rule.party or Party.AGENT
        quote = shown(value, MEASURES[self._bounds.measure])
        evidence = self._bounds.describe(value)
        return Finding(party, reading.start_ms, reading.end_ms, quote, 1.0, evidence)
