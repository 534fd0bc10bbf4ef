"""Calls that other machines send: whose they are, what is kept after a break."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.websockets import WebSocketDisconnect

from monitor.events import to_dict
from monitor.store import Store, read, write
from monitor.store.schema import StoredEvent
from monitor.web import users
from tests.browser import talk
from tests.web.conftest import Browser
from tests.web.desk import CARD, Desk, events_of_a_call, stored

Bearer = Callable[[str], dict[str, str]]


def test_a_call_that_was_sent_is_in_the_store_as_it_was(desk: Desk, store: Store) -> None:
    events = events_of_a_call()
    assert desk.hello(events[0]) == {"type": "ready", "call": 1, "next": 0, "durable": 0} | {
        "call": stored(store)[0].id
    }
    desk.send(0, events[:4], 800)
    desk.send(4, events[4:], 4000)
    desk.say("close", score=to_dict(CARD))
    assert desk.until("closed")["next"] == len(events)
    call, kept = stored(store)
    assert kept == [talk.data(event) for event in events]
    assert (call.status, call.score, call.grade) == ("complete", 80.0, "合格")
    assert (call.duration_ms, call.queue, call.alerts_major) == (4000, "宽带", 1)
    with store.reading() as session:
        exported = read.call_json(session, call.id)
    assert exported["score"]["lines"] == to_dict(CARD)["lines"]
    assert exported["utterances"][0]["text"] == "您好很高兴为您服务"


def test_an_agents_call_is_theirs_whatever_it_says(desk: Desk, store: Store) -> None:
    desk.hello(events_of_a_call()[0])
    desk.send(0, events_of_a_call())
    desk.say("close")
    desk.until("closed")
    assert stored(store)[0].agent == "agent"


def test_a_gateway_may_say_whose_call_it_is(browser: Browser, bearer: Bearer, store: Store) -> None:
    with browser.socket("/ws/ingest", headers=bearer("supervisor")) as socket:
        gateway = Desk(socket)
        gateway.hello(events_of_a_call()[0])
        gateway.send(0, events_of_a_call())
        gateway.say("close")
        gateway.until("closed")
    assert stored(store)[0].agent == "somebody else"


def test_nobody_goes_on_with_anothers_call(browser: Browser, bearer: Bearer, desk: Desk) -> None:
    desk.hello(events_of_a_call()[0])
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        assert Desk(socket).hello(events_of_a_call()[0])["type"] == "refused"


def test_after_a_break_it_goes_on_where_the_server_says(
    browser: Browser, bearer: Bearer, store: Store
) -> None:
    events = events_of_a_call()
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
    call, kept = stored(store)
    assert kept == [talk.data(event) for event in events]
    assert call.status == "complete"


def test_a_restarted_server_goes_on_with_the_call(
    another: Callable[..., FastAPI], bearer: Bearer, store: Store
) -> None:
    events = events_of_a_call()
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
    assert stored(store)[1] == [talk.data(event) for event in events]


def test_a_sender_that_stays_away_leaves_an_interrupted_call_and_may_return(
    browser: Browser, bearer: Bearer, store: Store
) -> None:
    events = events_of_a_call()
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
        assert stored(store)[0].status == "live"
        desk.send(3, events[3:])
        desk.say("close")
        desk.until("closed")
    call, kept = stored(store)
    assert (call.status, len(kept)) == ("complete", len(events))


def test_a_call_that_was_deleted_meanwhile_is_refused(desk: Desk, store: Store) -> None:
    events = events_of_a_call()
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


def test_stored_events_are_numbered_without_holes(desk: Desk, store: Store) -> None:
    events = events_of_a_call()
    desk.hello(events[0])
    for number, event in enumerate(events):
        desk.send(number, [event])
    desk.say("close")
    desk.until("closed")
    with store.reading() as session:
        numbers = session.scalars(select(StoredEvent.seq).order_by(StoredEvent.seq)).all()
    assert list(numbers) == list(range(len(events)))
