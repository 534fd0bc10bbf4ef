"""The parts of a server that run beside its requests: none of them ends unseen.

A part that fails is said so and begun anew; `/healthz` names those that do not work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

RESTART_S = 1.0

_log = logging.getLogger(__name__)


class Parts:
    """The running parts, by name. Lives in the server's event loop."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], bool]] = {}

    def start(
        self, name: str, work: Callable[[], Awaitable[None]], well: Callable[[], bool] | None = None
    ) -> asyncio.Task[None]:
        """Run `work` until it returns; `well` tells whether it does what it is for."""
        task = asyncio.create_task(_kept_up(name, work), name=name)
        self._checks[name] = lambda: not task.done() and (well is None or well())
        return task

    def unwell(self) -> list[str]:
        """The names of the parts that do not work."""
        return [name for name, check in self._checks.items() if not check()]


async def _kept_up(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:  # a fault of ours: what else the server does must go on
            _log.exception("%s failed; it begins anew", name)
            await asyncio.sleep(RESTART_S)
        else:
            return
