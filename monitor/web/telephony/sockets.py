"""WebSockets of telephone systems: any source, any of their protocols."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeAlias

from starlette.status import (
    WS_1001_GOING_AWAY,
    WS_1003_UNSUPPORTED_DATA,
    WS_1008_POLICY_VIOLATION,
    WS_1009_MESSAGE_TOO_BIG,
)
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from monitor.ingest.live_board import Board
from monitor.ingest.protocols import SOCKETS, SUBPROTOCOLS
from monitor.ingest.sources import Source, Sources
from monitor.ingest.steps import Step, WireError
from monitor.web.telephony.door import Door
from monitor.web.telephony.talk import Talk

GREETING_S = 10.0
"""How long a connection may wait before it begins a call."""

_UNREAD_S = 10.0  # a peer that does not take what it is told for so long is gone
_SECRET = frozenset({"authorization", "x-api-key", "cookie", "x-twilio-signature"})
Reader: TypeAlias = Callable[..., Iterable[Step]]
"""What a wire makes of a message."""

_GONE = (WebSocketDisconnect, TimeoutError, OSError, RuntimeError)
"""How a connection that has ended shows itself: starlette answers a late send with RuntimeError."""

_log = logging.getLogger("monitor.ingest")


class Sockets:
    """Takes WebSockets of the sources."""

    def __init__(self, board: Board, sources: Sources, door: Door) -> None:
        self._board = board
        self._sources = [source for source in sources if source.protocol in SOCKETS]
        self._door = door
        self._open: Counter[str] = Counter()

    async def __call__(self, websocket: WebSocket) -> None:
        address = websocket.client.host if websocket.client else ""
        source = self._source(websocket, address)
        if source is None:
            await websocket.close(WS_1008_POLICY_VIOLATION)  # before it is accepted: 403
            return
        if self._open[source.name] >= 2 * source.calls + 8:
            _log.warning("%s: %s: too many connections", source.name, address)
            await websocket.close(WS_1008_POLICY_VIOLATION)
            return
        self._open[source.name] += 1
        try:
            await self._serve(websocket, source, address)
        finally:
            self._open[source.name] -= 1

    def _source(self, websocket: WebSocket, address: str) -> Source | None:
        """The source at this path that lets the peer in."""
        here = [source for source in self._sources if source.path == websocket.url.path]
        if not here:
            _log.warning("%s: no source at %s", address, websocket.url.path[:80])
        query = websocket.url.query
        target = websocket.url.path + (f"?{query}" if query else "")
        for source in here:
            if self._door.admits(
                source, address, websocket.headers, websocket.query_params, target
            ):
                return source
        return None

    async def _serve(self, websocket: WebSocket, source: Source, address: str) -> None:
        offered = websocket.scope.get("subprotocols", [])
        known = SUBPROTOCOLS.get(source.protocol, ())
        await websocket.accept(next((name for name in offered if name in known), None))
        about = {
            "query": {k: v for k, v in websocket.query_params.items() if k != "token"},
            "header": {k: v for k, v in websocket.headers.items() if k not in _SECRET},
        }
        wire = SOCKETS[source.protocol](source, about)

        async def say(data: str | bytes) -> None:
            sending = (
                websocket.send_text(data) if isinstance(data, str) else websocket.send_bytes(data)
            )
            await asyncio.wait_for(sending, _UNREAD_S)

        async def hang_up(code: int, reason: str) -> None:
            if websocket.application_state is WebSocketState.CONNECTED:
                await websocket.close(code, reason)

        talk = Talk(self._board, source, wire, say, hang_up)
        speaking = asyncio.create_task(talk.speaking())
        try:
            await _listen(websocket, talk, wire.text, wire.binary, source)
        except WireError as error:
            _log.warning("%s: %s: %s", talk.name, address, error)
            with suppress(*_GONE):
                reason = str(error).encode()[:120].decode("utf-8", "ignore")
                await hang_up(WS_1003_UNSUPPORTED_DATA, reason)
        except _GONE as error:
            _log.info("%s: %s: gone (%s)", talk.name, address, type(error).__name__)
        finally:
            speaking.cancel()
            with suppress(asyncio.CancelledError, WireError, *_GONE):
                await speaking
            talk.gone()


async def _listen(
    websocket: WebSocket, talk: Talk, text: Reader, binary: Reader, source: Source
) -> None:
    """Read until the peer or the talk ends it."""
    receiving = asyncio.ensure_future(websocket.receive())
    try:
        while not talk.closed:
            done, _ = await asyncio.wait({receiving}, timeout=GREETING_S)
            if not done:
                if talk.began:
                    continue  # a call on hold; its own timer ends it
                _log.warning("%s: nothing came for %d s", talk.name, GREETING_S)
                await websocket.close(WS_1001_GOING_AWAY)
                return
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                return
            receiving = asyncio.ensure_future(websocket.receive())
            said, data = message.get("text"), message.get("bytes")
            if len(said or data or "") > source.message_bytes:
                await websocket.close(WS_1009_MESSAGE_TOO_BIG)
                return
            await talk.take(text(said) if said is not None else binary(data or b""))
    finally:
        receiving.cancel()
        with suppress(asyncio.CancelledError, *_GONE):
            await receiving
