"""Quality assurance in a real browser: from the folder to the spreadsheet, by mouse and by keys."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from openpyxl import load_workbook
from sqlalchemy import delete, select

from monitor.quality.tables import Plan, Task
from monitor.store.schema import Call, Scorecard, User
from tests.browser.conftest import Troubles, Visit
from tests.browser.site import Site, wait_until
from tests.test_cli import monitor

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIXTURES = Path(__file__).parents[3] / "audio_fixtures"

_LONG_MS = 240_000
"""For what a process beside the server does: it loads a model first, on whatever machine."""


@pytest.fixture(scope="module")
def watched(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site after `monitor watch` scored a folder of two calls into its store."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copy(FIXTURES / "forbidden-phrases.opus", folder / "A07_投诉.opus")
    shutil.copy(FIXTURES / "late-greeting.opus", folder / "A08_宽带.opus")
    done = monitor(
        *("watch", folder, "--store", site.store.where, "--once", "--every", "0.2"),
        *("--pattern", "{agent}_{queue}"),
        lang="zh",
    )
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def fresh(watched: Site) -> Iterator[Site]:
    """The scored calls, with no plan and no task yet."""

    def clear() -> None:
        with watched.store.session() as session:
            session.execute(delete(Task))
            session.execute(delete(Plan))

    clear()
    yield watched
    clear()


def _call(site: Site, agent: str) -> Call:
    with site.store.reading() as session:
        return session.scalars(select(Call).where(Call.agent == agent)).one()


def _cards(site: Site, call: Call, name: str) -> list[Scorecard]:
    with site.store.reading() as session:
        query = (
            select(Scorecard)
            .join(User, User.id == Scorecard.author_id)
            .where(Scorecard.call_id == call.id, User.name == name, Scorecard.status == "final")
        )
        cards = list(session.scalars(query))
        for card in cards:
            assert card.lines  # loaded while the session lives
        return cards


def _form_ready(page: Page) -> None:
    page.wait_for_selector("[data-scorecard][data-ready=yes]")


def test_by_mouse_from_the_folder_to_the_spreadsheet(
    fresh: Site, browser_page: Visit, tmp_path: Path
) -> None:
    page = browser_page("qa", "/imports")
    row = page.get_by_role("row", name="A07_投诉.opus")
    assert "完成" in row.inner_text()

    # A plan, and what it draws.
    page.get_by_role("link", name="抽检", exact=True).click()
    page.get_by_label("全量").check()
    page.get_by_role("button", name="建立并抽取").click()
    page.get_by_role("status").filter(has_text="抽中").wait_for()

    # Dealt to one reviewer, who opens it and takes the machine's answers over.
    page.get_by_role("link", name="待复核").first.click()
    page.get_by_role("link", name="所有人的").click()
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("轮流分配")).click()
    page.get_by_role("link", name="所有人的").click()
    call = _call(fresh, "A07")
    page.get_by_role("link", name=call.name, exact=True).click()
    _form_ready(page)
    page.get_by_role("button", name="采用全部建议").click()
    page.wait_for_selector("form[data-status=draft]")
    assert page.locator('[data-part="total"]').inner_text() == f"{call.score:g}"

    # One of them is wrong: an item of the rest was broken too. Say so, with a comment.
    group = page.locator('.card-group[data-group="用语"]')
    group.get_by_text("其余").click()
    group.get_by_label("找评分项").fill("etiquette-flat-dont-know")
    item = group.locator('[data-item="etiquette-flat-dont-know"]')
    item.locator("input[value=lost]").check()
    item.get_by_role("button", name="评语").click()
    item.get_by_role("textbox").fill("=说了不知道")
    page.get_by_role("button", name="提交评分").click()
    page.wait_for_selector("form[data-status=final]")
    (card,) = _cards(fresh, call, "qa")
    lines = {line.item: line for line in card.lines}
    assert lines["etiquette-flat-dont-know"].status == "lost"
    assert lines["etiquette-flat-dont-know"].comment == "=说了不知道"

    # Out into a spreadsheet.
    page.goto("/calls?agent=A07")
    page.get_by_text("导出").click()
    with page.expect_download() as download:
        page.locator('a[href*="export.xlsx"][href*="table=scorecards"]').click()
    download.value.save_as(tmp_path / "cards.xlsx")
    sheet = load_workbook(tmp_path / "cards.xlsx").worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert {row[0] for row in rows} == {call.id}
    assert "'=说了不知道" in [row[-1] for row in rows]
    assert {row[5] for row in rows} == {card.total}


def test_by_keyboard_alone(fresh: Site, browser_page: Visit) -> None:
    with fresh.store.session() as session:
        call = session.scalars(select(Call).where(Call.agent == "A08")).one()
        task = Task(
            call_id=call.id, status="open", reason="", priority=1e6, drawn_at=call.received_at
        )
        session.add(task)
    page = browser_page("qa2", "/review")
    page.keyboard.press("g")
    page.wait_for_url(f"**/calls/{call.id}#scorecard")
    _form_ready(page)
    page.keyboard.press("e")
    for _ in range(page.locator(".item.open").count()):
        page.keyboard.press("1")
        page.keyboard.press("e")  # whichever is open next, wherever it stands
    assert page.locator(".item.open").count() == 0
    page.locator(".item").first.focus()
    page.keyboard.press("3")
    page.keyboard.press("c")
    page.keyboard.type("开头没有问好")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("form[data-status=final]")
    (card,) = _cards(fresh, call, "qa2")
    lost = [line for line in card.lines if line.status == "lost"]
    assert [line.comment for line in lost] == ["开头没有问好"]
    with fresh.store.reading() as session:
        task = session.scalars(select(Task).where(Task.call_id == call.id)).one()
        reviewer = session.get_one(User, task.reviewer_id)
        assert (task.status, reviewer.name) == ("done", "qa2")


def test_submitting_with_open_items_leads_to_the_first(fresh: Site, browser_page: Visit) -> None:
    call = _call(fresh, "A08")
    page = browser_page("trainer", f"/calls/{call.id}#scorecard")
    _form_ready(page)
    page.locator(".item").first.focus()
    page.keyboard.press("Control+Enter")
    assert "没有评" in page.get_by_role("alert").inner_text()
    assert page.evaluate("document.activeElement.classList.contains('open')")
    assert _cards(fresh, call, "trainer") == []


def test_a_draft_is_there_again(fresh: Site, browser_page: Visit) -> None:
    call = _call(fresh, "A08")
    page = browser_page("supervisor", f"/calls/{call.id}#scorecard")
    _form_ready(page)
    page.locator(".item").first.focus()
    page.keyboard.press("2")
    page.wait_for_selector("form[data-status=draft]")
    page.reload()
    _form_ready(page)
    first = page.locator(".item").first
    assert first.get_attribute("data-answer") == "partly"


def test_an_answer_is_kept_when_one_leaves_at_once(fresh: Site, browser_page: Visit) -> None:
    call = _call(fresh, "A07")
    page = browser_page("admin", f"/calls/{call.id}#scorecard")
    _form_ready(page)
    page.locator(".item").first.focus()
    page.keyboard.press("2")
    page.goto("/account")

    def kept() -> bool:
        with fresh.store.reading() as session:
            query = (
                select(Scorecard.status)
                .join(User, User.id == Scorecard.author_id)
                .where(Scorecard.call_id == call.id, User.name == "admin")
            )
            return session.scalar(query) == "draft"

    wait_until(kept, "the draft is kept")


def test_an_upload_is_scored_while_one_looks_on(
    watched: Site, browser_page: Visit, troubles: Troubles, tmp_path: Path
) -> None:
    shutil.copy(FIXTURES / "compliant.wav", tmp_path / "20261120_093000_A09.wav")
    (tmp_path / "坏.wav").write_text("no sound", "utf-8")
    page = browser_page("qa", "/imports")
    page.get_by_label("选择录音").set_input_files(
        [tmp_path / "20261120_093000_A09.wav", tmp_path / "坏.wav"]
    )
    page.get_by_text("通话信息").first.click()
    page.get_by_label("队列").fill("套餐")
    page.get_by_label("坐席").fill("A09")
    page.get_by_role("button", name="上传并评分").click()
    sent = page.get_by_role("list", name="正在上传")
    sent.get_by_text("已收到").wait_for()
    sent.locator("span.error").wait_for()  # what is no recording is refused, in words
    assert "坏.wav" in sent.locator("span.error").inner_text()
    troubles.forgive("400")
    page.goto("/imports")
    assert page.get_by_role("row", name="坏.wav").count() == 0
    good = page.get_by_role("row", name="20261120_093000_A09.wav")
    good.get_by_text("完成").wait_for(timeout=_LONG_MS)
    call = _call(watched, "A09")
    assert call.queue == "套餐"
    assert good.locator('[data-part="score"]').inner_text() == f"{call.score:g}"
    good.get_by_role("link").click()
    page.wait_for_url(f"**/calls/{call.id}")


def test_a_figure_of_the_dashboard_leads_to_its_calls(watched: Site, browser_page: Visit) -> None:
    with watched.store.reading() as session:
        over = Call.status.in_(("complete", "interrupted"))
        count = len(session.scalars(select(Call.id).where(over, Call.agent == "A07")).all())
    page = browser_page("supervisor", "/dashboards?agent=A07")
    figure = page.locator(".figures a").first
    assert figure.inner_text() == str(count)
    figure.click()
    page.wait_for_url("**/calls?*")
    assert page.get_by_role("heading", level=1).inner_text().split() == ["通话", str(count)]


def test_sorting_filtering_and_a_saved_view(watched: Site, browser_page: Visit) -> None:
    page = browser_page("trainer", "/calls")
    page.get_by_role("link", name="得分", exact=True).click()
    page.wait_for_url("**sort=score**")
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("得分")
    page.keyboard.press("/")
    page.keyboard.type("不会用就别用")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=**")
    assert page.locator("tbody tr").count() == 1
    assert "不会用就别用" in page.locator("tbody .quote").inner_text()
    page.locator("summary", has_text="视图").click()
    page.get_by_label("视图名称").fill("禁用语")
    with page.expect_navigation():
        page.get_by_label("视图名称").press("Enter")
    page.goto("/calls")
    page.locator("summary", has_text="视图").click()
    page.get_by_role("link", name="禁用语", exact=True).click()
    page.wait_for_url("**text=**")
    assert page.locator("tbody tr").count() == 1
