"""What a sender says that is not of the protocol: refused, and nobody else is disturbed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.websockets import WebSocketDisconnect

from monitor.events import CallEnd, to_dict
from monitor.store import Store
from monitor.store.schema import Call
from tests.browser import talk
from tests.web.conftest import Browser
from tests.web.desk import CARD, Desk, events_of_a_call, stored

Bearer = Callable[[str], dict[str, str]]


_BROKEN: list[Any] = [
    {"type": "events", "seq": 5, "events": []},
    {"type": "events", "seq": -1, "events": []},
    {"type": "events", "seq": 0, "events": [{}]},
    {"type": "events", "seq": 0, "events": "text"},
    {"type": "events", "seq": 0, "events": [{"event": "partial", "party": "agent"}]},
    {"type": "events", "seq": True, "events": []},
    {"type": "events", "events": []},
    {"type": "tick", "now_ms": 2**40},
    {"type": "tick", "now_ms": "1"},
    {"type": "partial", "partial": {"event": "gap"}},
    {"type": "close", "score": {"total": 1}},
    {"type": "close", "score": {**to_dict(CARD), "total": "many"}},
    {"type": "close", "score": {**to_dict(CARD), "lines": [to_dict(CARD.lines[0])] * 2}},
    {"type": "nonsense"},
    {},
    [],
    "text",
]


@pytest.mark.parametrize("message", _BROKEN, ids=str)
def test_what_is_not_of_the_protocol_is_refused(desk: Desk, message: Any, store: Store) -> None:
    desk.hello(events_of_a_call()[0])
    desk.socket.send_text(json.dumps(message))
    assert desk.until("refused")["reason"]
    with pytest.raises(WebSocketDisconnect):
        desk.hear()
    assert stored(store)[1] == []


@pytest.mark.parametrize(
    "hello",
    [
        {"type": "hello", "protocol": 2, "key": "long enough", "info": talk.data(talk.info())},
        {"type": "hello", "protocol": 1, "key": "short", "info": talk.data(talk.info())},
        {"type": "hello", "protocol": 1, "key": "x" * 101, "info": talk.data(talk.info())},
        {"type": "hello", "protocol": 1, "key": "long enough", "info": talk.data(CallEnd(5))},
        {"type": "events", "seq": 0, "events": []},
        None,
    ],
    ids=str,
)
def test_a_call_begins_with_a_greeting(desk: Desk, hello: Any, store: Store) -> None:
    desk.socket.send_text(json.dumps(hello))
    assert desk.hear()["type"] == "refused"
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 0


@pytest.mark.parametrize("nonsense", ["\x00not json", "[" * 100_000], ids=["text", "deep"])
def test_one_senders_nonsense_does_not_disturb_another(
    browser: Browser, bearer: Bearer, desk: Desk, store: Store, nonsense: str
) -> None:
    events = events_of_a_call()
    desk.hello(events[0])
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        other = Desk(socket)
        other.hello(events[0], "key-of-another")
        other.socket.send_text(nonsense)
        assert other.until("refused")
    desk.send(0, events)
    desk.say("close")
    desk.until("closed")
    assert len(stored(store)[1]) == len(events)
