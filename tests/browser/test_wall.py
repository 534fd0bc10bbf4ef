"""The supervisor's wall, shown cards by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Visit, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute


def _card(call: int, agent: str, **more: Any) -> dict[str, Any]:
    card = {
        "call": call,
        "name": f"call {call}",
        "agent": agent,
        "queue": "热线",
        "direction": "inbound",
        "started_at": f"2026-03-02T10:{call:02}:00+08:00",
        "now_ms": 61_000,
        "status": "live",
        "connected": True,
        "alerts": {"tip": 0, "minor": 0, "major": 0, "fatal": 0},
        "scripts": {"pending": 1, "met": 2, "missed": 0},
        "last_alert": None,
        "talking": [],
        "gaps": 0,
    }
    return {**card, **more}


@pytest.fixture
def wall(browser_page: Visit) -> Callable[..., tuple[Page, Callable[..., None]]]:
    """Open the wall with these cards; also returns what sends it a message."""

    def open_wall(*cards: dict[str, Any]) -> tuple[Page, Callable[..., None]]:
        sockets: list[WebSocketRoute] = []

        def greet(socket: WebSocketRoute) -> None:
            sockets.append(socket)
            socket.send(json.dumps({"type": "wall", "calls": cards}))

        page = browser_page("supervisor")
        page.route_web_socket(re.compile("/ws/wall"), greet)
        page.goto("/wall")
        settled(page)
        return page, lambda **message: sockets[-1].send(json.dumps(message))

    return open_wall


def test_an_empty_wall_says_so(wall: Any) -> None:
    from playwright.sync_api import expect

    page, send = wall()
    empty = page.get_by_text("没有进行中的通话")
    expect(empty).to_be_visible()
    send(type="card", card=_card(1, "王敏"))
    expect(empty).to_be_hidden()
    expect(page.locator(".wall-sum")).to_have_text("1 通进行中")
    send(type="gone", call=1)
    expect(empty).to_be_visible()


def test_a_new_alert_is_counted_told_and_stands_out(wall: Any) -> None:
    from playwright.sync_api import expect

    page, send = wall(_card(1, "王敏"), _card(2, "李强"))
    tile = page.locator('.tile[data-call="2"]')
    expect(tile).to_contain_text("无告警")
    alerts = {"tip": 0, "minor": 0, "major": 1, "fatal": 0}
    last = {"rule": "r", "title": "推诿客户", "severity": "major", "at_ms": 60_000}
    send(type="card", card=_card(2, "李强", alerts=alerts, last_alert=last))
    expect(tile).to_have_class(re.compile("fresh"))
    expect(tile.get_by_role("img", name="严重")).to_be_visible()
    expect(tile).to_contain_text("推诿客户")
    expect(page.locator('[aria-live="polite"]')).to_have_text("李强：严重 推诿客户")
    expect(page.locator('.tile[data-call="1"]')).not_to_have_class(re.compile("fresh"))


def test_a_press_on_a_tile_that_is_drawn_anew_meanwhile_is_not_lost(wall: Any) -> None:
    from playwright.sync_api import expect

    page, send = wall(_card(1, "王敏"))
    tile = page.locator('.tile[data-call="1"]')
    page.route(re.compile(r"/panel\?call=1$"), lambda route: route.fulfill(body="the call"))
    tile.locator(".tile-head b").hover()
    page.mouse.down()
    send(type="card", card=_card(1, "王敏", talking=["agent"]))
    expect(tile.locator(".talk.agent")).to_have_class(re.compile("on"))
    page.mouse.up()
    expect(page.get_by_text("the call")).to_be_visible()


def test_what_has_ended_counts_no_more_and_its_clock_stands(wall: Any) -> None:
    from playwright.sync_api import expect

    page, send = wall(_card(1, "王敏"), _card(2, "李强"))
    send(type="card", card=_card(1, "王敏", status="complete", now_ms=83_000))
    tile = page.locator('.tile[data-call="1"]')
    expect(tile).to_contain_text("已结束")
    expect(page.locator(".wall-sum")).to_have_text("1 通进行中")
    expect(tile.locator(".clock")).to_have_text("1:23")


def test_arrows_walk_over_the_tiles_and_keep_the_focus(wall: Any) -> None:
    from playwright.sync_api import expect

    page, send = wall(*(_card(number, f"坐席{number}") for number in range(1, 12)))
    expect(page.locator(".tile")).to_have_count(11)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.tile[data-call="2"] a')).to_be_focused()
    page.keyboard.press("ArrowDown")  # the tile below, however many stand in a row
    below = page.evaluate(
        """() => {
          const two = document.querySelector('.tile[data-call="2"]').getBoundingClientRect();
          const now = document.activeElement.closest(".tile").getBoundingClientRect();
          return now.left === two.left && now.top > two.top;
        }"""
    )
    assert below
    page.keyboard.press("ArrowUp")
    send(type="card", card=_card(2, "坐席2", now_ms=70_000))  # drawn anew, it keeps the focus
    expect(page.locator('.tile[data-call="2"] .clock')).to_have_text(re.compile("1:[12]"))
    expect(page.locator('.tile[data-call="2"] a')).to_be_focused()
