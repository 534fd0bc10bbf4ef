"""`repeat`: every value captured in a slot must be said again by a party."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from monitor.events import CallEnd, Detail, Party, ScriptStatus, Token
from monitor.language.phrases import Match
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.engine.repetition import Echo, echo_of
from monitor.rules.engine.timed_queue import RANK_TIMER, Finding, Happening, TimedQueue, Watcher


@dataclass(slots=True)
class _Owed:
    number: int
    value: str
    match: Match
    deadline_ms: int | None
    echo: Echo
    open: bool = True


class Repeat(Watcher):
    """A `repeat` rule in one call. A value that was already repeated is not owed again."""

    def __init__(self, ready: CompiledRule) -> None:
        self.ready = ready
        self._owed: list[_Owed] = []
        self._known: set[str] = set()

    @override
    def heard(self, queue: TimedQueue, match: Match, tag: tuple[int, int]) -> None:
        value = next(iter(match.slots.values()), "")
        if not value or value in self._known or not self._answers(queue, match):
            return
        self._known.add(value)
        within = self.ready.span.within
        owed = _Owed(
            queue.occurrence(self.ready),
            value,
            match,
            None if within is None else match.end_ms + within,
            echo_of(value),
        )
        queue.script(
            self.ready,
            ScriptStatus.PENDING,
            match.end_ms,
            deadline_ms=owed.deadline_ms,
            occurrence=owed.number,
            evidence={"value": value},
        )
        for token in queue.said(self.ready.rule.party, match.end_ms, queue.now_ms):
            self._hear(queue, owed, token)
        if not owed.open:
            return
        self._owed.append(owed)
        if owed.deadline_ms is not None:
            deadline = owed.deadline_ms
            queue.put(
                deadline, RANK_TIMER, self.ready.id, lambda: self._close(queue, owed, deadline)
            )

    def _answers(self, queue: TimedQueue, match: Match) -> bool:
        """Whether a bare value counts: where the slot asks for it, only as an answer."""
        span = self.ready.slot_span
        if not span.after or slot_alone(match.pattern) is None:
            return True
        return queue.timeline.inside(span, match.start_ms)

    @override
    def spoke(self, queue: TimedQueue, token: Token) -> None:
        if self._owed and self.ready.rule.party in (None, token.party):
            for owed in self._owed:
                self._hear(queue, owed, token)
            self._owed = [owed for owed in self._owed if owed.open]

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        if key in self.ready.span.until:
            self._close_all(queue, what.at_ms)

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        self._close_all(queue, end.duration_ms)

    def _hear(self, queue: TimedQueue, owed: _Owed, token: Token) -> None:
        # A token that starts after the value was given; with party `either` the
        # words of the capture itself do not count as its repetition.
        if not owed.open or token.start_ms < owed.match.end_ms:
            return
        if owed.deadline_ms is not None and token.end_ms > owed.deadline_ms:
            return
        if owed.echo.hear(token):
            owed.open = False
            queue.script(
                self.ready,
                ScriptStatus.MET,
                token.end_ms,
                deadline_ms=owed.deadline_ms,
                start_ms=token.start_ms,
                end_ms=token.end_ms,
                quote=owed.value,
                similarity=1.0,
                occurrence=owed.number,
                evidence={"value": owed.value},
            )

    def _close_all(self, queue: TimedQueue, at_ms: int) -> None:
        for owed in self._owed:
            self._close(queue, owed, at_ms)
        self._owed = []

    def _close(self, queue: TimedQueue, owed: _Owed, at_ms: int) -> None:
        if not owed.open:
            return
        owed.open = False
        party = self.ready.rule.party or Party.AGENT
        said = queue.said(party, owed.match.end_ms, at_ms)
        evidence: dict[str, Detail] = {
            "value": owed.value,
            "given": {"quote": owed.match.quote, "at_ms": owed.match.end_ms},
            "searched": {"from_ms": owed.match.end_ms, "to_ms": at_ms, "syllables": len(said)},
        }
        if owed.echo.wrong:
            evidence["said_instead"] = owed.echo.wrong
        queue.script(
            self.ready,
            ScriptStatus.MISSED,
            at_ms,
            deadline_ms=at_ms,
            occurrence=owed.number,
            evidence=evidence,
        )
        found = Finding(party, owed.match.end_ms, at_ms, owed.echo.wrong, 0.0, evidence)
        queue.alert(self.ready, found, at_ms)
