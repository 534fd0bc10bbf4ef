"""The trainer's round trip in a real browser: review, appeal, calibrate, export.

Two reviewers, an agent and a trainer work on calls scored from bundled
recordings; once by mouse, once by keys alone.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from monitor.quality.rules.precision_by_rule import rule_figures
from monitor.store.schema import Alert, Call, Verdict
from tests.browser.conftest import Visit
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

_RULE = "unicom-forbidden-01"
_OVERHEARD = "unicom-forbidden-02"
_AT = "() => document.getElementById('audio').currentTime"
_HEARD = """() => {
  const { played, paused } = document.getElementById("audio");
  return played.length && paused;
}"""


def _call(site: Site, name: str) -> int:
    with site.store.reading() as session:
        return session.scalars(select(Call.id).where(Call.key == name)).one()


def _alert(site: Site, call: int, rule: str = _RULE) -> int:
    with site.store.reading() as session:
        query = select(Alert.id).where(Alert.call_id == call, Alert.rule == rule)
        return session.scalars(query).one()


def _verdicts(site: Site, call: int) -> list[tuple[str, str, str]]:
    with site.store.reading() as session:
        query = select(Verdict).where(Verdict.call_id == call).order_by(Verdict.id)
        return [(v.rule, v.verdict, v.reason) for v in session.scalars(query)]


def _open(visit: Visit, who: str, path: str, **options: Any) -> Page:
    page = visit(who, path, **options)
    page.locator('#review[data-ready="yes"]').wait_for()
    return page


def _seconds(page: Page) -> float:
    return float(page.evaluate(_AT))


def _playing(page: Page) -> None:
    """Sound is going on: time passes."""
    at = _seconds(page)
    page.wait_for_function(f"{_AT} > {at + 0.2}")


def _began(page: Page) -> float:
    """Where the first stretch that was heard begins, however far it has gone since."""
    return float(page.evaluate("() => document.getElementById('audio').played.start(0)"))


@pytest.mark.usefixtures("past_calls")
def test_the_round_trip_by_mouse(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    alert = _alert(site, call)
    _disagree(browser_page, site, call, alert)
    _contest(browser_page, call, alert)
    _calibrate(browser_page, site, call)
    _export(browser_page, site, call)


def _disagree(browser_page: Visit, site: Site, call: int, alert: int) -> None:
    """The first reviewer listens, disagrees, and adds what was missed."""
    page = _open(browser_page, "qa", f"/calls/{call}")
    item = page.locator(f"#alert-{alert}")
    item.locator(".finding-head").click()
    alignment = item.locator(".alignment")
    alignment.wait_for()
    assert alignment.locator("tbody tr").count() >= 6
    item.get_by_role("button", name="听这一段").click()
    page.wait_for_function(_HEARD)  # it stops by itself
    assert 18 < _began(page) < 23
    item.get_by_role("button", name="错", exact=False).first.click()
    item.get_by_label("理由").fill("客户先说的")
    item.get_by_role("button", name="保存").click()
    item.locator("[data-judged]", has_text="客户先说的").wait_for()

    words = page.locator(".turn.agent .word")
    first, last = words.nth(0), words.nth(1)
    first.scroll_into_view_if_needed()
    start, end = first.bounding_box(), last.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 1, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] - 1, end["y"] + end["height"] / 2, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="补标漏检").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("违反了哪条规则").fill(_OVERHEARD)
    dialog.get_by_role("button", name="保存").click()
    page.locator(".finding[data-kind=missed]").wait_for()
    page.get_by_role("button", name="整通听完").click()
    page.locator('#heard[aria-pressed="true"]').wait_for()
    assert [(rule, verdict) for rule, verdict, _ in _verdicts(site, call)] == [
        (_RULE, "wrong"),
        (_RULE, "wrong"),  # with its reason
        (_OVERHEARD, "missed"),
    ]


def _contest(browser_page: Visit, call: int, alert: int) -> None:
    """The agent contests the finding; the second reviewer decides, and the score is corrected."""
    agent = _open(browser_page, "wang", f"/calls/{call}#alert-{alert}")
    agent.locator(f"#alert-{alert} [data-appeal]").click()
    agent.get_by_role("dialog").get_by_label("理由").fill("我是在复述客户的话")
    agent.get_by_role("button", name="提交申诉").click()
    agent.wait_for_url(re.compile(r"/appeals/\d+$"))
    other = browser_page("qa2", "/appeals?state=filed")
    other.get_by_role("link", name="demo").first.click()
    other.get_by_label("处理理由").fill("录音里确实是复述")
    other.get_by_role("button", name="申诉成立").click()
    other.get_by_text("重新评分").wait_for()
    agent.reload()
    before, after = re.findall(r"(\d+(?:\.\d)?) → (\d+(?:\.\d)?)", agent.inner_text("main"))[0]
    assert float(after) > float(before)


def _calibrate(browser_page: Visit, site: Site, call: int) -> None:
    """A trainer calls both to a calibration; they score blind and differ in one item."""
    trainer = browser_page("trainer", "/calibration/new")
    trainer.get_by_label("标题").fill("第十周")
    for number in (call, _call(site, "past-missing-greeting-wang")):
        trainer.locator(f'input[name=calls][value="{number}"]').check()
    for name in ("赵质检", "钱质检"):
        trainer.get_by_label(name).check()
    trainer.get_by_role("button", name="建立").click()
    trainer.wait_for_url(re.compile(r"/calibration/\d+$"))
    where = trainer.url
    for who, different in (("qa", False), ("qa2", True)):
        member = browser_page(who, where)
        member.get_by_role("link", name="demo").click()
        for turn in range(2):
            member.locator('#review[data-ready="yes"]').wait_for()
            items = member.locator("fieldset[data-item]")
            for number in range(items.count()):
                items.nth(number).locator("input").nth(0).check()
            if different and turn == 0:
                items.nth(0).locator("input").nth(1).check()
            with member.expect_navigation():
                member.get_by_role("button", name="保存，下一通").click()
        member.wait_for_url(where)
    trainer.reload()
    trainer.once("dialog", lambda question: question.accept())
    trainer.get_by_role("button", name="结束并比较").click()
    trainer.get_by_text("每一项的一致程度").wait_for()
    assert trainer.locator(".heat-middle, .heat-low").count() == 1


def _export(browser_page: Visit, site: Site, call: int) -> None:
    """The labelled set goes out, and the figures are those of a direct query."""
    rules = browser_page("trainer", "/rules")
    with rules.expect_download() as started:
        rules.get_by_role("link", name="标注集").click()
    lines = [json.loads(x) for x in started.value.path().read_text("utf-8").splitlines()]
    ours = {(x["rule"], x["correct"]) for x in lines if x["call"] == "past-demo-wang"}
    assert {(_RULE, False), (_OVERHEARD, True)} <= ours
    with rules.expect_download() as started:
        rules.get_by_role("link", name="回测").first.click()
    archive = zipfile.ZipFile(io.BytesIO(started.value.path().read_bytes()))
    kept = json.loads(archive.read(f"{call:06d}.json"))
    assert {(r["rule"], r["correct"]) for r in kept["reviews"]} >= {(_RULE, False)}
    with site.store.reading() as session:
        precision = rule_figures(session)[_RULE].precision
    assert precision is not None
    row = rules.locator("tr", has_text=_RULE)
    assert f"{precision.value:.0%}" in row.inner_text()


@pytest.mark.usefixtures("past_calls")
def test_a_review_by_keys_alone(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-li")
    page = _open(browser_page, "qa2", f"/calls/{call}")
    press = page.keyboard.press
    press("?")
    sheet = page.get_by_role("dialog").inner_text()
    for words in ("播放 / 暂停", "后退 5 秒", "前进 5 秒", "上一个发现", "下一个发现", "机器对",
                  "机器错", "不确定", "标记需复核", "保存"):  # fmt: skip
        assert words in sheet
    press("Escape")
    press("Space")  # at once: the sheet was open a moment ago
    _playing(page)
    press("Space")
    page.wait_for_function("() => document.getElementById('audio').paused")
    at = _seconds(page)
    press("l")
    assert _seconds(page) == pytest.approx(at + 5, abs=0.3)
    press("j")
    assert _seconds(page) == pytest.approx(at, abs=0.3)

    alert = _alert(site, call)
    chosen = page.locator(".finding.chosen")
    for _ in range(page.locator(".finding").count()):
        press("]")
        if chosen.get_attribute("data-ref") == f"alert-{alert}":
            break
    press("n")  # wrong; the focus is on the reason
    page.wait_for_function("() => document.activeElement.matches('.chosen [data-reason]')")
    page.keyboard.type("yn 不是这样说的")
    press("Control+Enter")
    kept = page.locator(f"#alert-{alert} [data-judged]", has_text="不是这样说的")
    kept.wait_for(state="attached")  # the next finding is open already
    page.wait_for_function(f"() => document.querySelector('.chosen').id !== 'alert-{alert}'")
    press("[")
    press("u")
    page.locator(f'#alert-{alert}[data-verdict="unsure"]').wait_for()
    press("Escape")
    page.evaluate("() => document.activeElement.blur()")
    press("f")
    page.locator('#flag[aria-pressed="true"]').wait_for()

    page.locator("#transcript").focus()
    press("ArrowRight")
    press("Shift+ArrowRight")
    press("Shift+ArrowRight")
    assert page.locator(".word.picked").count() >= 2
    press("m")
    page.get_by_role("dialog").wait_for()
    page.keyboard.type(_RULE)
    press("Enter")
    page.locator(".finding[data-kind=missed]").wait_for()
    said = _verdicts(site, call)
    assert [verdict for _, verdict, _ in said] == ["wrong", "wrong", "unsure", "missed"]
    assert said[1][2] == "yn 不是这样说的"
    with site.store.reading() as session:
        assert session.get_one(Call, call).flags == ["复核"]


@pytest.mark.usefixtures("past_calls")
def test_a_key_pressed_the_moment_a_dialog_closes_is_heard(browser_page: Visit, site: Site) -> None:
    """A closed dialog keeps the focus until the next frame; the key comes before that."""
    page = _open(browser_page, "qa2", f"/calls/{_call(site, 'past-demo-li')}")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("button", name="关闭").focus()
    before = page.evaluate(
        """() => {
          const button = document.activeElement;
          document.querySelector("dialog[open]").close();
          const space = { key: " ", bubbles: true, cancelable: true };
          button.dispatchEvent(new KeyboardEvent("keydown", space));
          return button.textContent;
        }"""
    )
    assert before == "关闭"
    _playing(page)


@pytest.mark.usefixtures("past_calls")
def test_a_word_is_heard_where_it_was_said(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    page = _open(browser_page, "trainer", f"/calls/{call}")
    word = page.locator(".turn", has_text="态度").locator(".word").last
    word.click()
    _playing(page)
    assert 21 < _began(page) < 26
    page.locator(".word.now").first.wait_for()  # the transcript follows
    page.get_by_label("速度").select_option("2")
    assert page.evaluate("() => document.getElementById('audio').playbackRate") == 2


@pytest.mark.usefixtures("past_calls")
def test_a_channel_is_heard_alone_and_louder(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    page = browser_page("trainer")
    page.add_init_script(
        "const make = AudioContext.prototype.createGain; window.gains = [];"
        "AudioContext.prototype.createGain = function () {"
        " const node = make.call(this); window.gains.push(node); return node; };"
    )
    page.goto(f"/calls/{call}")
    page.locator('#review[data-ready="yes"]').wait_for()
    page.get_by_role("button", name="播放").first.click()
    page.get_by_role("button", name="只听客户").click()
    volumes = "() => window.gains.map((node) => node.gain.value)"
    assert page.evaluate(volumes) == [0, 1]
    _playing(page)
    page.get_by_role("button", name="双方").click()
    page.locator('[data-gain="0"]').fill("6")
    louder, plain = page.evaluate(volumes)
    assert louder == pytest.approx(10 ** (6 / 20), rel=1e-3)
    assert plain == 1


@pytest.mark.usefixtures("past_calls")
def test_a_stretch_is_repeated(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    page = _open(browser_page, "trainer", f"/calls/{call}#alert-{_alert(site, call)}")
    page.locator("#loop").click()
    page.locator(".finding.chosen [data-play]").first.click()
    page.get_by_label("速度").select_option("3")
    page.evaluate(
        "() => { const audio = document.getElementById('audio'); window.starts = [];"
        " audio.addEventListener('play', () => window.starts.push(audio.currentTime)); }"
    )
    page.wait_for_function("() => window.starts.length >= 2")
    assert all(18 < start < 22 for start in page.evaluate("() => window.starts"))


@pytest.mark.usefixtures("past_calls")
def test_a_stretch_ends_in_a_tab_that_nobody_looks_at(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    page = browser_page("trainer")
    page.add_init_script("requestAnimationFrame = () => 0;")  # as a browser does with such a tab
    page.goto(f"/calls/{call}#alert-{_alert(site, call)}")
    page.wait_for_function(
        "() => document.getElementById('review')?.dataset.ready === 'yes'", polling=100
    )
    page.evaluate("() => document.querySelector('.finding.chosen [data-play]').click()")
    page.wait_for_function(_HEARD, polling=100)
    assert _seconds(page) < 35  # of 42: it did not simply come to its end


@pytest.mark.usefixtures("past_calls")
def test_what_a_long_call_needs_comes_in_parts(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    page = browser_page("qa")
    with (
        page.expect_response(f"**/calls/{call}/audio") as audio,
        page.expect_response(f"**/calls/{call}/peaks?*") as peaks,
        page.expect_response(f"**/api/calls/{call}/transcript") as transcript,
    ):
        page.goto(f"/calls/{call}")
    assert [got.value.status for got in (audio, peaks, transcript)] == [206, 200, 200]
    drawn = """() => {
      const lanes = document.getElementById("lanes");
      const blank = document.createElement("canvas");
      [blank.width, blank.height] = [lanes.width, lanes.height];
      return lanes.toDataURL() !== blank.toDataURL();
    }"""
    page.wait_for_function(drawn)


@pytest.mark.usefixtures("past_calls")
def test_a_learner_answers_before_seeing(browser_page: Visit, site: Site) -> None:
    call = _call(site, "past-demo-wang")
    trainer = _open(browser_page, "trainer", f"/calls/{call}#alert-{_alert(site, call)}")
    trainer.locator(".finding.chosen [data-case]").click()
    dialog = trainer.get_by_role("dialog")
    dialog.get_by_label("讲解").fill("反问客户是推诿")
    dialog.get_by_label("允许坐席学习").check()
    dialog.get_by_role("button", name="保存").click()
    trainer.get_by_text("已收入案例库").wait_for()
    learner = browser_page("li", "/cases")
    learner.get_by_role("link", name="开始").click()
    learner.get_by_label("有问题").wait_for()
    assert "反问客户是推诿" not in learner.content()
    learner.evaluate("() => document.querySelector('audio').play()")
    learner.wait_for_function("() => document.querySelector('audio').currentTime > 0.2")
    learner.get_by_label("有问题").check()
    learner.get_by_label("问题在哪里").fill("把问题推给客户")
    learner.get_by_role("button", name="提交").click()
    learner.get_by_text("反问客户是推诿").wait_for()
    assert "判断正确" in learner.content()
