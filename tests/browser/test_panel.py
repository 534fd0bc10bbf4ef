"""The agent's panel, shown events by hand: what is on the screen in every state."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from monitor.events import AlertState, CallEnd, Event, Gap, Party, Reading, ScriptStatus, Severity
from tests.browser import talk
from tests.browser.conftest import Troubles, Visit, settled

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute

_FEED = re.compile("/ws/calls/")


class Wire:
    """The server's end of a panel's WebSocket, held by a test."""

    def __init__(self) -> None:
        self.asked: list[str] = []  # addresses the page opened
        self.socket: WebSocketRoute | None = None
        self.greeting: Callable[[], Sequence[str]] = list
        self.refusing = False
        self._seq = 0

    def __call__(self, socket: WebSocketRoute) -> None:
        self.asked.append(socket.url)
        if self.refusing:
            socket.close()
            return
        self.socket = socket
        for message in self.greeting():
            socket.send(message)

    def begin(self, *events: Event, now_ms: int = 0, **more: Any) -> None:
        self._seq = len(events)
        self.greeting = lambda: [talk.snapshot(events, now_ms, **more)]

    def send(self, *events: Event, now_ms: int = 0, replay: bool = False) -> None:
        self.say(talk.news(events, self._seq, now_ms, replay=replay))
        self._seq += len(events)

    def say(self, message: str | dict[str, Any]) -> None:
        assert self.socket is not None
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def drop(self) -> None:
        assert self.socket is not None
        self.refusing = True
        self.socket.close()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def panel(browser_page: Visit, wire: Wire) -> Callable[..., Page]:
    """Open the panel of an agent, fed by `wire`."""

    def open_panel(path: str = "/panel", **options: Any) -> Page:
        page = browser_page("wang", **options)
        page.route_web_socket(_FEED, wire)
        page.goto(path)
        if wire.greeting():
            settled(page)
        return page

    return open_panel


def _part(page: Page, name: str) -> Any:
    return page.locator(f'[data-part="{name}"]')


def test_it_waits_for_a_call_and_shows_it_when_it_comes(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.greeting = lambda: [json.dumps({"type": "waiting"})]
    page = panel()
    expect(_part(page, "idle")).to_contain_text("等待来电")
    wire.say(talk.snapshot([talk.info(queue="宽带报障")], 3000))
    expect(_part(page, "idle")).to_be_hidden()
    expect(_part(page, "status")).to_have_text("通话中")
    expect(_part(page, "facts")).to_contain_text("宽带报障")
    expect(_part(page, "clock")).to_contain_text("0:0")


def test_turns_by_party_with_the_tentative_tail_apart(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(
        talk.info(), *talk.turn(Party.AGENT, "您好", 0), *talk.turn(Party.CUSTOMER, "你好", 900)
    )
    page = panel()
    turns = page.locator(".turn")
    expect(turns).to_have_count(2)
    expect(turns.nth(0)).to_have_text(re.compile("坐席.*您好"))
    expect(turns.nth(1)).to_have_text(re.compile("客户.*你好"))

    wire.send(*talk.words(Party.AGENT, "请问", 2000), now_ms=2500)
    wire.say({"type": "partial", "call": 1, "party": "agent", "text": "有什", "at_ms": 2600})
    expect(turns.nth(2).locator(".words")).to_have_text("请问")
    expect(turns.nth(2).locator(".tail")).to_have_text("有什")

    # What is committed replaces the tail.
    wire.send(*talk.words(Party.AGENT, "有什么", 2400), now_ms=3000)
    expect(turns.nth(2).locator(".words")).to_have_text("请问有什么")
    expect(turns.nth(2).locator(".tail")).to_have_text("")

    # A tail that comes to nothing leaves no empty turn.
    wire.say({"type": "partial", "call": 1, "party": "customer", "text": "嗯", "at_ms": 3100})
    expect(turns.nth(3).locator(".tail")).to_have_text("嗯")
    wire.say({"type": "partial", "call": 1, "party": "customer", "text": "", "at_ms": 3200})
    expect(turns.nth(3)).to_be_hidden()


def test_the_words_of_a_finding_are_marked_and_unmarked(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    said = talk.turn(Party.AGENT, "好的你问我我问谁啊", 0)
    wire.begin(talk.info(), *said)
    page = panel()
    finding = talk.alert("禁用语", at_ms=1600, span=(400, 1600), quote="你问我我问谁")
    wire.send(finding, now_ms=1700)
    mark = page.locator(".turn mark")
    expect(mark).to_have_text("你问我我问谁")
    expect(mark).to_have_class("hit major")
    wire.send(talk.alert("禁用语", at_ms=1600, span=(400, 1600), state=AlertState.RETRACTED))
    expect(mark).to_have_count(0)
    expect(page.locator(".turn .words")).to_have_text("好的你问我我问谁啊")


def test_one_card_interrupts_and_older_ones_step_back(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    lead, older = _part(page, "lead"), _part(page, "older")
    expect(_part(page, "calm")).to_be_visible()

    wire.send(talk.alert("推诿", Severity.MAJOR, 1000, quote="不归我管", advice="我帮您转接。"))
    expect(lead.locator("h3")).to_have_text("推诿")
    expect(lead).to_contain_text("严重")  # a word beside the colour
    expect(lead.locator("svg use").first).to_have_attribute("href", re.compile("severity-major"))
    expect(lead.locator(".heard")).to_contain_text("不归我管")
    say = lead.locator(".say b")
    expect(say).to_have_text("我帮您转接。")
    assert say.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 20  # in large type
    expect(_part(page, "calm")).to_be_hidden()

    wire.send(talk.alert("语速过快", Severity.TIP, 2000, advice="请放慢"))
    expect(lead.locator("h3")).to_have_text("语速过快")
    expect(lead.locator(".alert-card")).to_have_count(1)
    expect(older.locator("h3")).to_have_text(["推诿"])

    # One that the policy keeps from interrupting joins the older ones.
    wire.send(talk.alert("口头禅", Severity.MINOR, 3000, interrupts=False))
    expect(lead.locator("h3")).to_have_text("语速过快")
    expect(older.locator("h3")).to_have_text(["口头禅", "推诿"])
    expect(_part(page, "counts")).to_have_text("111")


def test_an_older_card_unfolds(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    first = talk.alert("推诿", at_ms=1000, quote="不归我管", advice="我帮您转接。")
    wire.begin(talk.info(), first, talk.alert("讽刺", at_ms=2000))
    page = panel()
    older = _part(page, "older")
    expect(older.get_by_text("我帮您转接。")).to_be_hidden()
    older.get_by_role("button", name="详情：推诿").click()
    expect(older.get_by_text("我帮您转接。")).to_be_visible()
    expect(older.get_by_text("不归我管")).to_be_visible()


def test_confirmed_and_retracted_findings_say_so(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info(), talk.alert("推诿", at_ms=1000), talk.alert("讽刺", at_ms=2000))
    page = panel()
    lead, older = _part(page, "lead"), _part(page, "older")
    confirmed = talk.alert("讽刺", at_ms=2000, quote="你听不懂", state=AlertState.CONFIRMED)
    second = {"second": {"recogniser": "whisper", "quote": "您听不懂啊"}}
    wire.send(replace(confirmed, evidence=second))
    expect(lead).to_contain_text("已复核确认")
    expect(lead).to_contain_text("复核听到“您听不懂啊”")
    expect(lead.locator("h3")).to_have_text("讽刺")

    # What was wrong interrupts no longer; the one before it takes its place.
    wire.send(talk.alert("讽刺", at_ms=2000, state=AlertState.RETRACTED))
    expect(lead.locator("h3")).to_have_text("推诿")
    expect(older.locator(".alert-card")).to_contain_text("已撤回")
    expect(_part(page, "counts")).to_have_text("1")


def test_a_card_is_put_aside_by_key_and_by_button(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info(), talk.alert("推诿", at_ms=1000))
    page = panel()
    lead, older = _part(page, "lead"), _part(page, "older")
    expect(lead.locator("h3")).to_have_text("推诿")
    page.keyboard.press("Escape")
    expect(lead.locator(".alert-card")).to_have_count(0)
    expect(older.locator("h3")).to_have_text(["推诿"])
    expect(_part(page, "calm")).to_be_visible()

    wire.send(talk.alert("讽刺", at_ms=2000))
    lead.get_by_role("button", name="知道了").click()
    expect(older.locator("h3")).to_have_text(["讽刺", "推诿"])


def test_cards_are_read_aloud_as_gravely_as_they_are(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    wire.send(talk.alert("语速过快", Severity.TIP, 1000, advice="请放慢"))
    polite = _part(page, "polite")
    expect(polite).to_have_attribute("aria-live", "polite")
    expect(polite).to_have_text("提示：语速过快。请说：请放慢")
    wire.send(talk.alert("辱骂", Severity.FATAL, 2000))
    urgent = _part(page, "urgent")
    expect(urgent).to_have_attribute("aria-live", "assertive")
    expect(urgent).to_contain_text("致命：辱骂")


_COUNT_TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.tones += 1;
  return start.apply(this, when);
};
"""


