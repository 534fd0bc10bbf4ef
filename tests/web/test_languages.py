"""Each language by itself: nothing of the other is left on a page but the switch between them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import yaml

from monitor.base import package_files
from monitor.base.i18n import use_language
from monitor.rules.scorecard import DEFAULT_GRADES, grade_name
from monitor.web.app import routes
from tests.web.conftest import Browser

SignedIn = Callable[[str], Browser]

_SPOKEN = ("title", "aria-label", "placeholder", "alt")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ENGLISH = re.compile("[A-Za-z]{3,}")
_NAMES = re.compile(
    r"monitor [a-z]+|--\w+|https?://\S+|\b(?:admin|agent|trainer|supervisor|other|English"
    r"|API|HTTP|CSV|XLSX|PDF|JSONL|YAML|HTML|WAV|bu neng ban|tests)\b",
    re.IGNORECASE,
)
"""What is called the same in both: commands, formats, users of these tests, the switch."""


class _Texts(HTMLParser):
    """What a page says to its reader."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code", "pre")
        self.found += [value for name, value in attrs if name in _SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(data.strip())


def _pages() -> list[str]:
    """Every page that needs nothing to be named."""
    return sorted(
        route.path
        for route in routes()
        if "{" not in route.path
        and "GET" in getattr(route, "methods", ())
        and not route.path.startswith(("/api", "/health"))
    )


def _packs() -> dict[str, str]:
    """Our packs' names and titles: those are Chinese, as the rules are."""
    files = package_files.rules_dir().glob("*.yaml")
    return {file.stem: yaml.safe_load(file.read_text("utf-8"))["title"] for file in files}


def _said(browser: Browser, path: str) -> set[str]:
    answer = browser.get(path)
    if answer.status_code == 422:  # it is opened from another page, which says for what
        return set()
    if not answer.headers["content-type"].startswith("text/html"):
        return set()
    page = _Texts()
    page.feed(answer.text)
    return set(page.found)


def test_no_chinese_is_left_in_the_english_pages(signed_in: SignedIn) -> None:
    admin = signed_in("admin")
    admin.submit("/settings", lang="en", next="/account")
    packs = _packs()
    # An example of what was said is Chinese: so is what is said.
    left = {
        (path, text)
        for path in _pages()
        for text in _said(admin, path) - {"中文"} - set(packs.values())
        if _CHINESE.search(text) and not text.startswith("e.g.")
    }
    assert left == set()


def test_no_english_is_left_in_the_chinese_pages(signed_in: SignedIn) -> None:
    admin, packs = signed_in("admin"), _packs()
    left = {
        (path, text)
        for path in _pages()
        for text in _said(admin, path) - packs.keys()
        if not _CHINESE.search(text) and _ENGLISH.search(_NAMES.sub("", text))
    }
    assert left == set()


def test_the_grades_of_our_packs_have_english_names() -> None:
    given = set(DEFAULT_GRADES)
    for pack in package_files.rules_dir().glob("*.yaml"):
        given |= (
            yaml.safe_load(pack.read_text("utf-8")).get("score", {}).get("grades") or {}
        ).keys()
    use_language("en")
    named = [grade_name(grade) for grade in given]
    use_language("zh")
    assert all(name.isascii() for name in named)
    assert grade_name("优秀") == "优秀"
    assert grade_name("甲") == "甲"
