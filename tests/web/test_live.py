"""The sockets of the pages, fed by the calls that other machines send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.websockets import WebSocketDisconnect

from monitor.store import Store
from tests.browser import talk
from tests.web.conftest import Browser
from tests.web.desk import Desk, events_of_a_call, stored

Bearer = Callable[[str], dict[str, str]]


def test_two_calls_at_once_do_not_mix(
    browser: Browser, bearer: Bearer, desk: Desk, store: Store
) -> None:
    mine, others = events_of_a_call("您好我是一号"), events_of_a_call("您好我是二号先生")
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
    assert stored(store)[1] == [talk.data(event) for event in mine]
    assert stored(store, "key-of-another")[1] == [talk.data(event) for event in others]


def test_the_panel_turns_to_the_next_call_by_itself(browser: Browser, bearer: Bearer) -> None:
    with browser.socket("/ws/calls/current", headers=bearer("agent")) as panel:
        assert panel.receive_json()["type"] == "waiting"
        for key in ("first-call", "second-call"):
            with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
                desk = Desk(socket)
                number = desk.hello(events_of_a_call()[0], key)["call"]
                desk.send(0, events_of_a_call())
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
    number = desk.hello(events_of_a_call()[0])["call"]
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
    number = desk.hello(events_of_a_call()[0])["call"]
    desk.send(0, events_of_a_call(), 4000)
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
