"""Asterisk AudioSocket over TCP, and the UUIDs that its PBX announces over HTTP."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from monitor.events import Party
from monitor.ingest.live_board import Board
from monitor.ingest.protocols.audiosocket import HANGUP, AudioSocket
from monitor.ingest.sources import Source
from monitor.ingest.steps import Close, Quiet, Send, Step, WireError
from monitor.web.telephony.door import Door
from monitor.web.telephony.talk import Talk

ANNOUNCED_S = 600.0
"""How long a UUID that nobody has used is known."""

_MOST = 10_000
_BODY = 16 * 1024
_GREETING_S = 10.0
_READ = 16 * 1024
_log = logging.getLogger("monitor.ingest")


class Announced(Mapping[str, Mapping[str, Any]]):
    """What PBXs have said of the UUIDs they are going to send, the newest `_MOST` of them.

    `clock` is in seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()

    def put(self, name: str, about: Mapping[str, Any]) -> None:
        self._known[name] = (self._clock() + ANNOUNCED_S, about)
        self._known.move_to_end(name)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        until, about = self._known[name]
        if until < self._clock():
            del self._known[name]
            raise KeyError(name)
        return about

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._known))

    def __len__(self) -> int:
        return len(self._known)


class Announcements:
    """`PUT /api/media/UUID`: the PBX says whose audio it is going to send."""

    def __init__(self, sources: list[Source], announced: Mapping[str, Announced], door: Door):
        self._sources = sources
        self._announced = announced
        self._door = door

    async def __call__(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        allowed = [
            source
            for source in self._sources
            if self._door.admits(source, address, request.headers, request.query_params)
        ]
        if not allowed:
            return JSONResponse({"error": "not allowed"}, 403)
        try:
            name = str(uuid.UUID(request.path_params["uuid"]))
            about = await _body(request)
        except (ValueError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, 422)
        for source in allowed:
            self._announced[source.name].put(name, about)
        return JSONResponse({"uuid": name, **about})


async def _body(request: Request) -> Mapping[str, Any]:
    size = request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > _BODY:
        raise ValueError(f"a body of at most {_BODY} bytes, with its Content-Length")
    about = await request.json()
    if not isinstance(about, dict) or not isinstance(about.get("call"), str):
        raise ValueError('an object with "call" and "party" is needed')
    if about.get("party") not in {party.value for party in Party}:
        raise ValueError("party: agent or customer")
    return about


class Listener:
    """The TCP server of one AudioSocket source."""

    def __init__(self, board: Board, source: Source, announced: Announced) -> None:
        self._board = board
        self._source = source
        self._announced = announced
        self._open: Counter[str] = Counter()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = (writer.get_extra_info("peername") or ("",))[0]
        try:
            if not self._source.admits(address):
                _log.warning("%s: %s may not send", self._source.name, address)
            elif self._open.total() >= 2 * self._source.calls + 8:
                _log.warning("%s: %s: too many connections", self._source.name, address)
            else:
                self._open[address] += 1
                try:
                    await self._serve(reader, writer, address)
                finally:
                    self._open[address] -= 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        async def say(data: str | bytes) -> None:
            writer.write(data if isinstance(data, bytes) else data.encode())

        async def hang_up(_code: int, _reason: str) -> None:
            """The connection is closed by whoever reads it."""

        frames = AudioSocket(self._announced, self._source.rate)
        talk = Talk(self._board, self._source, _Mute(), say, hang_up)
        try:
            while not talk.closed:
                patience = None if talk.began else _GREETING_S
                data = await asyncio.wait_for(reader.read(_READ), patience)
                if not data:
                    break  # the usual end
                await talk.take(frames.feed(data))
        except WireError as error:
            _log.warning("%s: %s: %s", talk.name, address, error)
            writer.write(HANGUP)
        except (TimeoutError, OSError) as error:
            _log.info("%s: %s: gone (%s)", talk.name, address, type(error).__name__)
        finally:
            talk.gone()


class _Mute(Quiet):
    """Asterisk takes audio back, and nothing else."""

    def text(self, text: str) -> Iterator[Step]:
        raise WireError(text)

    def binary(self, data: bytes) -> Iterator[Step]:
        raise WireError(str(len(data)))

    def refused(self, reason: str) -> Iterator[Step]:
        yield Send(HANGUP)
        yield Close(1013, reason)
