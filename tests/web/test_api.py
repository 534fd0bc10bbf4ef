"""The JSON API: what is found, whose it is, what is put on record; fuzzed from its OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.events import CallEnd, Event, Party, to_dict
from monitor.store import Store, read, write
from monitor.store.schema import Alert, Audit, Thumb
from monitor.web.feed import LocalFeed
from tests.browser import talk
from tests.web.conftest import Browser
from tests.web.desk import CARD

Bearer = Callable[[str], dict[str, str]]


def _said(text: str, *more: Event) -> list[Event]:
    return [*talk.turn(Party.AGENT, text, 0), *more, CallEnd(9000)]


def _call(name: str, events: Sequence[Event], **facts: Any) -> Mapping[str, Any]:
    record = CallRecord()
    record([talk.info(name, **facts), *events])
    return call_record.to_json(record, to_dict(CARD), name)


@pytest.fixture
def calls(store: Store) -> dict[str, int]:
    """Three past calls: two of `agent`, one of `other`; the first has an alert."""
    told = {
        "one": _call("one", _said("您好宽带", talk.alert("禁语")), agent="agent", queue="宽带"),
        "two": _call("two", _said("再见"), agent="agent", queue="移动"),
        "three": _call("three", _said("您好"), agent="other", queue="宽带"),
    }
    with store.session() as session:
        return {name: write.save_call(session, data, key=name) for name, data in told.items()}


def _names(browser: Browser, headers: dict[str, str], **asked: Any) -> list[str]:
    answer = browser.get("/api/calls", params={"sort": "name", **asked}, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] == len(found["calls"])
    return [call["name"] for call in found["calls"]]


def _trail(store: Store) -> list[tuple[str, str, str]]:
    with store.reading() as session:
        rows = session.scalars(select(Audit).order_by(Audit.id))
        return [(row.actor, row.action, row.object) for row in rows]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, {"one", "two", "three"}),
        ({"queue": "宽带"}, {"one", "three"}),
        ({"agent": "agent", "text": "您好"}, {"one"}),
        ({"sound": "zai jian"}, {"two"}),
        ({"severity": "major"}, {"one"}),
        ({"rule": "禁语"}, {"one"}),
        ({"score_min": 80.5}, set()),
        ({"status": "complete", "fatal": "false"}, {"one", "two", "three"}),
        ({"since": "2026-03-03T00:00:00Z"}, set()),
        ({"until": "2026-03-03T00:00:00Z"}, {"one", "two", "three"}),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, set) else str(value),
)
def test_calls_are_found_by_what_is_asked(
    browser: Browser, bearer: Bearer, calls: dict[str, int], asked: Any, names: set[str]
) -> None:
    assert set(_names(browser, bearer("qa"), **asked)) == names


def test_agents_find_only_their_own(
    browser: Browser, bearer: Bearer, calls: dict[str, int]
) -> None:
    assert set(_names(browser, bearer("agent"))) == {"one", "two"}
    assert set(_names(browser, bearer("agent"), agent="other")) == set()
    assert set(_names(browser, bearer("other"), text="您好")) == {"three"}
    for path in ("", "/export", "/events"):
        refused = browser.get(f"/api/calls/{calls['three']}{path}", headers=bearer("agent"))
        assert refused.status_code == 404


def test_an_agent_without_a_name_in_calls_sees_none(
    browser: Browser, bearer: Bearer, calls: dict[str, int], store: Store
) -> None:
    from monitor.web import users

    with store.session() as session:
        users.find(session, "agent").agent = None
    assert _names(browser, bearer("agent")) == []


def test_an_export_is_the_call_as_it_was_saved(
    browser: Browser, bearer: Bearer, calls: dict[str, int], store: Store
) -> None:
    with store.reading() as session:
        saved = read.call_json(session, calls["one"])
    answer = browser.get(f"/api/calls/{calls['one']}/export", headers=bearer("qa"))
    assert answer.json() == saved


def test_every_view_and_export_is_on_record(
    browser: Browser, bearer: Bearer, calls: dict[str, int], store: Store
) -> None:
    thing = f"call {calls['one']}"
    for path, action in {"": "call.view", "/export": "call.export", "/events": "call.view"}.items():
        before = len(_trail(store))
        browser.get(f"/api/calls/{calls['one']}{path}", headers=bearer("agent"))
        assert _trail(store)[before:] == [("agent", action, thing)]
    before = len(_trail(store))
    with browser.socket(f"/ws/calls/{calls['one']}", headers=bearer("supervisor")):
        pass
    assert _trail(store)[before:] == [("supervisor", "call.watch", thing)]


def test_a_refused_view_is_not_recorded_as_one(
    browser: Browser, bearer: Bearer, calls: dict[str, int], store: Store
) -> None:
    browser.get(f"/api/calls/{calls['three']}/export", headers=bearer("agent"))
    assert all(action != "call.export" for _, action, _ in _trail(store))


def test_a_thumb_is_kept_changed_and_taken_back(
    browser: Browser, bearer: Bearer, calls: dict[str, int], store: Store
) -> None:
    path = f"/api/calls/{calls['one']}/alerts/禁语/thumb"

    def kept() -> list[int]:
        with store.reading() as session:
            return list(session.scalars(select(Thumb.value).order_by(Thumb.user_id)))

    for value, expected in ((1, [1]), (-1, [-1]), (-1, [-1]), (0, [])):
        answer = browser.post(path, json={"value": value}, headers=bearer("agent"))
        assert answer.json() == {"value": value}
        assert kept() == expected
    assert browser.post(path, json={"value": 2}, headers=bearer("agent")).status_code == 422
    assert browser.post(path, json={"value": 1}, headers=bearer("other")).status_code == 404
    missing = path.replace("禁语", "nothing")
    assert browser.post(missing, json={"value": 1}, headers=bearer("agent")).status_code == 404


def test_a_thumb_in_a_browser_needs_the_token(
    signed_in: Callable[[str], Browser], calls: dict[str, int]
) -> None:
    agent = signed_in("agent")
    path = f"/api/calls/{calls['one']}/alerts/禁语/thumb"
    foreign = {"Origin": "http://elsewhere.example"}
    assert agent.post(path, json={"value": 1}, headers=foreign).status_code == 403
    assert agent.post(path, json={"value": 1}).status_code == 200


def test_a_thumb_on_a_card_of_this_moment_waits_for_the_store(
    browser: Browser, bearer: Bearer, app: FastAPI, store: Store
) -> None:
    feed = LocalFeed(app.state.intake, app.state.loop, "live-key", None, "agent")
    feed([talk.info(agent="agent"), talk.alert("禁语")], 500)
    path = f"/api/calls/{feed.call_id}/alerts/禁语/thumb"
    assert browser.post(path, json={"value": -1}, headers=bearer("agent")).status_code == 200
    with browser.socket("/ws/calls/current", headers=bearer("agent")) as panel:
        assert panel.receive_json()["thumbs"] == {"禁语": -1}
    with store.reading() as session:
        assert session.scalars(select(Alert.key)).all() == ["禁语"]
    app.state.hub.forget(app.state.hub.get(feed.call_id))  # as after a restart
    with browser.socket(f"/ws/calls/{feed.call_id}", headers=bearer("agent")) as panel:
        assert panel.receive_json()["thumbs"] == {"禁语": -1}


def test_running_calls_are_listed(browser: Browser, bearer: Bearer, app: FastAPI) -> None:
    feed = LocalFeed(app.state.intake, app.state.loop, "live-key", None, "agent")
    feed([talk.info(agent="agent"), talk.alert("禁语")], 500)
    (card,) = browser.get("/api/live", headers=bearer("supervisor")).json()
    assert (card["agent"], card["alerts"]["major"], card["status"]) == ("agent", 1, "live")
    row = browser.get(f"/api/calls/{feed.call_id}", headers=bearer("agent")).json()
    assert row["status"] == "live"


def test_a_local_call_is_in_the_store_to_its_card(app: FastAPI, browser: Browser) -> None:
    store = app.state.store
    feed = LocalFeed(app.state.intake, app.state.loop, "live-key", None, "agent")
    events = [talk.info(), *_said("您好", talk.tail(Party.AGENT, "再", 500))]
    for number, event in enumerate(events):
        feed([event], number * 100)
    assert feed.finish(CARD) == []
    assert feed.call_id is not None
    with store.reading() as session:
        exported = read.call_json(session, feed.call_id)
    assert exported["score"]["total"] == CARD.total
    assert exported["utterances"][0]["text"] == "您好"


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 501},
        {"offset": -1},
        {"sort": "password"},
        {"score_min": "nan"},
        {"since": "2026-01-01"},
        {"since": "0001-01-01T00:00:00+23:00"},
        {"severity": "worse"},
        {"text": "a\0b"},
        {"text": "x" * 201},
    ],
    ids=str,
)
def test_a_question_that_makes_no_sense_is_refused(
    browser: Browser, bearer: Bearer, asked: dict[str, Any]
) -> None:
    answer = browser.get("/api/calls", params=asked, headers=bearer("qa"))
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_the_health_of_the_server_is_no_secret(browser: Browser) -> None:
    assert browser.get("/healthz").text == "ok"


def test_the_description_is_for_those_who_signed_in(browser: Browser, bearer: Bearer) -> None:
    assert browser.get("/api/openapi.json").status_code == 401
    described = browser.get("/api/openapi.json", headers=bearer("agent")).json()
    assert "/api/calls/{call_id}/export" in described["paths"]
