"""A real browser in front of a real server: Debian's Chromium, driven by Playwright.

A test waits for what a person would wait for, never for a time, so it passes on any machine.
To see that it does, `MONITOR_TEST_SLOW=8` makes every page eight times slower and every answer
of the server late, each by another while.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from monitor.call.engine import Engine
from tests.browser import slow
from tests.browser.site import PASSWORD, Site, furnish, serving, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=user-gesture-required",
    "--disable-audio-output",  # a clock stands in for the sound card, there or not
)

PATIENCE_MS = 120_000
"""Long enough for any machine: it ends a test that hangs, and decides nothing else."""

OFFICE = {"width": 1366, "height": 768}
"""The screen that must do."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    api.expect.set_options(timeout=PATIENCE_MS)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with users of all roles, shared by the tests of this session."""
    with serving(tmp_path_factory.mktemp("store")) as site:
        yield site


@pytest.fixture(scope="session")
def past_calls(site: Site, embedded: Engine) -> list[int]:
    """Scored calls of both agents in the site's store."""
    return furnish(site, embedded)


@dataclass
class Troubles:
    """What went wrong in a browser while nobody looked."""

    found: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        self._contexts.append(context)
        context.on("weberror", lambda error: self.found.append(f"error: {error.error}"))
        context.on("console", self._console)
        # Reported by the page itself: a violation stops nothing and is easily overlooked.
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) =>"
            " console.error('CSP', event.violatedDirective, event.blockedURI))"
        )

    def forgive(self, words: str) -> None:
        """Take off the record what a test provoked on purpose; it must have happened."""
        # A browser tells what went wrong on another way than what is on the page.
        wait_until(
            lambda: any(words in found for found in self.found),
            f"something said {words!r}",
            lambda: self._contexts[-1].pages[0].wait_for_timeout(20),
        )
        self.found[:] = [found for found in self.found if words not in found]

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.found.append(f"{message.type}: {message.text} ({where})")


Visit = Callable[..., "Page"]

_WAITING = "#panel:not([data-line=open]), #wall.stale, #review:not([data-ready=yes])"


def settled(page: Page) -> None:
    """Until the page has what it fetches by itself: the feed's first word, a call's words."""
    page.wait_for_function("(waiting) => !document.querySelector(waiting)", arg=_WAITING)


@pytest.fixture
def troubles() -> Iterator[Troubles]:
    """Console errors, uncaught exceptions and policy violations fail the test that caused them."""
    troubles = Troubles()
    yield troubles
    assert not troubles.found, "\n".join(troubles.found)


@pytest.fixture(scope="session")
def signed_in(browser: Browser, site: Site) -> Callable[[str], Any]:
    """The cookies of a user, who signs in once per session through the page."""
    states: dict[str, Any] = {}

    def state(name: str) -> Any:
        if name not in states:
            with browser.new_context(base_url=site.url) as context:
                context.set_default_timeout(PATIENCE_MS)
                page = context.new_page()
                page.goto("/login")
                page.get_by_label("用户名").fill(name)
                page.get_by_label("密码").fill(PASSWORD)
                page.get_by_role("button", name="登录").click()
                page.wait_for_url(lambda url: "/login" not in url)
                states[name] = context.storage_state()
        return states[name]

    return state


@pytest.fixture
def browser_page(
    browser: Browser, site: Site, signed_in: Callable[[str], Any], troubles: Troubles
) -> Iterator[Visit]:
    """`browser_page("wang", path="/panel", width=360, color_scheme="dark", …)`: a page of a user.

    The first argument is a sign-in name of `PEOPLE`, or None for nobody.
    Further arguments go to Playwright's `new_context`.
    """
    contexts: list[BrowserContext] = []

    def visit(
        name: str | None,
        path: str | None = None,
        width: int = OFFICE["width"],
        height: int = OFFICE["height"],
        **options: Any,
    ) -> Page:
        state = signed_in(name) if name else None
        context = browser.new_context(
            base_url=site.url,
            storage_state=state,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            locale="zh-CN",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        troubles.watch(context)
        page = context.new_page()
        slow.throttle(page)
        if path:
            page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
