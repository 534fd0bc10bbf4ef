"""The ports that telephone systems send to: one for WebSockets and HTTP, one per AudioSocket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.base.errors import UserError
from monitor.base.i18n import language, tr, use_language
from monitor.call import engine
from monitor.call.live_shared_acoustic import shared_acoustic
from monitor.call.live_shared_decoder import shared_decoder
from monitor.ingest.live_board import Board, Limits
from monitor.ingest.sources import Source, Sources
from monitor.web.server import Server, listening
from monitor.web.telephony import outlets
from monitor.web.telephony.audiosocket import Announced, Announcements, Listener
from monitor.web.telephony.door import Door
from monitor.web.telephony.sockets import Sockets
from monitor.web.telephony.transcriptions import OpenAi

if TYPE_CHECKING:
    from fastapi import FastAPI

    from monitor.call.engine import Engine, Second

_TICK_S = 0.1
_REQUEST_S = 10.0
"""How long a connection may take to say what it wants."""

_log = logging.getLogger("monitor.ingest")


@dataclass(frozen=True, slots=True)
class Ports:
    """Sockets that listen: the common one, and by source those of AudioSocket."""

    common: socket.socket
    audiosocket: Mapping[str, socket.socket]

    def close(self) -> None:
        for bound in (self.common, *self.audiosocket.values()):
            bound.close()


def bind(host: str, port: int, sources: Sources) -> Ports:
    """Listen.

    Raises:
        UserError: a port is in use, the address is not this machine's, or the certificate is
            none.
    """
    if sources.certificate is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                sources.certificate, sources.key
            )
        except OSError as error:  # ssl.SSLError is one
            path = sources.certificate
            raise UserError(
                tr(
                    f"{path}：TLS 证书或密钥无法使用：{error}",
                    f"{path}: the TLS certificate or its key cannot be used: {error}",
                )
            ) from error
    own = {
        source.name: listening(host, source.port)
        for source in sources
        if source.protocol == "audiosocket" and source.port is not None
    }
    return Ports(listening(host, port), own)


def app(board: Board, loaded: Engine, sources: Sources, ports: Ports) -> Starlette:
    """What is served; the board belongs to its event loop."""
    door = Door()
    audio = [source for source in sources if source.protocol == "audiosocket"]
    announced = {source.name: Announced() for source in audio}
    openai = OpenAi(loaded, [source for source in sources if source.protocol == "openai"], door)
    sockets = Sockets(board, sources, door)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        servers = [
            await asyncio.start_server(
                Listener(board, source, announced[source.name]),
                sock=ports.audiosocket[source.name],
                limit=64 * 1024,
            )
            for source in audio
        ]
        ticking = asyncio.create_task(_tick(board))
        try:
            yield
        finally:
            for server in servers:
                server.close()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            await asyncio.get_running_loop().run_in_executor(None, board.close)

    announce = Announcements(audio, announced, door)

    return Starlette(
        routes=[
            Route("/v1/models", openai.models, methods=["GET"]),
            Route("/v1/audio/transcriptions", openai.transcriptions, methods=["POST"]),
            Route("/api/media/{uuid}", announce.__call__, methods=["PUT"]),
            WebSocketRoute("/{path:path}", sockets.__call__),
        ],
        lifespan=lifespan,
    )


async def _tick(board: Board) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        board.tick()


class _Impatient(H11Protocol):
    """Ends connections that do not say what they want, and those beyond a sane number."""

    most = 4_000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.close()
            return
        self.loop.call_later(_REQUEST_S, self._too_slow)

    def _too_slow(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()


def server(served: Starlette, sources: Sources) -> Server:
    """uvicorn, with the certificate of the sources."""
    return Server(
        uvicorn.Config(
            served,
            http=_Impatient,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_max_size=max(source.message_bytes for source in sources),
            ws_ping_interval=20,
            ws_ping_timeout=20,
            ssl_certfile=sources.certificate,
            ssl_keyfile=sources.key,
            timeout_graceful_shutdown=3,
        )
    )


@contextmanager
def serving(board: Board, loaded: Engine, sources: Sources, ports: Ports) -> Iterator[None]:
    """The ports are served on a thread until the block ends; then every call ends."""
    running = server(app(board, loaded, sources, ports), sources)
    spoken = language()

    def run() -> None:
        use_language(spoken)
        running.run([ports.common])

    thread = threading.Thread(target=run, name="ingest", daemon=True)
    thread.start()
    try:
        yield
    finally:
        running.should_exit = True
        thread.join()


@dataclass(frozen=True, slots=True)
class Ingest:
    """What `monitor serve --ingest` is told."""

    sources: Sources
    ports: Ports
    limits: Limits
    packs: Sequence[str]
    asr: str | None = None
    confirm: str | None = None


def beside(wanted: Ingest) -> Callable[[FastAPI], AbstractContextManager[None]]:
    """What `create_app` is to run while the server runs."""

    @contextmanager
    def running(main: FastAPI) -> Iterator[None]:
        stop = threading.Event()
        spoken = language()

        def work() -> None:
            use_language(spoken)
            try:
                _work(main, wanted, stop)
            except UserError as error:
                _log.error("%s", error)

        thread = threading.Thread(target=work, name="ingest-load", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            wanted.ports.close()

    return running


def _work(main: FastAPI, wanted: Ingest, stop: threading.Event) -> None:
    loaded = engine.load(wanted.asr, wanted.packs, live=True)
    second: Second | None = None
    if wanted.confirm is not None:
        second = engine.load_second(wanted.confirm, loaded)
    outlets.adopt(main.state.store)
    with shared_decoder(loaded.recognizer), shared_acoustic(loaded.recognizer):
        board = Board(loaded, outlets.into(main), wanted.limits, second)
        with serving(board, loaded, wanted.sources, wanted.ports):
            stop.wait()


def log_to_terminal() -> None:
    """Show what happens at these ports, one line each."""
    if not _log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)


def described(source: Source) -> str:
    """Where a source's audio is taken, for the terminal."""
    if source.protocol == "openai":
        return "/v1/audio/transcriptions"
    return f"tcp {source.port}" if source.port is not None else source.path
