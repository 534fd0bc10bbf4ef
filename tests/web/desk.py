"""An agent's machine, by hand: what it sends, and what the store has of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from monitor.events import CallEnd, Event, Party, ScriptStatus
from monitor.rules.scorecard import GroupScore, ItemStatus, Line, Scorecard
from monitor.store import Store, read
from monitor.store.schema import Call
from tests.browser import talk

CARD = Scorecard(
    total=80.0,
    max=100.0,
    grade="合格",
    fatal=False,
    groups=(GroupScore("服务规范", 100.0, 80.0, False, ""),),
    lines=(Line("a", "禁语", "服务规范", ItemStatus.LOST, 0.0, -20.0, 1, False, "说了"),),
    clean=3,
    not_applicable=1,
)


def events_of_a_call(text: str = "您好很高兴为您服务") -> list[Event]:
    return [
        talk.info("desk-3", agent="somebody else", queue="宽带"),
        talk.script("问候", ScriptStatus.PENDING, 0, 5000),
        *talk.turn(Party.AGENT, text, 0),
        talk.alert("禁语", at_ms=1500),
        talk.script("问候", ScriptStatus.MET, 1600),
        CallEnd(4000),
    ]


class Desk:
    """An agent's machine, by hand."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def say(self, kind: str, **fields: Any) -> None:
        self.socket.send_text(json.dumps({"type": kind, **fields}))

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = self.socket.receive_json()
        return message

    def hello(self, info: Event, key: str = "key-of-a-call") -> dict[str, Any]:
        self.say("hello", protocol=1, key=key, info=talk.data(info))
        return self.hear()

    def send(self, seq: int, events: Sequence[Event], now_ms: int = 0) -> None:
        self.say("events", seq=seq, now_ms=now_ms, events=[talk.data(event) for event in events])

    def until(self, kind: str) -> dict[str, Any]:
        while True:
            message = self.hear()
            if message["type"] == kind:
                return message


def stored(store: Store, key: str = "key-of-a-call") -> tuple[Call, list[dict[str, Any]]]:
    with store.reading() as session:
        call = session.scalars(select(Call).where(Call.key == key)).one()
        return call, [event for _seq, _now, event in read.events(session, call.id)]
