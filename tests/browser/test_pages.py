"""Every page that a role can reach by links, looked at by machine.

A page is surveyed on the office screen in both themes and in a narrow window:
no sideways scrolling, contrast, names, structure (survey.js); nothing may go
wrong in the console meanwhile. Pages added later are covered by being linked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest

from monitor.events import CallEnd
from tests.browser import talk
from tests.browser.conftest import OFFICE, Troubles, Visit, settled
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SURVEY = (Path(__file__).parent / "survey.js").read_text("utf-8")

NARROW = {"width": 360, "height": 720}

_NUMBER = re.compile(r"\d+")
_LINKS = "[...document.querySelectorAll('a[href]:not([download])')].map((a) => a.href)"


def _sort_of(url: str) -> str:
    """Pages of one sort differ in numbers and in their query only."""
    return _NUMBER.sub("N", urlsplit(url).path)


def _reachable(page: Page, site: Site) -> Iterator[str]:
    """One page of each sort that links lead to, from the user's home on; visits each."""
    known: set[str] = set()
    waiting = ["/"]
    while waiting:
        url = waiting.pop(0)
        response = _goto(page, url)
        if response is None:
            continue  # a download
        assert response.status < 400, f"{url}: {response.status}"
        known.add(_sort_of(page.url))
        yield urlsplit(page.url).path
        for link in page.evaluate(_LINKS):
            target = urljoin(page.url, link)
            if target.startswith(site.url) and _sort_of(target) not in known:
                known.add(_sort_of(target))
                waiting.append(target)


def _goto(page: Page, url: str) -> Any:
    from playwright.sync_api import Error

    try:
        return page.goto(url)
    except Error as error:
        if "Download is starting" in str(error) or "ERR_ABORTED" in str(error):
            return None
        raise


@pytest.mark.usefixtures("past_calls")
@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("wang", "zh"),
        ("qa", "zh"),
        ("trainer", "zh"),
        ("supervisor", "zh"),
        ("admin", "zh"),
        ("admin", "en"),
        ("wang", "en"),
    ],
)
def test_every_page_of_a_role_is_sound(
    site: Site, browser_page: Visit, troubles: Troubles, name: str, language: str
) -> None:
    feed = site.call("wang")
    feed([talk.info(queue="宽带报障"), *talk.turn(talk.BOTH[0], "不归我管", 0)], 900)
    feed([talk.alert("推诿", at_ms=900, span=(0, 800), quote="不归我管", advice="请稍等。")], 1000)
    page = browser_page(name)
    page.context.add_cookies([{"name": "lang", "value": language, "url": site.url}])
    problems: list[str] = []
    visited = []
    for path in _reachable(page, site):
        visited.append(path)
        problems += _survey(page, path)
        problems += [f"{path}: {found}" for found in troubles.found]
        troubles.found.clear()
    feed([CallEnd(60_000)], 60_000)
    assert len(visited) >= 3, visited
    assert not problems, "\n".join(dict.fromkeys(problems))


def _survey(page: Page, path: str) -> list[str]:
    problems = []
    settled(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        problems += [f"{path} ({scheme}): {wrong}" for wrong in page.evaluate(_SURVEY)]
    page.set_viewport_size(NARROW)
    problems += [f"{path} (360 px): {wrong}" for wrong in page.evaluate(_SURVEY)]
    page.set_viewport_size(OFFICE)
    return problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/login", "/nowhere"])
def test_pages_for_nobody_are_sound(
    browser_page: Visit, troubles: Troubles, path: str, scheme: str
) -> None:
    page = browser_page(None, path, color_scheme=scheme)
    assert not _survey(page, path)
    if path == "/nowhere":
        troubles.forgive("404")
