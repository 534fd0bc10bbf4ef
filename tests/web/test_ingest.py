"""Calls that other machines send: whose they are, what is taken, what is kept after a break."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.websockets import WebSocketDisconnect

from monitor.events import (
    CallEnd,
    CallInfo,
    Event,
    Party,
    ScriptStatus,
    Token,
    to_dict,
)
from monitor.score import GroupScore, ItemStatus, Line, Scorecard
from monitor.store import Store, read, write
from monitor.store.schema import Call, StoredEvent
from monitor.web import users, wire
from tests.browser import talk
from tests.web.conftest import Browser

Bearer = Callable[[str], dict[str, str]]

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


def _events(text: str = "您好很高兴为您服务") -> list[Event]:
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


@pytest.fixture
def desk(browser: Browser, bearer: Bearer) -> Iterator[Desk]:
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        yield Desk(socket)


def _stored(store: Store, key: str = "key-of-a-call") -> tuple[Call, list[dict[str, Any]]]:
    with store.reading() as session:
        call = session.scalars(select(Call).where(Call.key == key)).one()
        return call, [event for _seq, _now, event in read.events(session, call.id)]


def test_a_call_that_was_sent_is_in_the_store_as_it_was(desk: Desk, store: Store) -> None:
    events = _events()
    assert desk.hello(events[0]) == {"type": "ready", "call": 1, "next": 0, "durable": 0} | {
        "call": _stored(store)[0].id
    }
    desk.send(0, events[:4], 800)
    desk.send(4, events[4:], 4000)
    desk.say("close", score=to_dict(CARD))
    assert desk.until("closed")["next"] == len(events)
    call, kept = _stored(store)
    assert kept == [talk.data(event) for event in events]
    assert (call.status, call.score, call.grade) == ("complete", 80.0, "合格")
    assert (call.duration_ms, call.queue, call.alerts_major) == (4000, "宽带", 1)
    with store.reading() as session:
        exported = read.call_json(session, call.id)
    assert exported["score"]["lines"] == to_dict(CARD)["lines"]
    assert exported["utterances"][0]["text"] == "您好很高兴为您服务"


def test_an_agents_call_is_theirs_whatever_it_says(desk: Desk, store: Store) -> None:
    desk.hello(_events()[0])
    desk.send(0, _events())
    desk.say("close")
    desk.until("closed")
    assert _stored(store)[0].agent == "agent"


def test_a_gateway_may_say_whose_call_it_is(browser: Browser, bearer: Bearer, store: Store) -> None:
    with browser.socket("/ws/ingest", headers=bearer("supervisor")) as socket:
        gateway = Desk(socket)
        gateway.hello(_events()[0])
        gateway.send(0, _events())
        gateway.say("close")
        gateway.until("closed")
    assert _stored(store)[0].agent == "somebody else"


def test_nobody_goes_on_with_anothers_call(browser: Browser, bearer: Bearer, desk: Desk) -> None:
    desk.hello(_events()[0])
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        assert Desk(socket).hello(_events()[0])["type"] == "refused"


def test_after_a_break_it_goes_on_where_the_server_says(
    browser: Browser, bearer: Bearer, store: Store
) -> None:
    events = _events()
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        first = Desk(socket)
        first.hello(events[0])
        first.send(0, events[:5], 900)
        first.until("ack")
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        second = Desk(socket)
        assert second.hello(events[0])["next"] == 5
        second.send(2, events[2:7], 1500)  # what was there already counts once
        second.send(7, events[7:], 4000)
        second.say("close")
        second.until("closed")
    call, kept = _stored(store)
    assert kept == [talk.data(event) for event in events]
    assert call.status == "complete"


def test_a_restarted_server_goes_on_with_the_call(
    another: Callable[..., FastAPI], bearer: Bearer, store: Store
) -> None:
    events = _events()
    with Browser(another()) as before, before.socket("/ws/ingest", headers=bearer("agent")) as s:
        desk = Desk(s)
        desk.hello(events[0])
        desk.send(0, events[:6], 900)
        while desk.until("ack")["next"] < 6:
            pass
    with (
        Browser(another()) as after,
        after.socket("/ws/ingest", headers=bearer("agent")) as s,
        after.socket("/ws/calls/current", headers=bearer("agent")) as panel,
    ):
        desk = Desk(s)
        assert desk.hello(events[0])["next"] == 6
        shown = panel.receive_json()
        while shown["type"] != "snapshot":
            shown = panel.receive_json()
        assert shown["seq"] == 6
        desk.send(6, events[6:], 4000)
        desk.say("close")
        desk.until("closed")
    assert _stored(store)[1] == [talk.data(event) for event in events]


def test_a_sender_that_stays_away_leaves_an_interrupted_call_and_may_return(
    browser: Browser, bearer: Bearer, store: Store
) -> None:
    events = _events()
    with browser.socket("/ws/wall", headers=bearer("supervisor")) as wall:
        assert wall.receive_json() == {"type": "wall", "calls": []}
        with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
            desk = Desk(socket)
            desk.hello(events[0])
            desk.send(0, events[:3])
            desk.until("ack")
        states = []
        while "interrupted" not in states:
            message = wall.receive_json()
            if message["type"] == "card":
                states.append(message["card"]["status"])
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        desk = Desk(socket)
        assert desk.hello(events[0])["next"] == 3
        assert _stored(store)[0].status == "live"
        desk.send(3, events[3:])
        desk.say("close")
        desk.until("closed")
    call, kept = _stored(store)
    assert (call.status, len(kept)) == ("complete", len(events))


def test_a_call_that_was_deleted_meanwhile_is_refused(desk: Desk, store: Store) -> None:
    events = _events()
    number = desk.hello(events[0])["call"]
    desk.send(0, events[:3])
    desk.until("ack")
    with store.session() as session:
        assert write.delete_call(session, number)
    desk.send(3, events[3:])
    assert desk.until("refused")["reason"]


@pytest.fixture
def checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.web import sockets

    monkeypatch.setattr(sockets, "CHECK_S", 0.05)


def test_who_is_stopped_meanwhile_is_cut_off(checked_often: None, desk: Desk, store: Store) -> None:
    with store.session() as session:
        users.change(session, users.find(session, "agent"), active=False)
    with pytest.raises(WebSocketDisconnect):
        desk.until("nothing that ever comes")


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
    desk.hello(_events()[0])
    desk.socket.send_text(json.dumps(message))
    assert desk.until("refused")["reason"]
    with pytest.raises(WebSocketDisconnect):
        desk.hear()
    assert _stored(store)[1] == []


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


def test_one_senders_nonsense_does_not_disturb_another(
    browser: Browser, bearer: Bearer, desk: Desk, store: Store
) -> None:
    events = _events()
    desk.hello(events[0])
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        other = Desk(socket)
        other.hello(events[0], "key-of-another")
        other.socket.send_text("\x00not json")
        assert other.until("refused")
    desk.send(0, events)
    desk.say("close")
    desk.until("closed")
    assert len(_stored(store)[1]) == len(events)


def test_two_calls_at_once_do_not_mix(
    browser: Browser, bearer: Bearer, desk: Desk, store: Store
) -> None:
    mine, others = _events("您好我是一号"), _events("您好我是二号先生")
    with (
        browser.socket("/ws/ingest", headers=bearer("other")) as socket,
        browser.socket("/ws/calls/current", headers=bearer("agent")) as panel,
    ):
        assert panel.receive_json() == {"type": "waiting"}
        other = Desk(socket)
        other.hello(others[0], "key-of-another")
        desk.hello(mine[0])
        # The page watches from here on; one that comes later is shown a folded picture.
        message: dict[str, Any] = panel.receive_json()
        seen: list[Any] = message.get("events", [])
        for number in range(max(len(mine), len(others))):
            desk.send(min(number, len(mine)), mine[number : number + 1])
            other.send(min(number, len(others)), others[number : number + 1])
        for sender in (desk, other):
            sender.say("close")
            sender.until("closed")
        while message["type"] != "end":
            message = panel.receive_json()
            seen += message.get("events", [])
    assert seen == [talk.data(event) for event in mine]
    assert _stored(store)[1] == [talk.data(event) for event in mine]
    assert _stored(store, "key-of-another")[1] == [talk.data(event) for event in others]


def test_the_panel_turns_to_the_next_call_by_itself(browser: Browser, bearer: Bearer) -> None:
    with browser.socket("/ws/calls/current", headers=bearer("agent")) as panel:
        assert panel.receive_json()["type"] == "waiting"
        for key in ("first-call", "second-call"):
            with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
                desk = Desk(socket)
                number = desk.hello(_events()[0], key)["call"]
                desk.send(0, _events())
                desk.say("close")
                desk.until("closed")
            kinds = []
            while "end" not in kinds:
                message = panel.receive_json()
                assert message["call"] == number
                kinds.append(message["type"])
            assert kinds[0] == "snapshot"


def test_agents_do_not_watch_the_calls_of_others(
    browser: Browser, bearer: Bearer, desk: Desk
) -> None:
    number = desk.hello(_events()[0])["call"]
    for name in ("qa", "agent"):
        with browser.socket(f"/ws/calls/{number}", headers=bearer(name)) as panel:
            assert panel.receive_json()["type"] == "snapshot"
    with (
        pytest.raises(WebSocketDisconnect),
        browser.socket(f"/ws/calls/{number}", headers=bearer("other")),
    ):
        pass


def test_a_call_that_is_over_is_shown_to_its_end(
    browser: Browser, bearer: Bearer, desk: Desk, app: FastAPI
) -> None:
    number = desk.hello(_events()[0])["call"]
    desk.send(0, _events(), 4000)
    desk.say("close")
    desk.until("closed")
    app.state.hub.forget(app.state.hub.get(number))
    with browser.socket(f"/ws/calls/{number}", headers=bearer("qa")) as panel:
        assert panel.receive_json()["type"] == "snapshot"
        messages = [panel.receive_json()["type"]]
        while messages[-1] != "end":
            messages.append(panel.receive_json()["type"])
        with pytest.raises(WebSocketDisconnect) as closed:
            panel.receive_json()
    assert closed.value.code == 1000


def test_events_are_kept_to_the_types_of_their_fields() -> None:
    good = talk.data(Token(Party.AGENT, "好", "hao", 0, 200, 0.5))
    assert wire.event_of(good) == Token(Party.AGENT, "好", "hao", 0, 200, 0.5)
    for field, value in {
        "start_ms": "0",
        "end_ms": 2**40,
        "text": 5,
        "confidence": float("nan"),
        "party": "nobody",
        "alternatives": [{"syllable": 1, "probability": 0.5}],
        "unknown": 1,
    }.items():
        with pytest.raises(ValueError, match=r"\w"):
            wire.event_of({**good, field: value})
    for nothing in (None, [], "x", {"event": "nothing"}, {"event": "token"}):
        with pytest.raises(ValueError, match=r"\w"):
            wire.event_of(nothing)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(["call", "token", "alert", "script", "reading", "gap", "end"]), st.data())
def test_no_json_at_all_breaks_the_reader(kind: str, data: st.DataObject) -> None:
    names = {"party", "text", "start_ms", "end_ms", "id", "source", "parties", "facts", "at_ms"}
    drawn = data.draw(st.dictionaries(st.sampled_from(sorted(names)), _JSON))
    try:
        event = wire.event_of({"event": kind, **drawn})
    except ValueError:
        return
    assert wire.event_of(wire.data_of(event)) == event


def test_a_call_may_say_anything_of_itself() -> None:
    info = CallInfo("x", "x", (Party.AGENT,), facts={"a": [1, {"b": None}], "c": "字"})
    assert wire.event_of(wire.data_of(info)) == info
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="facts"):
        wire.event_of({**wire.data_of(info), "facts": {"a": deep}})


def test_stored_events_are_numbered_without_holes(desk: Desk, store: Store) -> None:
    events = _events()
    desk.hello(events[0])
    for number, event in enumerate(events):
        desk.send(number, [event])
    desk.say("close")
    desk.until("closed")
    with store.reading() as session:
        numbers = session.scalars(select(StoredEvent.seq).order_by(StoredEvent.seq)).all()
    assert list(numbers) == list(range(len(events)))
