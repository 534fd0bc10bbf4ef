"""Using the pages: keyboard only, language, theme, roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PATIENCE_MS, Troubles, Visit, settled
from tests.browser.site import PASSWORD, Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

_FOCUS = """() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    tag: e.tagName,
    text: (e.getAttribute("aria-label") || e.textContent || e.name || "").trim().slice(0, 40),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.right > 0 && box.bottom > 0 && box.top < innerHeight && box.left < innerWidth,
  };
}"""


def _tab_through(page: Page, most: int = 60) -> list[dict[str, Any]]:
    """What the Tab key reaches, in order, until it comes back to the page's start."""
    found: list[dict[str, Any]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUS)
        if at["tag"] == "BODY":
            break
        found.append(at)
    return found


def test_signing_in_and_out_with_the_keyboard_alone(
    browser_page: Visit, troubles: Troubles
) -> None:
    from playwright.sync_api import expect

    page = browser_page(None, "/login")
    expect(page.get_by_label("用户名")).to_be_focused()
    page.keyboard.type("wang")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("不正确")
    troubles.forgive("401")
    expect(page.get_by_label("密码")).to_be_focused()  # the name is kept: what was wrong is asked
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/panel$"))
    page.wait_for_load_state()

    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.account-menu summary')"):
            break
    page.keyboard.press("Enter")
    sign_out = page.get_by_role("button", name="退出登录")
    expect(sign_out).to_be_visible()
    page.keyboard.press("Escape")
    expect(sign_out).to_be_hidden()
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.includes('退出登录')"):
            break
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("wang", "/panel"),
        ("supervisor", "/wall"),
        ("wang", "/account"),
        ("admin", "/admin/users"),
        ("admin", "/admin/audit"),
    ],
)
def test_the_focus_is_always_seen_and_begins_at_the_skip_link(
    browser_page: Visit, name: str, path: str
) -> None:
    page = browser_page(name, path)
    settled(page)
    reached = _tab_through(page)
    assert reached[0]["text"] == "跳到正文"
    assert len(reached) >= 4
    assert not [at for at in reached if not at["outlined"]]
    assert not [at for at in reached if not at["inside"]]


def test_the_skip_link_leads_past_the_menu(browser_page: Visit) -> None:
    page = browser_page("admin", "/admin/users")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_question_mark_lists_the_shortcuts_of_the_page(browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("wang", "/panel")
    settled(page)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("键盘快捷键")
    expect(sheet).to_contain_text("知道了")
    page.keyboard.press("g")  # shortcuts rest while the sheet is open
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator('[data-part="gauge-switch"]')).to_have_attribute("aria-pressed", "true")


def test_letters_typed_into_a_field_are_no_shortcuts(browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("supervisor", "/wall")
    settled(page)
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("o?")
    expect(search).to_have_value("o?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator('[data-order="start"]')).to_have_attribute("aria-pressed", "true")


def test_language_and_theme_are_switched_and_kept(browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("supervisor", "/wall", color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    expect(page.get_by_role("heading", level=1)).to_have_text("监控墙")
    bright = page.evaluate(ground)

    def menu() -> None:
        page.locator(".account-menu summary").click()

    menu()
    with page.expect_response("**/settings"):
        page.get_by_role("button", name="深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate(ground)
    assert dark != bright
    page.reload()
    assert page.evaluate(ground) == dark

    menu()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Live wall")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_text("0 running")).to_be_visible()  # scripts follow
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("My account")
    assert page.evaluate(ground) == dark

    menu()
    page.get_by_role("button", name="Auto").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    assert page.evaluate(ground) == bright  # as the system has it
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == dark
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("我的账号")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("wang", "/wall"),
        ("wang", "/admin/users"),
        ("qa", "/admin/users"),
        ("trainer", "/wall"),
        ("supervisor", "/admin/audit"),
    ],
)
def test_the_wrong_role_is_refused(
    browser_page: Visit, troubles: Troubles, name: str, path: str
) -> None:
    from playwright.sync_api import expect

    page = browser_page(name)
    response = page.goto(path)
    assert response is not None
    assert response.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("无权访问")
    expect(page.get_by_role("link", name=re.compile("首页"))).to_be_visible()
    assert page.locator(f'.menu a[href="{path}"]').count() == 0  # nor is it offered
    troubles.forgive("403")


def test_nobody_is_sent_to_sign_in_and_then_where_they_wanted(browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page(None, "/account")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Faccount$"))
    page.get_by_label("用户名").fill("qa")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(re.compile("/account$"))


def test_a_page_that_is_not_ours_cannot_open_the_feeds(site: Site, browser_page: Visit) -> None:
    """The WebSockets take the session's cookie from our own pages alone."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    cookies = browser_page("wang", "/account").context.cookies()
    cookie = "; ".join(f"{item['name']}={item['value']}" for item in cookies)
    url = site.url.replace("http://", "ws://") + "/ws/calls/current"
    headers = {"Cookie": cookie}
    with connect(url, additional_headers=headers, origin=site.url) as socket:
        assert "waiting" in str(socket.recv(timeout=PATIENCE_MS / 1000))
    with pytest.raises(InvalidStatus):
        connect(url, additional_headers=headers, origin="http://evil.example")


def test_a_menu_on_a_narrow_screen_opens_by_its_button(browser_page: Visit) -> None:
    from playwright.sync_api import expect

    page = browser_page("supervisor", "/wall", width=360, height=720)
    switch = page.get_by_role("button", name="菜单")
    expect(page.get_by_role("link", name="监控墙")).to_be_hidden()
    switch.click()
    expect(page.get_by_role("link", name="监控墙")).to_be_visible()
    expect(switch).to_have_attribute("aria-expanded", "true")
