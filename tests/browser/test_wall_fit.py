"""Everything on a tile of the wall stays on it, whatever is to be said."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Visit
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import WebSocketRoute

SPILLED = """tiles => tiles.flatMap(tile => {
  const edge = tile.getBoundingClientRect();
  return [...tile.querySelectorAll("span, b")]
    .filter(part => {
      const box = part.getBoundingClientRect();
      return box.width > 0 && (box.right > edge.right + 0.5 || box.bottom > edge.bottom + 0.5);
    })
    .map(part => part.textContent);
})"""


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1366, 480])
def test_nothing_sticks_out_of_a_tile(
    browser_page: Visit, site: Site, language: str, width: int
) -> None:
    from playwright.sync_api import expect

    card = {
        "call": 1,
        "name": "call 1",
        "agent": "an agent with quite a long name of their own",
        "queue": "固网宽带与移动业务综合受理",
        "direction": "outbound",
        "started_at": "2026-03-02T10:01:00+08:00",
        "now_ms": 36_061_000,
        "status": "live",
        "connected": True,
        "alerts": {"tip": 12, "minor": 34, "major": 56, "fatal": 78},
        "scripts": {"pending": 10, "met": 12, "missed": 11},
        "last_alert": {"rule": "r", "title": "很长的标题" * 9, "severity": "fatal", "at_ms": 1},
        "talking": ["agent", "customer"],
        "gaps": 0,
    }
    lost = {**card, "call": 2, "connected": False}
    over = {**card, "call": 3, "status": "complete"}
    calm = {**card, "call": 4, "alerts": dict.fromkeys(card["alerts"], 0), "last_alert": None}

    def greet(socket: WebSocketRoute) -> None:
        socket.send(json.dumps({"type": "wall", "calls": [card, lost, over, calm]}))

    page = browser_page("supervisor", width=width)
    page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
    page.route_web_socket(re.compile("/ws/wall"), greet)
    page.goto("/wall")
    tiles = page.locator(".tile > a")
    expect(tiles).to_have_count(4)
    assert tiles.evaluate_all(SPILLED) == []
    # Each count says what it counts to those who point at it, too.
    expect(tiles.first.get_by_title("Fatal" if language == "en" else "致命")).to_have_text("78")
