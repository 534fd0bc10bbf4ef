"""A slow machine, made on purpose: pages that crawl and a server whose answers come late.

A test that passes here waits for what it needs; one that fails was only ever lucky.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.types import ASGIApp, Receive, Scope, Send

TIMES = float(os.environ.get("MONITOR_TEST_SLOW", "1"))
"""How many times slower than this machine a page runs; above 1, answers come late as well."""

_LATE_S = (0.02, 0.4)


def throttle(page: Page) -> None:
    """Make the page's processor as slow as `MONITOR_TEST_SLOW` asks for."""
    if TIMES > 1:
        session = page.context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": TIMES})


class Late:
    """An application in front of which requests wait, each for another while."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if TIMES > 1 and scope["type"] != "lifespan":
            await asyncio.sleep(random.uniform(*_LATE_S))
        await self.app(scope, receive, send)
