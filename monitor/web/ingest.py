"""The WebSocket through which other machines send their calls (docs/server.md, protocol).

The sender numbers its events and keeps them until the server says that they
are in its store. After a break it is told where to go on, so that nothing is
lost and nothing counted twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket
from starlette.status import WS_1001_GOING_AWAY, WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER
from starlette.websockets import WebSocketDisconnect, WebSocketState

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import CallInfo, Partial
from monitor.store.schema import User
from monitor.web import wire
from monitor.web.deps import need_socket
from monitor.web.hub import LiveCall
from monitor.web.intake import DeletedError, Intake, NotYoursError, RewriteError, TooManyError
from monitor.web.roles import Role
from monitor.web.sockets import guarded

router = APIRouter()

PROTOCOL = 1
_MAX_KEY = 100


@router.websocket("/ws/ingest")
async def ingest(
    websocket: WebSocket, user: Annotated[User, need_socket(Role.AGENT, Role.SUPERVISOR)]
) -> None:
    """One call of one sender. An agent's call is theirs, whatever it says of itself."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        await guarded(websocket, user, _Reception(websocket, user).run())


class _Reception:
    """The server's end of one connection."""

    def __init__(self, websocket: WebSocket, user: User) -> None:
        self._socket = websocket
        self._user = user
        self._intake: Intake = websocket.app.state.intake

    async def run(self) -> None:
        try:
            call = await self._hello(await self._receive())
            acks = asyncio.create_task(self._acknowledge(call))
            try:
                await self._serve(call)
            finally:
                acks.cancel()
                if call.sender is self._socket:
                    call.sender = None
                    self._intake.lost(call)
        except NotYoursError:
            await self._refuse(
                tr("这个通话键属于另一位用户", "a call of this key belongs to another user")
            )
        except DeletedError:
            await self._refuse(_deleted())
        except RewriteError:
            await self._refuse(
                tr(
                    "这通电话已经结束，不能再改动",
                    "this call is over; nothing of it can be changed any more",
                )
            )
        except (UserError, TooManyError):
            await self._socket.close(WS_1013_TRY_AGAIN_LATER)  # the store is out of reach
        except (ArithmeticError, ValueError, KeyError, TypeError, RecursionError) as error:
            await self._refuse(f"{type(error).__name__}: {error}")

    async def _hello(self, message: Mapping[str, Any]) -> LiveCall:
        if message["type"] != "hello" or message["protocol"] != PROTOCOL:
            raise ValueError(f"say hello, with protocol {PROTOCOL}")
        key = message["key"]
        if not isinstance(key, str) or not 8 <= len(key) <= _MAX_KEY or not key.isprintable():
            raise ValueError(f"key: 8 to {_MAX_KEY} characters")
        info = wire.event_of(message["info"])
        if not isinstance(info, CallInfo):
            raise ValueError("info: a call event")
        own = self._user.agent if self._user.role == Role.AGENT else None
        call = await self._intake.begin(key, info, self._user.id, own)
        before, call.sender = call.sender, self._socket
        if isinstance(before, WebSocket) and before.client_state is WebSocketState.CONNECTED:
            await before.close(WS_1001_GOING_AWAY)  # the same machine, come back
        await self._send("ready", call=call.begun.id, next=call.next_seq, durable=call.durable)
        return call

    async def _serve(self, call: LiveCall) -> None:
        while True:
            message = await self._receive()
            now_ms = wire.whole(message.get("now_ms", 0), "now_ms")
            match message["type"]:
                case "events":
                    seq = wire.whole(message["seq"], "seq")
                    self._intake.take(call, seq, wire.numbered(message["events"]), now_ms)
                    await self._intake.room(call)
                case "partial":
                    partial = wire.event_of(message["partial"])
                    if not isinstance(partial, Partial):
                        raise ValueError("partial: a partial event")
                    call.tail(wire.data_of(partial))
                case "tick":
                    call.tick(now_ms)
                case "close":
                    if message.get("score") is not None:
                        self._intake.score(call, wire.card_of(message["score"]))
                    await self._intake.settled(call)
                    await self._send("closed", next=call.durable)
                case other:
                    raise ValueError(f"unknown type {other!r}")

    async def _acknowledge(self, call: LiveCall) -> None:
        told = call.durable
        while True:
            if call.status == "failed":
                await self._refuse(_deleted())
                return
            if call.status == "behind":  # when it comes back it is told where to go on
                await self._socket.close(WS_1013_TRY_AGAIN_LATER)
                return
            if call.durable > told:
                told = call.durable
                await self._send("ack", next=told)
            else:
                await call.saved.wait()

    async def _receive(self) -> Mapping[str, Any]:
        message = json.loads(await self._socket.receive_text())
        if not isinstance(message, Mapping):
            raise ValueError("a message is an object")
        return message

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._socket.send_text(json.dumps({"type": kind, **fields}, ensure_ascii=False))

    async def _refuse(self, reason: str) -> None:
        await self._send("refused", reason=reason)
        await self._socket.close(WS_1008_POLICY_VIOLATION)


def _deleted() -> str:
    return tr("这通电话已被删除", "this call has been deleted")
