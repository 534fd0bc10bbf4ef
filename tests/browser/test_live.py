"""Calls through the real server into a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from monitor import events
from monitor.audio import file as audio_file
from monitor.call import live
from monitor.call.engine import Engine
from monitor.events import CallEnd, Event, Party, ScriptState, ScriptStatus, Severity, Utterance
from monitor.store.schema import Alert, Call, Thumb, User
from monitor.testing import fixtures
from tests.browser import talk
from tests.browser.conftest import Troubles, Visit, settled
from tests.browser.site import Site, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute


def _part(page: Page, name: str) -> Any:
    return page.locator(f'[data-part="{name}"]')


def test_a_fixture_call_played_live_raises_its_card(
    site: Site, browser_page: Visit, embedded: Engine
) -> None:
    """The bundled demo call: audio, recogniser, rules, server, browser; nothing is faked."""
    from playwright.sync_api import expect

    page = browser_page("wang", "/panel")
    settled(page)
    expect(_part(page, "status")).to_have_text("等待来电")

    fixture = fixtures.load("demo")
    parties = audio_file.parties(fixture.audio, None)
    call = embedded.call(fixture.audio.name, parties)
    feed = site.call("wang")
    heard: list[Event] = []
    chunks = audio_file.read_call(fixture.audio, parties)
    live.play(call, chunks, [feed, lambda events, _now_ms: heard.extend(events)])

    alert = next(event for event in heard if isinstance(event, events.Alert))
    assert alert.rule == fixture.alerts[0].rule
    card = page.locator("[data-part=lead] .alert-card")
    expect(card.locator("h3")).to_have_text(alert.title)
    expect(card.locator(".heard")).to_contain_text(alert.quote)
    expect(card.locator(".say b")).to_have_text(alert.advice)
    expect(page.locator(".turn.agent mark")).to_have_text(alert.quote)

    # The whole conversation is there, in order, each word once.
    expect(_part(page, "status")).to_have_text("通话已结束")
    said = [event.text for event in heard if isinstance(event, Utterance)]
    assert sorted(page.locator(".turn .words").all_inner_texts()) == sorted(said)
    scripts = {
        event.rule: event for event in heard if isinstance(event, ScriptState)
    }  # each in its last state
    met = [script.title for script in scripts.values() if script.status is ScriptStatus.MET]
    assert {script.rule for script in fixture.scripts} <= scripts.keys()
    assert sorted(page.locator(".script.met b").all_inner_texts()) == sorted(met)


def _begin(site: Site, agent: str, *events: Any, now_ms: int = 0) -> Any:
    feed = site.call(agent)
    feed([talk.info(f"call of {agent}", queue="热线"), *events], now_ms)
    return feed


def _end(feed: Any, at_ms: int = 60_000) -> None:
    feed([CallEnd(at_ms)], at_ms)


def test_two_calls_at_once_do_not_mix(site: Site, browser_page: Visit, troubles: Troubles) -> None:
    from playwright.sync_api import expect

    pages = {name: browser_page(name, "/panel") for name in ("wang", "li")}
    feeds = {name: _begin(site, name) for name in pages}
    for i in range(10):
        for name, feed in feeds.items():
            feed(talk.turn(Party.AGENT, f"{name}说第{i}句", i * 2000), i * 2000 + 1900)
    for name, feed in feeds.items():
        feed([talk.alert(f"{name}的提醒", at_ms=21_000)], 21_000)

    for name, page in pages.items():
        words = [f"{name}说第{i}句" for i in range(10)]
        expect(page.locator(".turn .words")).to_have_text(words)
        expect(page.locator(".alert-card h3")).to_have_text([f"{name}的提醒"])

    # Nor may one agent look at the other's.
    refused = pages["wang"].goto(f"/panel?call={feeds['li'].call_id}")
    assert refused is not None
    assert refused.status == 404
    troubles.forgive("404")
    for feed in feeds.values():
        _end(feed)


def test_the_wall_shows_all_calls_and_opens_any(site: Site, browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("supervisor", "/wall")
    feeds = [_begin(site, name) for name in ("wang", "li")]
    tiles = page.locator(".tile:not(.over)")  # what has ended stays in view for a while
    expect(tiles).to_have_count(2)
    li = tiles.filter(has_text="li")
    expect(li).to_contain_text("无告警")
    feeds[1]([talk.alert("辱骂客户", Severity.FATAL, 3000)], 3000)
    expect(li).to_contain_text("辱骂客户")
    expect(li.get_by_role("img", name="致命")).to_be_visible()
    expect(page.locator(".wall-sum")).to_contain_text("2 通进行中")
    expect(page.locator(".wall-sum")).to_contain_text("致命 1")

    page.get_by_role("button", name="按告警").click()
    expect(tiles.first).to_contain_text("li")
    page.get_by_role("searchbox").fill("wang")
    expect(tiles.locator("visible=true")).to_have_count(1)
    page.get_by_role("searchbox").fill("")

    li.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/panel\?call={feeds[1].call_id}$"))
    expect(page.locator(".alert-card h3")).to_have_text(["辱骂客户"])
    expect(page.locator("[data-thumb]")).to_have_count(0)  # rating is the agent's
    feeds[1](talk.turn(Party.AGENT, "对不起", 4000), 5000)
    expect(page.locator(".turn .words")).to_have_text(["对不起"])
    for feed in feeds:
        _end(feed)
    expect(_part(page, "status")).to_have_text("通话已结束")


def test_a_thumb_is_stored_and_taken_back(site: Site, browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("wang", "/panel")
    feed = _begin(site, "wang", talk.alert("推诿", at_ms=1000), now_ms=1500)
    up = page.get_by_role("button", name="有用", exact=True)

    def stored() -> list[int]:
        with site.store.reading() as session:
            query = (
                select(Thumb.value)
                .join(Alert, Alert.id == Thumb.alert_id)
                .where(Alert.call_id == feed.call_id)
            )
            return list(session.scalars(query))

    up.click()
    expect(_part(page, "polite")).to_have_text("已记为有用")
    assert stored() == [1]
    page.reload()
    expect(up).to_have_attribute("aria-pressed", "true")  # and shown again

    page.keyboard.press("-")
    expect(_part(page, "polite")).to_have_text("已记为没用")
    assert stored() == [-1]
    page.keyboard.press("-")
    expect(_part(page, "polite")).to_have_text("已取消评价")
    assert stored() == []
    _end(feed)


def test_a_broken_line_loses_and_repeats_nothing(site: Site, browser_page: Visit) -> None:
    from playwright.sync_api import expect

    broken = False
    lines: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        if broken:
            socket.close()
            return
        lines.append(socket)
        socket.connect_to_server()

    page = browser_page("wang")
    page.route_web_socket(re.compile("/ws/calls/"), through)
    page.goto("/panel")
    feed = _begin(site, "wang")
    for i in range(5):
        feed(talk.turn(Party.AGENT, f"第{i}句", i * 2000), i * 2000 + 1000)
    expect(page.locator(".turn")).to_have_count(5)

    broken = True
    lines[-1].close()
    expect(_part(page, "line")).to_be_visible()
    for i in range(5, 12):
        feed(talk.turn(Party.AGENT, f"第{i}句", i * 2000), i * 2000 + 1000)
    feed([talk.alert("推诿", at_ms=20_000)], 24_000)
    broken = False
    expect(_part(page, "line")).to_be_hidden()
    expect(page.locator(".turn .words")).to_have_text([f"第{i}句" for i in range(12)])
    expect(_part(page, "missed")).to_contain_text("1 条告警：推诿")
    feed(talk.turn(Party.AGENT, "恢复以后", 26_000), 27_000)
    expect(page.locator(".turn .words").last).to_have_text("恢复以后")
    _end(feed)


def test_a_sender_that_is_gone_is_said_on_panel_and_wall(site: Site, browser_page: Visit) -> None:
    from playwright.sync_api import expect

    panel, wall = browser_page("li", "/panel"), browser_page("supervisor", "/wall")
    feed = _begin(site, "li")
    expect(_part(panel, "status")).to_have_text("通话中")
    call = site.running(feed)
    site.app.state.loop.call_soon_threadsafe(site.app.state.intake.lost, call)
    expect(_part(panel, "source")).to_be_visible()
    # Earlier calls of the same agent stay in view for a while.
    expect(wall.locator(f'.tile[data-call="{feed.call_id}"]')).to_contain_text("断线")
    site.app.state.loop.call_soon_threadsafe(site.app.state.hub.connect, call, True)
    expect(_part(panel, "source")).to_be_hidden()
    _end(feed)


def test_what_was_watched_is_in_the_audit_trail(site: Site, browser_page: Visit) -> None:
    from playwright.sync_api import expect

    feed = _begin(site, "li")
    page = browser_page("supervisor", f"/panel?call={feed.call_id}")
    expect(_part(page, "status")).to_have_text("通话中")
    admin = browser_page("admin", f"/admin/audit?object=call+{feed.call_id}")
    expect(admin.locator("tbody")).to_contain_text("supervisor")
    _end(feed)


def test_the_call_that_ended_is_complete_in_the_store(site: Site, browser_page: Visit) -> None:
    feed = _begin(site, "wang", *talk.turn(Party.AGENT, "再见", 0))
    _end(feed, 5_000)

    def complete() -> bool:
        with site.store.reading() as session:
            status = session.scalar(select(Call.status).where(Call.id == feed.call_id))
            owner = session.scalar(
                select(User.name)
                .join(Call, Call.owner_id == User.id)
                .where(Call.id == feed.call_id)
            )
            return status == "complete" and owner == "wang"

    wait_until(complete, "the call is complete")