def test_only_fatal_findings_sound_and_not_when_muted(
    panel: Any, wire: Wire, browser_page: Visit
) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = browser_page("wang")
    page.add_init_script(_COUNT_TONES)
    page.route_web_socket(_FEED, wire)
    page.goto("/panel")
    settled(page)
    sound = _part(page, "sound")
    expect(sound).to_have_attribute("data-sound", "waiting")  # no gesture yet: it says so

    page.keyboard.press("Shift")
    expect(sound).to_have_attribute("data-sound", "ready")
    wire.send(talk.alert("推诿", Severity.MAJOR, 1000))
    expect(_part(page, "lead")).to_contain_text("推诿")
    assert page.evaluate("tones") == 0
    wire.send(talk.alert("辱骂", Severity.FATAL, 2000))
    expect(_part(page, "lead")).to_contain_text("辱骂")
    assert page.evaluate("tones") == 4

    page.keyboard.press("m")
    expect(sound).to_have_attribute("data-sound", "muted")
    before = page.evaluate("tones")
    wire.send(talk.alert("威胁", Severity.FATAL, 3000))
    expect(_part(page, "lead")).to_contain_text("威胁")
    assert page.evaluate("tones") == before
    page.reload()
    expect(sound).to_have_attribute("data-sound", "muted")  # and stays so


