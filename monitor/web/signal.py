"""Waking whoever waits for a change, in one event loop."""

from __future__ import annotations

import asyncio


class Signal:
    """Wakes all waiters at once, keeping no count.

    Waiters look at the state, and only when they find nothing new await
    `wait()`; as nothing else runs between the two, no change is missed.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        waking, self._event = self._event, asyncio.Event()
        waking.set()

    async def wait(self) -> None:
        await self._event.wait()
