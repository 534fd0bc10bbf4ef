"""The WebSockets of the pages: one call for a panel, all running ones for the wall.

What is sent is described in docs/server.md.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.status import WS_1000_NORMAL_CLOSURE, WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocketDisconnect

from monitor.store.schema import User
from monitor.web import deps
from monitor.web.deps import need_socket
from monitor.web.hub import Hub, LiveCall
from monitor.web.intake import begun_of, earlier_events, kept_thumbs
from monitor.web.roles import Role
from monitor.web.sockets import guarded, until_gone
from monitor.web.watch import Watcher

router = APIRouter()

WALL_S = 0.25
"""The least time between two looks at the running calls."""

PING_S = 10.0
_CLOCK_MS = 5_000  # a card is sent again when its clock has run so far and nothing else changed

Seq = Annotated[int | None, Query(ge=-1, lt=2**31)]


@router.websocket("/ws/calls/current")
async def current_call(
    websocket: WebSocket,
    user: Annotated[User, need_socket()],
    call: int | None = None,
    last_seq: Seq = None,
) -> None:
    """The call the user is in, and every later one. `last_seq` counts when `call` is that one."""
    await websocket.accept()
    await _serve(websocket, user, _follow_agent(websocket, user, call, last_seq))


@router.websocket("/ws/calls/{call_id}")
async def one_call(
    websocket: WebSocket, user: Annotated[User, need_socket()], call_id: int, last_seq: Seq = None
) -> None:
    """One call, running or over, to whoever may see it."""
    try:
        call = await run_in_threadpool(_open, websocket, user, call_id)
    except HTTPException:
        await websocket.close(WS_1008_POLICY_VIOLATION)
        return
    await websocket.accept()
    await _serve(websocket, user, _follow(websocket, Watcher(call, user.id, last_seq)))


@router.websocket("/ws/wall")
async def wall(
    websocket: WebSocket, user: Annotated[User, need_socket(Role.SUPERVISOR, Role.QA)]
) -> None:
    """Cards of all running calls."""
    await websocket.accept()
    await _serve(websocket, user, _show_wall(websocket))


async def _serve(websocket: WebSocket, user: User, work: Any) -> None:
    """Do `work` until it ends or the page goes away."""
    working = asyncio.create_task(guarded(websocket, user, work))
    leaving = asyncio.create_task(until_gone(websocket))
    breathing = asyncio.create_task(_breathe(websocket))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            await websocket.close(WS_1000_NORMAL_CLOSURE)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it went while something was on its way
    finally:
        for task in (working, leaving, breathing):
            task.cancel()


async def _breathe(websocket: WebSocket) -> None:
    """Say something now and then: a page takes long silence for a dead line."""
    while True:
        await asyncio.sleep(PING_S)
        await websocket.send_text(json.dumps({"type": "ping"}))


async def _follow_agent(
    websocket: WebSocket, user: User, known: int | None, last_seq: int | None
) -> None:
    hub: Hub = websocket.app.state.hub
    before: LiveCall | None = None
    waiting = False
    while True:
        call = hub.newest(user.agent) if user.agent else None
        if call is None or call is before:
            if not waiting and before is None:
                waiting = True
                await websocket.send_text(json.dumps({"type": "waiting"}))
            await hub.changed.wait()
            continue
        await run_in_threadpool(_open, websocket, user, call.begun.id)
        watcher = Watcher(call, user.id, last_seq if call.begun.id == known else None)
        await _follow(websocket, watcher, hub, user.agent)
        before, known = call, None


async def _follow(
    websocket: WebSocket, watcher: Watcher, hub: Hub | None = None, agent: str | None = None
) -> None:
    """Send what happens in a call until its end, or until the agent is in another one."""
    call = watcher.call
    while True:
        texts = list(watcher.messages())
        for text in texts:
            await websocket.send_text(text)
        if watcher.done or (hub is not None and hub.newest(agent) not in (call, None)):
            return
        if not texts:
            await call.changed.wait()


async def _show_wall(websocket: WebSocket) -> None:
    hub: Hub = websocket.app.state.hub
    shown = dict(hub.cards())
    first = {"type": "wall", "calls": list(shown.values())}
    await websocket.send_text(json.dumps(first, ensure_ascii=False))
    while True:
        await (asyncio.sleep(WALL_S) if shown else hub.changed.wait())
        cards = hub.cards()
        for call_id, card in cards.items():
            if _differs(shown.get(call_id), card):
                shown[call_id] = card
                text = json.dumps({"type": "card", "card": card}, ensure_ascii=False)
                await websocket.send_text(text)
        for call_id in shown.keys() - cards.keys():
            del shown[call_id]
            await websocket.send_text(json.dumps({"type": "gone", "call": call_id}))


def _differs(before: dict[str, Any] | None, card: dict[str, Any]) -> bool:
    if before is None or card["now_ms"] - before["now_ms"] >= _CLOCK_MS:
        return True
    return {**before, "now_ms": card["now_ms"]} != card


def _open(websocket: WebSocket, user: User, call_id: int) -> LiveCall:
    """The call as it runs, or as the store has it. That somebody watches is put on record.

    Raises:
        HTTPException: there is none that the user may see.
    """
    hub: Hub = websocket.app.state.hub
    with deps.asking(deps.settings(websocket).store) as session:
        call = deps.find_call(session, user, call_id)
        deps.opened(session, user, call, "call.watch")
        running = hub.get(call_id)
        if running is not None:
            return running
        over = LiveCall(begun_of(call))
        for event, now_ms in earlier_events(session, call_id):
            over.take(over.next_seq, [event], now_ms)
        over.thumbs = kept_thumbs(session, call_id)
        over.status = "interrupted" if call.status == "live" else call.status
        return over
