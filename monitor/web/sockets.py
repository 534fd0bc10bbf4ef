"""What every WebSocket of a signed-in user has in common."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from monitor.store.schema import User
from monitor.web import deps

CHECK_S = 15.0
"""How often a socket that stays open asks whether its user may still use it."""


async def guarded(websocket: WebSocket, user: User, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or the user is shut out (signed out elsewhere, token revoked)."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=CHECK_S)
            if not task.done() and not await run_in_threadpool(_still, websocket, user):
                await websocket.close(WS_1008_POLICY_VIOLATION)
                return
        await task
    finally:
        task.cancel()


async def until_gone(websocket: WebSocket) -> None:
    """Read what a watching page says (nothing that matters) until it has gone."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def _still(websocket: WebSocket, user: User) -> bool:
    with deps.asking(deps.settings(websocket).store) as session:
        now = deps.find_user(websocket, session)
        return now is not None and _rights(now) == _rights(user)


def _rights(user: User) -> tuple[int, str, str | None]:
    """What a socket was opened with: whose calls it gets hangs on the agent's name, too."""
    return user.id, user.role, user.agent
