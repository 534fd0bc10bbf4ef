"""Events to show in a browser, made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.events import (
    Alert,
    AlertState,
    CallInfo,
    Event,
    Partial,
    Party,
    ScriptState,
    ScriptStatus,
    Severity,
    Token,
    Utterance,
    to_json,
)

BOTH = (Party.AGENT, Party.CUSTOMER)
EACH_MS = 200
"""How long a spoken character lasts."""


def info(name: str = "call", **facts: Any) -> CallInfo:
    return CallInfo(name, name, BOTH, started_at="2026-03-02T10:00:00+08:00", facts=facts)


def words(party: Party, text: str, start_ms: int) -> tuple[Token, ...]:
    """What a recogniser commits of `text`, a character each `EACH_MS`."""
    return tuple(
        Token(party, char, "", start_ms + i * EACH_MS, start_ms + (i + 1) * EACH_MS)
        for i, char in enumerate(text)
    )


def turn(party: Party, text: str, start_ms: int) -> list[Event]:
    """A whole turn: its words, then the utterance."""
    tokens = words(party, text, start_ms)
    return [*tokens, Utterance(party, start_ms, tokens[-1].end_ms, tokens)]


def alert(
    title: str,
    severity: Severity = Severity.MAJOR,
    at_ms: int = 2000,
    *,
    id: str | None = None,  # noqa: A002
    span: tuple[int, int] | None = None,
    quote: str = "",
    advice: str = "",
    state: AlertState = AlertState.RAISED,
    interrupts: bool = True,
) -> Alert:
    start_ms, end_ms = span or (at_ms, at_ms)
    return Alert(
        id=id or title,
        rule=title,
        title=title,
        family="服务禁语",
        severity=severity,
        party=Party.AGENT,
        start_ms=start_ms,
        end_ms=end_ms,
        at_ms=at_ms,
        quote=quote,
        similarity=0.9,
        advice=advice,
        state=state,
        interrupts=interrupts,
    )


def script(
    title: str,
    status: ScriptStatus = ScriptStatus.PENDING,
    at_ms: int = 0,
    deadline_ms: int | None = None,
    advice: str = "",
) -> ScriptState:
    met = at_ms if status is ScriptStatus.MET else None
    return ScriptState(title, title, status, at_ms, deadline_ms, met, met, advice=advice)


def tail(party: Party, text: str, at_ms: int) -> Partial:
    return Partial(party, text, at_ms)


def data(event: Event) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(to_json(event))
    return found


def snapshot(events: Iterable[Event], now_ms: int = 0, call: int = 1, **more: Any) -> str:
    """The message with which a feed begins."""
    sent = [data(event) for event in events]
    message = {
        "type": "snapshot",
        "call": call,
        "key": f"key-{call}",
        "name": "call",
        "agent": "wang",
        "queue": None,
        "status": "live",
        "connected": True,
        "seq": len(sent),
        "now_ms": now_ms,
        "earlier": 0,
        "thumbs": {},
        "events": sent,
    }
    return json.dumps({**message, **more})


def news(
    events: Iterable[Event], seq: int, now_ms: int, call: int = 1, *, replay: bool = False
) -> str:
    """Events that follow; `seq` is the number of the first."""
    sent = [data(event) for event in events]
    message = {"type": "events", "call": call, "seq": seq, "now_ms": now_ms, "replay": replay}
    return json.dumps({**message, "events": sent})
