"""Connections that do not get on: bounded in time and number, so that others get in.

Whoever opens connections and says nothing on them (or a byte now and then) holds a place without
signing in. Only so many may wait for their request to be complete; one more closes the one that
has been silent longest. A request that is being answered, and a WebSocket, is not waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_WAITING = 256
"""Connections whose request is not complete, at most; a process has 1,024 files as a rule."""

HEAD_S = 20.0
"""How long the head of a request may take."""

STALL_S = 30.0
"""How long the body of a request may bring less than `STALL_BYTES`: a recording of an hour comes
over the slowest line in use, but a byte a second does not."""

STALL_BYTES = 8_192

LOGGED = 10
LOGGED_S = 60.0


class Waiting:
    """The connections of a server that wait for their request, the longest silent first."""

    def __init__(self) -> None:
        self._of: OrderedDict[PatientProtocol, None] = OrderedDict()

    def heard(self, connection: PatientProtocol) -> None:
        """It waits, and has just said something."""
        self._of[connection] = None
        self._of.move_to_end(connection)
        if len(self._of) > MOST_WAITING:
            oldest, _ = self._of.popitem(last=False)
            oldest.transport.abort()

    def drop(self, connection: PatientProtocol) -> None:
        """It is being answered, has become a WebSocket, or has gone."""
        self._of.pop(connection, None)

    def __len__(self) -> int:
        return len(self._of)


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, whose patience ends."""

    waiting: Waiting  # of the server: `protocol`

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch: asyncio.TimerHandle | None = None
        self._came = 0
        self._sees = True
        self.waiting.heard(self)
        self._expect(HEAD_S)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        self._came += len(data)
        super().data_received(data)
        if not self._sees or self.transport.is_closing():
            return
        if self._complete():
            self.waiting.drop(self)
            self._expect(None)
            return
        self.waiting.heard(self)
        if self.cycle is not before:  # the head is there, its body is on the way
            self._came = 0
            self._expect(STALL_S)
        elif self._watch is None:  # the first piece of the next request
            self._expect(HEAD_S)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Between two requests uvicorn's own patience (`timeout_keep_alive`) counts.
        if self._sees and not self.transport.is_closing():
            self._expect(None)
            self.waiting.heard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._stop()
        super().handle_websocket_upgrade(event)

    def _complete(self) -> bool:
        """Whether a request has come as a whole and is not answered yet."""
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _expect(self, within_s: float | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = None if within_s is None else self.loop.call_later(within_s, self._look)

    def _look(self) -> None:
        """The time is over: a head that is not there ends it, and so does a body that crawls."""
        body = self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete
        if body and self._came >= STALL_BYTES:
            self._came = 0
            self._expect(STALL_S)
            return
        self._stop()
        self.transport.abort()

    def _stop(self) -> None:
        self._sees = False
        self._expect(None)
        self.waiting.drop(self)


def protocol() -> type[PatientProtocol]:
    """The protocol of one server, with its own count."""
    return type("PatientProtocol", (PatientProtocol,), {"waiting": Waiting()})


class Seldom(logging.Filter):
    """Lets the same complaint through a few times a minute: what floods a server must not fill
    its disk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._since: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, record.levelno, str(record.msg).partition("\n")[0][:200])
        now = self._clock()
        since, count = self._since.get(key, (now, 0))
        if now - since >= LOGGED_S:
            since, count = now, 0
        if len(self._since) > 1_000:
            self._since.clear()
        self._since[key] = (since, count + 1)
        return count < LOGGED


_SELDOM = Seldom()


def log_seldom() -> None:
    """See to it that what a flood makes the server say is said seldom."""
    for name in ("asyncio", "uvicorn.error", "websockets.server", "monitor.web.recorder"):
        logging.getLogger(name).addFilter(_SELDOM)


def allow_files() -> None:
    """As many open files as the system grants this process; by default it is less."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65_536)
    wanted = min(wanted, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
