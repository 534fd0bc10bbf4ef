"""What the verbs of one call share: call time, the situations so far, what was said, the exits.

Two ways lead through it. A forbidden phrase without a window is reported as it
is heard. Everything that depends on the order of things – deadlines, windows,
situations, silences – passes through a queue sorted by call time, from which a
moment is taken only when everything before it has been heard from all parties.
So the outcome is a function of what was said when, and not of how the events
came in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    CallInfo,
    Detail,
    Gap,
    Party,
    Reading,
    ScriptState,
    ScriptStatus,
    Severity,
    Token,
)
from monitor.language.phrases import Match
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.engine.alert_policy import ORDERED, Gate
from monitor.rules.engine.certainty import UNCERTAIN, doubt, lowered
from monitor.rules.engine.speech_acts import Excuse
from monitor.rules.engine.timeline import Timeline

LAG_MS = 1500
"""The queue runs this far behind what has been heard. A phrase is certain at most
1.5 s after its end (the matcher's hold), a stretch of speech is measured once
the voice detector has closed it (0.6 s); what comes later still is a protected
phrase under way, and the windows judge it by when it was said."""

TURN_GAP_MS = 1000
"""A pause of this length ends a turn."""

OPENED_AFTER = 2
"""Turns of the other party after which a party's first turn is the opening of the call."""

_KEPT_TOKENS = 30_000  # about two hours of talk


@dataclass(frozen=True, slots=True)
class Happening:
    """A situation's moment, with what was heard then (if anything)."""

    at_ms: int
    party: Party | None = None
    start_ms: int | None = None
    quote: str = ""
    evidence: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a rule objects to, before the alert policy."""

    party: Party
    start_ms: int
    end_ms: int
    quote: str
    similarity: float
    evidence: Mapping[str, Detail]
    severity: Severity | None = None  # where it is not the rule's own


class Watcher:
    """A rule, situation or slot at work in one call; overrides what concerns it."""

    def start(self, queue: TimedQueue) -> None:
        """The call begins (or the rule came with a reload)."""

    def heard(self, queue: TimedQueue, match: Match, tag: tuple[int, int]) -> None:
        """One of the watcher's phrases was heard."""

    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        """A situation the watcher hangs on happened."""

    def measured(self, queue: TimedQueue, reading: Reading) -> None:
        """One of the watcher's measures was taken."""

    def spoke(self, queue: TimedQueue, token: Token) -> None:
        """Somebody said a syllable."""

    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        """The call is over and everything in it has been judged."""


RANK_TOKEN, RANK_MATCH, RANK_READING, RANK_TIMER = range(4)
_Entry = tuple[int, int, str, int, Callable[[], None]]


class TimedQueue:
    """The shared state of one call's rules."""

    def __init__(self, info: CallInfo, gate: Gate) -> None:
        self.info = info
        self.gate = gate
        self.timeline = Timeline()
        self.now_ms = 0  # how far the queue has been worked off
        self.heard_ms = 0  # up to where all parties have been heard
        self.tokens: dict[Party, list[Token]] = {party: [] for party in info.parties}
        self.gaps: list[Gap] = []
        self.subscribers: dict[str, list[Watcher]] = {}
        self.excused: list[tuple[str, Match, Excuse]] = []  # rule, words, why they do not count
        self._occurrences: dict[str, int] = {}
        self._queue: list[_Entry] = []
        self._pushed = 0
        self._out: list[Alert | ScriptState] = []

    # -- order ----------------------------------------------------------------

    def put(self, at_ms: int, rank: int, key: str, action: Callable[[], None]) -> None:
        """Do `action` when call time reaches `at_ms`; rank and key break ties."""
        self._pushed += 1
        heappush(self._queue, (at_ms, rank, key, self._pushed, action))

    def run(self, until_ms: int) -> None:
        """Do everything due before `until_ms`."""
        queue = self._queue
        while queue and queue[0][0] < until_ms:
            at_ms, _, _, _, action = heappop(queue)
            self.now_ms = max(self.now_ms, at_ms)
            action()

    def happen(self, key: str, what: Happening) -> None:
        """A situation happened: note it and tell who hangs on it."""
        self.timeline.add(key, what.at_ms)
        for watcher in self.subscribers.get(key, ()):
            watcher.happened(self, key, what)

    # -- what was said --------------------------------------------------------

    def hear(self, token: Token) -> None:
        said = self.tokens[token.party]
        said.append(token)
        if len(said) > _KEPT_TOKENS:
            del said[: _KEPT_TOKENS // 4]

    def said(self, party: Party | None, after_ms: int, until_ms: int) -> Sequence[Token]:
        """The party's tokens (None: the agent's) that end in (after_ms, until_ms]."""
        tokens = self.tokens.get(party or Party.AGENT, [])
        first = bisect_right(tokens, after_ms, key=_end)
        return tokens[first : max(first, bisect_right(tokens, until_ms, key=_end))]

    def opening_end(self, party: Party | None, at_ms: int) -> int:
        """The end of the party's first turn, once the other has taken two turns since; else -1.

        Turns are told apart by who speaks. Before that what was said first may be
        all that is said: a call of one exchange has no opening of its own.
        """
        mine = party or Party.AGENT
        other = Party.CUSTOMER if mine is Party.AGENT else Party.AGENT
        own, others = self.tokens.get(mine, []), self.tokens.get(other, [])
        if not own:
            return -1
        opened, turns = -1, 0
        heard = bisect_right(others, own[0].end_ms, key=_end)
        said = 0
        while heard < len(others) and others[heard].end_ms <= at_ms:
            turns += 1
            said = bisect_right(own, others[heard].end_ms, key=_end)
            if opened < 0:
                opened = own[said - 1].end_ms
            if turns == OPENED_AFTER:
                return opened
            if said == len(own):
                break
            heard = bisect_right(others, own[said].end_ms, key=_end)
        return -1

    def lost(self, party: Party | None, after_ms: int, until_ms: int) -> list[Gap]:
        """The stretches of the window that were not heard."""
        return [
            gap
            for gap in self.gaps
            if gap.party is (party or Party.AGENT)
            and gap.start_ms < until_ms
            and gap.end_ms > after_ms
        ]

    # -- exits ----------------------------------------------------------------

    def alert(
        self,
        ready: CompiledRule,
        found: Finding,
        at_ms: int,
        group: str = ORDERED,
        *,
        advice: str | None = None,
    ) -> Alert | None:
        """Raise an alert, if the policy lets it. `advice` replaces the rule's own."""
        if not self.gate.admits(ready, at_ms):
            return None
        rule = ready.rule
        evidence: dict[str, Detail] = {**found.evidence, "pack": ready.pack}
        severity = found.severity or rule.severity
        hint = found.severity is Severity.TIP  # only likely: it interrupts nobody
        if found.quote and (severity is Severity.FATAL or rule.score.fatal) and not hint:
            said = self.said(found.party, found.start_ms, found.end_ms)
            unsure = doubt(found.similarity, said)
            if unsure is not None:
                severity, evidence[UNCERTAIN] = lowered(severity), unsure
        alert = Alert(
            id=f"{rule.id}#{self.gate.number(ready)}",
            rule=rule.id,
            title=rule.title,
            family=rule.family,
            severity=severity,
            party=found.party,
            start_ms=found.start_ms,
            end_ms=found.end_ms,
            at_ms=at_ms,
            quote=found.quote,
            similarity=found.similarity,
            advice=rule.say_instead if advice is None else advice,
            interrupts=not hint and self.gate.interrupts(ready, at_ms, group),
            evidence=evidence,
        )
        self._out.append(alert)
        return alert

    def retract(self, alert: Alert, at_ms: int, evidence: Mapping[str, Detail]) -> None:
        """Take an alert back, for what was said behind its words."""
        self._out.append(
            replace(
                alert,
                state=AlertState.RETRACTED,
                at_ms=max(alert.at_ms, at_ms),
                interrupts=False,
                evidence={**alert.evidence, **evidence},
            )
        )

    def occurrence(self, ready: CompiledRule) -> int:
        """The number of the rule's next occurrence."""
        number = self._occurrences.get(ready.id, 0)
        self._occurrences[ready.id] = number + 1
        return number

    def script(self, ready: CompiledRule, status: ScriptStatus, at_ms: int, **more: object) -> None:
        """Report a script's state."""
        more.setdefault("advice", ready.rule.say_instead)
        self._out.append(
            ScriptState(
                rule=ready.id,
                title=ready.rule.title,
                status=status,
                at_ms=at_ms,
                **more,  # type: ignore[arg-type]  # the fields of ScriptState
            )
        )

    def take(self) -> list[Alert | ScriptState]:
        """What came out since the last time."""
        out, self._out = self._out, []
        return out


def _end(token: Token) -> int:
    return token.end_ms