def test_opening_the_panel_in_mid_call_sounds_no_old_alarm(browser_page: Visit, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.greeting = lambda: [json.dumps({"type": "waiting"})]
    page = browser_page("wang")
    page.add_init_script(_COUNT_TONES)
    page.route_web_socket(_FEED, wire)
    page.goto("/panel")
    settled(page)
    page.keyboard.press("Shift")
    expect(_part(page, "sound")).to_have_attribute("data-sound", "ready")
    wire.say(talk.snapshot([talk.info(), talk.alert("辱骂", Severity.FATAL, 1000)], 60_000))
    expect(_part(page, "lead")).to_contain_text("辱骂")
    assert page.evaluate("tones") == 0


def test_the_checklist_ticks_itself_and_counts_down(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(
        talk.info(),
        talk.script("结束语", advice="感谢您的来电"),
        talk.script("问候", deadline_ms=10_000),
        talk.script("核对身份", deadline_ms=60_000, advice="请问您的姓名"),
        now_ms=2000,
        status="live",
    )
    page = panel()
    items = page.locator(".script")
    expect(items.locator("b")).to_have_text(["问候", "核对身份", "结束语"])  # by deadline
    expect(items.nth(0).locator(".left")).to_have_text(re.compile("0:0[5-8]"))
    expect(items.nth(2).locator(".left")).to_have_text("通话结束前")
    expect(items.nth(1)).to_contain_text("请说：请问您的姓名")

    wire.send(talk.script("问候", ScriptStatus.MET, 3000, 10_000), now_ms=3000)
    expect(page.locator(".script.met b")).to_have_text("问候")
    expect(page.locator(".script.met").get_by_role("img", name="已完成")).to_be_visible()
    expect(_part(page, "script-count")).to_have_text("1 / 3")

    wire.say({"type": "tick", "call": 1, "now_ms": 56_000})
    urgent = page.locator(".script.urgent")
    expect(urgent.locator("b")).to_have_text("核对身份")
    wire.send(
        talk.script("核对身份", ScriptStatus.MISSED, 60_000, 60_000, "请问您的姓名"), now_ms=61_000
    )
    missed = page.locator(".script.missed")
    expect(missed).to_contain_text("缺失")
    expect(missed).to_contain_text("应说：请问您的姓名")


def test_gauges_show_readings_and_stay_off_when_switched_off(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(
        talk.info(),
        *talk.turn(Party.AGENT, "您好请问", 0),
        *talk.turn(Party.CUSTOMER, "好", 1000),
        Reading("speech_rate", 232.4, "char/min", 0, 800, Party.AGENT),
        Reading("loudness", -18.2, "dBFS", 0, 800, Party.AGENT),
        Reading("speech_rate", 99.0, "char/min", 0, 800, Party.CUSTOMER),
    )
    page = panel()
    gauges = _part(page, "gauges")
    expect(gauges).to_contain_text("232 字/分")
    expect(gauges).to_contain_text("-18 dB")
    expect(gauges.locator('[data-gauge="talk_share"] .value')).to_have_text("80%")
    page.keyboard.press("g")
    expect(gauges).to_be_hidden()
    page.reload()
    expect(_part(page, "body")).to_be_visible()
    expect(gauges).to_be_hidden()
    expect(_part(page, "gauge-switch")).to_have_attribute("aria-pressed", "false")


def test_a_break_of_the_line_is_said_and_what_was_missed_is_shown(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info(), *talk.turn(Party.AGENT, "您好", 0), now_ms=1000)
    page = panel()
    expect(page.locator(".turn")).to_have_count(1)
    wire.drop()
    line = _part(page, "line")
    expect(line).to_be_visible()
    expect(line).to_have_attribute("role", "alert")
    expect(line).to_contain_text("断开")
    # Nothing looks as if all were well: not the badge, not the calm line, not the clock.
    expect(_part(page, "status")).to_have_text("未连接，未监测")
    expect(_part(page, "calm")).to_be_hidden()
    expect(line).to_contain_text("停在 0:0")
    expect(_part(page, "retry-in")).to_contain_text(re.compile("秒后重试|正在重试"))
    stands = _part(page, "clock").text_content()
    page.wait_for_timeout(1200)
    assert _part(page, "clock").text_content() == stands

    # It comes back, asks from where it stood, and gets each event once.
    late = talk.alert("推诿", at_ms=4000, span=(2000, 3000), quote="不归我管")
    wire.greeting = lambda: [
        json.dumps({"type": "missed", "call": 1, "from": 4, "to": 10}),
        talk.news([*talk.turn(Party.AGENT, "不归我管", 2000), late], 4, 9000, replay=True),
    ]
    wire.refusing = False
    _part(page, "retry-now").dispatch_event("click")  # it may have tried by itself meanwhile
    expect(line).to_be_hidden()
    expect(_part(page, "status")).to_have_text("通话中")
    assert "last_seq=3" in wire.asked[-1]
    assert "call=1" in wire.asked[-1]
    expect(page.locator(".turn .words")).to_have_text(["您好", "不归我管"])
    missed = _part(page, "missed")
    expect(missed).to_contain_text("0:01–0:09")
    expect(missed).to_contain_text("1 条告警：推诿")
    expect(_part(page, "lead")).to_contain_text("断线期间")
    missed.get_by_role("button").click()
    expect(missed).to_be_hidden()


def test_somebody_signed_out_meanwhile_is_told_to_sign_in(
    panel: Any, wire: Wire, troubles: Troubles
) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    expect(_part(page, "status")).to_have_text("通话中")
    page.context.clear_cookies()
    wire.drop()
    expect(_part(page, "line")).to_contain_text("请重新登录")
    asked = len(wire.asked)
    # It has stopped trying, whatever would make it try at once otherwise.
    page.evaluate("() => dispatchEvent(new Event('online'))")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert len(wire.asked) == asked
    troubles.forgive("401")


def test_events_that_come_twice_count_once(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    said = talk.words(Party.AGENT, "请您稍等", 0)
    wire.say(talk.news(said[:3], 1, 600))
    wire.say(talk.news(said[1:], 2, 800))
    expect(page.locator(".turn .words")).to_have_text("请您稍等")


def test_a_long_absence_brings_the_whole_picture_and_keeps_what_was_put_aside(
    panel: Any, wire: Wire
) -> None:
    from playwright.sync_api import expect

    seen = talk.alert("推诿", at_ms=1000)
    wire.begin(talk.info(), seen, now_ms=2000)
    page = panel()
    expect(_part(page, "lead")).to_contain_text("推诿")
    page.keyboard.press("Escape")
    wire.drop()
    expect(_part(page, "line")).to_be_visible()
    wire.begin(
        talk.info(), seen, *talk.turn(Party.AGENT, "再见", 900_000), now_ms=901_000, earlier=40
    )
    wire.refusing = False
    expect(page.locator(".turn .words")).to_have_text(["再见"])
    expect(_part(page, "earlier")).to_be_visible()
    expect(_part(page, "lead").locator(".alert-card")).to_have_count(0)
    expect(_part(page, "missed")).to_contain_text("没有告警")


def test_the_agents_machine_losing_the_server_is_said(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    expect(_part(page, "status")).to_have_text("通话中")
    expect(_part(page, "source")).to_be_hidden()
    wire.say({"type": "source", "call": 1, "connected": False})
    expect(_part(page, "source")).to_be_visible()
    wire.say({"type": "source", "call": 1, "connected": True})
    expect(_part(page, "source")).to_be_hidden()


def test_lost_audio_is_visible(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(
        talk.info(), *talk.turn(Party.AGENT, "您好", 0), Gap(Party.AGENT, 400, 900, "处理不及")
    )
    page = panel()
    expect(page.locator(".turn.gap")).to_contain_text("处理不及")
    expect(_part(page, "gaps")).to_be_visible()
    expect(_part(page, "gap-count")).to_have_text("1")


def test_the_end_is_said_and_the_next_call_begins_afresh(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(talk.info(), *talk.turn(Party.AGENT, "再见", 0), talk.alert("推诿", at_ms=500))
    page = panel()
    expect(page.locator(".turn")).to_have_count(1)
    wire.send(CallEnd(65_000), now_ms=65_000)
    wire.say({"type": "end", "call": 1, "status": "complete"})
    expect(_part(page, "status")).to_have_text("通话已结束")
    expect(_part(page, "clock")).to_have_text("1:05")
    expect(_part(page, "details")).to_have_attribute("href", "/calls/1")

    wire.say(talk.snapshot([talk.info()], 0, call=2))
    expect(_part(page, "status")).to_have_text("通话中")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator(".alert-card")).to_have_count(0)
    # Late words of the call before belong to nobody now.
    wire.say(talk.news(talk.words(Party.AGENT, "喂", 0), 1, 100, call=1))
    wire.say(talk.news(talk.turn(Party.AGENT, "您好", 0), 1, 100, call=2))
    expect(page.locator(".turn .words")).to_have_text(["您好"])


def test_hours_of_talk_leave_a_small_page_and_small_changes(panel: Any, wire: Wire) -> None:
    """The page keeps some hundred turns, and a new word touches a handful of nodes."""
    from playwright.sync_api import expect

    wire.begin(talk.info())
    page = panel()
    expect(_part(page, "body")).to_be_visible()
    for hour in range(20):
        events = [
            event
            for i in range(100)
            for event in talk.turn(
                talk.BOTH[i % 2], f"第{hour}段第{i}句话", (hour * 100 + i) * 3000
            )
        ]
        wire.send(*events, now_ms=(hour + 1) * 300_000)
    expect(page.locator(".turn").last).to_contain_text("第19段第99句话")
    assert page.locator(".turn").count() <= 300
    expect(_part(page, "earlier")).to_be_visible()

    page.evaluate(
        """() => {
          window.touched = 0;
          const all = {childList: true, characterData: true, subtree: true};
          new MutationObserver((records) => {
            for (const { addedNodes, removedNodes } of records)
              window.touched += 1 + addedNodes.length + removedNodes.length;
          }).observe(document.querySelector(".turns"), all);
        }"""
    )
    wire.send(*talk.words(Party.AGENT, "还有", 6_100_000), now_ms=6_100_500)
    expect(page.locator(".turn").last.locator(".words")).to_have_text("还有")
    assert page.evaluate("touched") < 20


def test_reading_back_is_not_disturbed_by_new_words(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    turns = [e for i in range(60) for e in talk.turn(talk.BOTH[i % 2], f"第{i}句", i * 2000)]
    wire.begin(talk.info(), *turns)
    page = panel()
    expect(page.locator(".turn").last).to_be_in_viewport()
    page.locator(".scroller").evaluate("e => { e.scrollTop = 0; }")
    expect(page.locator(".turn").first).to_be_in_viewport()
    wire.send(*talk.turn(Party.AGENT, "新的话", 200_000), now_ms=201_000)
    expect(_part(page, "latest")).to_be_visible()
    expect(page.locator(".turn").first).to_be_in_viewport()
    page.keyboard.press("End")
    expect(page.locator(".turn").last).to_be_in_viewport()
    expect(_part(page, "latest")).to_be_hidden()


def test_compact_mode_shows_what_must_be_read_within_360_pixels(panel: Any, wire: Wire) -> None:
    from playwright.sync_api import expect

    wire.begin(
        talk.info(),
        *talk.turn(Party.AGENT, "这个不归我管您找别人去吧", 0),
        talk.script("核对身份", deadline_ms=60_000),
        talk.alert("推诿", at_ms=2500, quote="不归我管", advice="我马上为您转接专席,请您稍等。"),
        now_ms=3000,
    )
    page = panel("/panel?compact=1", width=360, height=640)
    for needed in (
        _part(page, "clock"),
        page.locator(".alert-card.lead .say b"),
        page.locator(".script.pending b"),
        page.locator(".turn").last,
        _part(page, "sound"),
    ):
        expect(needed).to_be_in_viewport(ratio=1)
    expect(page.locator(".sidebar")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_compact_window_opens_beside_the_panel(panel: Any, wire: Wire) -> None:
    wire.begin(talk.info())
    page = panel()
    with page.expect_popup() as popup:
        page.keyboard.press("c")
    popup.value.wait_for_url("**/panel?compact=1")
    settled(popup.value)
