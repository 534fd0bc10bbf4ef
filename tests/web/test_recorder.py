"""Storing goes on: whatever one call brings, the others are stored, and what is wrong is said."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from starlette.websockets import WebSocketDisconnect

from monitor.events import Alert, CallEnd, Party
from monitor.store import Store, aside, ingest
from monitor.store.schema import Call, Gap, SearchTerms, SetAside, Utterance
from monitor.web import health, intake, recorder
from monitor.web.hub import LiveCall
from monitor.web.recorder import Recorder
from tests.browser import talk
from tests.web.conftest import Browser
from tests.web.desk import CARD, Desk, events_of_a_call, stored

Bearer = Callable[[str], dict[str, str]]


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "GATHER_S", 0.0)
    monkeypatch.setattr(recorder, "RETRY_S", 0.01)


def _poison(monkeypatch: pytest.MonkeyPatch, poisonous: str) -> None:
    """An alert of this id is what the tables do not take, for a reason nobody has thought of."""
    take = ingest._Fold.take

    def picky(self: Any, seq: int, event: Any, now_ms: int) -> None:
        if isinstance(event, Alert) and event.id == poisonous:
            raise OverflowError("nobody thought of that")
        take(self, seq, event, now_ms)

    monkeypatch.setattr(ingest._Fold, "take", picky)


def test_an_event_that_cannot_be_kept_is_set_aside_and_the_others_go_on(
    desk: Desk, browser: Browser, bearer: Bearer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, "poison")
    events = events_of_a_call()
    bad = [*events[:3], talk.alert("poison", at_ms=1200), *events[3:]]
    desk.hello(bad[0])
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        neighbour = Desk(socket)
        neighbour.hello(events[0], key="key-of-another")
        desk.send(0, bad, now_ms=4000)
        neighbour.send(0, events, now_ms=4000)
        assert neighbour.until("ack")["next"] == len(events)
        neighbour.say("close", score=None)
        assert neighbour.until("closed")["next"] == len(events)
    desk.say("close", score=None)
    assert desk.until("closed")["next"] == len(bad)
    assert browser.get("/healthz").text == "ok"
    call, kept = stored(store)
    assert call.status == "complete"
    assert [event["event"] for event in kept] == [
        "gap" if number == 3 else talk.data(event)["event"] for number, event in enumerate(bad)
    ]
    with store.reading() as session:
        (row,) = session.scalars(select(SetAside)).all()
        assert (row.call_id, row.seq) == (call.id, 3)
        assert "nobody thought of that" in row.reason
        assert json.loads(row.body) == talk.data(bad[3])
        assert session.scalars(select(Gap.reason)).all() == ["not stored: OverflowError"]
    assert stored(store, "key-of-another")[0].status == "complete"


def test_a_card_that_cannot_be_kept_leaves_the_events(store: Store) -> None:
    with store.session() as session:
        call_id = ingest.begin_call(session, "key-of-a-call")
        assert aside.save_carefully(session, call_id, {"total": 1.0}) == 1
    with store.reading() as session:
        assert session.scalars(select(SetAside.seq)).all() == [None]


def test_a_call_that_cannot_be_written_at_all_rests_and_is_tried_again(
    desk: Desk, browser: Browser, bearer: Bearer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = threading.Event()
    broken.set()
    whole = ingest.append_events

    def append(session: Any, call_id: int, *rest: Any) -> int:
        if broken.is_set() and session.get(Call, call_id).agent == "agent":
            raise RuntimeError("not this call")
        return whole(session, call_id, *rest)

    monkeypatch.setattr("monitor.store.write.append_events", append)
    monkeypatch.setattr(aside, "append_events", append)
    monkeypatch.setattr(recorder, "UNWELL_S", 0.0)
    events = events_of_a_call()
    desk.hello(events[0])
    desk.send(0, events)
    with browser.socket("/ws/ingest", headers=bearer("other")) as socket:
        neighbour = Desk(socket)
        neighbour.hello(events[0], key="key-of-another")
        neighbour.send(0, events)
        assert neighbour.until("ack")["next"] == len(events)
    answer = browser.get("/healthz")
    assert (answer.status_code, answer.text) == (503, "not working: recorder")
    broken.clear()
    assert desk.until("ack")["next"] == len(events)
    assert browser.get("/healthz").text == "ok"


def test_a_recorder_that_fails_begins_anew(
    desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Recorder._done
    failures = iter([RuntimeError("a fault of ours")] * 2)

    def faulty(self: Recorder, *args: Any) -> None:
        for failure in failures:
            raise failure
        done(self, *args)

    monkeypatch.setattr("monitor.web.parts.RESTART_S", 0.0)
    monkeypatch.setattr(Recorder, "_done", faulty)
    events = events_of_a_call()
    desk.hello(events[0])
    desk.send(0, events)
    assert desk.until("ack")["next"] == len(events)


@pytest.mark.parametrize(
    "longer",
    [
        lambda long: [talk.alert(long)],
        lambda long: [talk.info("desk", queue=long)],
        lambda long: [talk.info("desk", agent={"name": long})],
        lambda long: [talk.script(long, "met", 1)],
    ],
)
def test_what_is_looked_up_by_has_the_length_of_a_name(
    desk: Desk, store: Store, longer: Callable[[str], Any]
) -> None:
    desk.hello(talk.info("desk"))
    desk.send(0, longer("长" * 19_000))
    assert desk.until("refused")["type"] == "refused"


def test_turns_beyond_what_search_can_number_are_kept(store: Store) -> None:
    events = [talk.info(), *talk.turn(Party.AGENT, "您好", 0)]
    more = talk.turn(Party.AGENT, "再见", 3000)
    with store.session() as session:
        first = ingest.begin_call(session, "key-of-a-call")
        ingest.begin_call(session, "key-of-another")
        ingest.append_events(session, first, 0, [(event, 0) for event in events])
        session.execute(text("UPDATE utterances SET ordinal = 1048575"))
        session.execute(text("DELETE FROM search_terms"))
    with store.session() as session:
        fold = ingest._Fold(session, session.get_one(Call, first))
        fold._turns = 2**20
        for seq, event in enumerate(more, len(events)):
            fold.take(seq, event, 0)
        fold.write()
    with store.reading() as session:
        ordinals = select(Utterance.ordinal).order_by(Utterance.ordinal)
        assert session.scalars(ordinals).all() == [2**20 - 1, 2**20]
        assert session.scalars(select(SearchTerms.id)).all() == []


def test_a_store_that_went_back_asks_the_sender_to_go_back(
    desk: Desk, browser: Browser, bearer: Bearer, store: Store
) -> None:
    """As after a backup was played in: the server must not refuse the call for good."""
    events = events_of_a_call()
    desk.hello(events[0])
    desk.send(0, events[:4])
    assert desk.until("ack")["next"] == 4
    with store.session() as session:
        session.execute(update(Call).values(next_seq=2))
        session.execute(text("DELETE FROM events WHERE seq >= 2"))
        session.execute(text("DELETE FROM utterances"))
        session.execute(text("DELETE FROM search_terms"))
    desk.send(4, events[4:])
    with pytest.raises(WebSocketDisconnect) as closed:
        desk.until("ack")
    assert closed.value.code == 1013
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        again = Desk(socket)
        assert again.hello(events[0])["next"] == 2
        again.send(2, events[2:])
        again.say("close", score=None)
        assert again.until("closed")["next"] == len(events)
    assert stored(store)[1] == [talk.data(event) for event in events]


def test_calls_that_are_over_leave_nothing_in_memory(
    browser: Browser, app: FastAPI, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "IN_VIEW_S", 0.0)
    events = events_of_a_call()
    for number in range(12):
        with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
            desk = Desk(socket)
            desk.hello(events[0], key=f"key-of-call-{number}")
            cut_off = number % 3 == 0
            desk.send(0, events[:-1] if cut_off else events)
            desk.until("ack")
            if not cut_off:
                desk.say("close", score=None)
                desk.until("closed")
    calls = app.state.intake
    waiting = threading.Event()
    while calls._timers or list(app.state.hub):
        waiting.wait(0.02)
    del desk, socket
    gc.collect()
    assert not [thing for thing in gc.get_objects() if type(thing) is LiveCall]
    assert calls._recorder._lines == {}
    assert calls._recorder._waiting == 0


def test_a_burst_of_one_call_holds_up_no_other(store: Store) -> None:
    """Of a call no more than its share is written at a time, beside the shares of others."""

    async def take() -> list[tuple[int, int]]:
        one = Recorder(store)
        for number, count in ((1, 50_000), (2, 3)):
            call = LiveCall(_begun(number))
            one.put(call, 0, [(CallEnd(1), 0)] * count)
        return [(line.call.begun.id, count) for line, count, _score, _over in one._take()]

    assert asyncio.run(take()) == [(1, recorder.SHARE), (2, 3)]


def _begun(number: int) -> Any:
    from monitor.web.hub import Begun

    return Begun(number, f"key-of-{number}", "call", None, None, None, "")


def test_a_store_that_hangs_does_not_hang_the_answer_about_health(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.05)
    hanging = threading.Event()
    monkeypatch.setattr(health.StoreCheck, "_ask", lambda self: hanging.wait(30))
    for _ in range(50):  # more than there are threads
        assert browser.get("/healthz").status_code == 503
    assert browser.get("/healthz/alive").text == "ok"
    hanging.set()


def test_what_is_acknowledged_is_on_the_disk(store: Store) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip(
            "PostgreSQL's own setting, synchronous_commit, is on unless somebody turns it off"
        )
    with store.session() as session:
        connection = session.connection().connection.dbapi_connection
        assert isinstance(connection, sqlite3.Connection)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


@pytest.mark.parametrize("later", ["card", "event"])
def test_a_call_that_is_over_is_not_rewritten(
    desk: Desk, browser: Browser, bearer: Bearer, store: Store, later: str
) -> None:
    events = events_of_a_call()
    card = _card(CARD.total)
    desk.hello(events[0])
    desk.send(0, events)
    desk.say("close", score=card)
    desk.until("closed")
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        again = Desk(socket)
        again.hello(events[0])
        if later == "card":
            again.say("close", score=card)  # the answer was lost: the same once more
            again.until("closed")
            again.say("close", score=_card(100.0))
        else:
            again.send(len(events), [talk.info("desk", queue="别的")])
        assert "结束" in again.until("refused")["reason"]
    call, kept = stored(store)
    assert (call.score, len(kept), call.queue) == (CARD.total, len(events), "宽带")


def _card(total: float) -> Any:
    from dataclasses import replace

    from monitor.events import to_dict

    return to_dict(replace(CARD, total=total))
