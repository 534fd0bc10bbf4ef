"""What a screen shows of a call, folded from its events. Knows no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.base.call_fold import CallFold
from monitor.events import (
    Alert,
    AlertState,
    CallInfo,
    Event,
    Gap,
    Partial,
    Party,
    ScriptState,
    ScriptStatus,
    Token,
    Utterance,
)

_KEPT_LINES = 200
"""Transcript lines kept; a terminal shows fewer, and a long call must not grow."""


@dataclass(slots=True)
class Line:
    """One turn in the transcript; `open` while its speaker goes on."""

    party: Party
    start_ms: int
    tokens: list[Token] = field(default_factory=list)
    open: bool = True
    note: str = ""


class Board:
    """The state of the screen. `take` is the only thing that changes it."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.lines: list[Line] = []
        self.tails: dict[Party, str] = {}
        self._call = CallFold()

    @property
    def info(self) -> CallInfo | None:
        return self._call.info

    @property
    def alerts(self) -> dict[str, Alert]:
        """By id, oldest first."""
        return self._call.alerts

    @property
    def scripts(self) -> dict[tuple[str, int], ScriptState]:
        return self._call.scripts

    @property
    def gaps(self) -> list[Gap]:
        return self._call.gaps

    def take(self, events: Sequence[Event], now_ms: int) -> None:
        self.now_ms = max(self.now_ms, now_ms)
        for event in events:
            self._call.take(event)
            match event:
                case Token():
                    self._open_line(event).tokens.append(event)
                case Partial():
                    self.tails[event.party] = event.text
                case Utterance():
                    self._close_line(event.party)
                case Gap():
                    line = Line(event.party, event.start_ms, open=False, note=event.reason)
                    self.lines.append(line)
                case _:
                    pass
        del self.lines[:-_KEPT_LINES]

    def hit(self, token: Token) -> Alert | None:
        """The newest standing alert whose span covers the token."""
        for alert in reversed(self.alerts.values()):
            if (
                alert.state is not AlertState.RETRACTED
                and alert.party is token.party
                and alert.start_ms <= token.start_ms
                and token.end_ms <= alert.end_ms
            ):
                return alert
        return None

    def cards(self) -> list[Alert]:
        """Alerts, newest first; the newest that may interrupt and still stands leads."""
        newest = list(reversed(self.alerts.values()))
        for alert in newest:
            if alert.interrupts and alert.state is not AlertState.RETRACTED:
                return [alert, *(other for other in newest if other is not alert)]
        return newest

    def checklist(self) -> list[ScriptState]:
        """Scripts that apply, the undecided ones first, then by when they were decided."""
        shown = [s for s in self.scripts.values() if s.status is not ScriptStatus.NOT_APPLICABLE]
        return sorted(
            shown,
            key=lambda s: (s.status is not ScriptStatus.PENDING, s.deadline_ms or 0, s.at_ms),
        )

    def _open_line(self, token: Token) -> Line:
        for line in reversed(self.lines):
            if line.open and line.party is token.party:
                return line
        self.lines.append(Line(token.party, token.start_ms))
        return self.lines[-1]

    def _close_line(self, party: Party) -> None:
        for line in self.lines:
            if line.party is party:
                line.open = False
