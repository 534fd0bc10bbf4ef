"""Running the application: its socket, its thread, its secret. The edge to uvicorn."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from monitor.base import private
from monitor.base.errors import UserError
from monitor.base.i18n import language, tr, use_language
from monitor.web import connections

if TYPE_CHECKING:
    from fastapi import FastAPI

MESSAGE_BYTES = 1024 * 1024
"""The largest WebSocket message that is taken."""

_GRACE_S = 3


class Server(uvicorn.Server):
    """uvicorn, ended by the first Ctrl-C or SIGTERM without a traceback."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        UserError: the address is not this machine's, or the port is in use.
    """
    made: socket.socket | None = None
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, socket.SOCK_STREAM)
        if os.name != "nt":  # on Windows it would share the port with others
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError as error:
        if made is not None:
            made.close()
        raise UserError(
            tr(
                f"不能在 {host} 端口 {port} 上提供服务：{error.strerror}。"
                "请换一个 --host 或 --port",
                f"cannot listen on {host} port {port}: {error.strerror};"
                " choose another --host or --port",
            )
        ) from error
    return made


def server(app: FastAPI, behind_proxy: bool = False) -> Server:
    """uvicorn for the application. A proxy on this machine may say whom it speaks for."""
    connections.log_seldom()
    connections.allow_files()
    return Server(
        uvicorn.Config(
            app,
            http=connections.protocol(),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=behind_proxy,
            forwarded_allow_ips="127.0.0.1,::1",
            ws_max_size=MESSAGE_BYTES,
            ws_ping_interval=20,
            ws_ping_timeout=20,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


@contextmanager
def in_thread(app: FastAPI, bound: socket.socket) -> Iterator[None]:
    """The application on a thread of its own, from when it answers until the block ends.

    Raises:
        UserError: it did not start.
    """
    running = server(app)
    spoken = language()

    def run() -> None:
        use_language(spoken)
        running.run([bound])
        started.set()

    started = threading.Event()
    startup = running.startup

    async def noted(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    running.startup = noted  # type: ignore[method-assign]
    thread = threading.Thread(target=run, name="web", daemon=True)
    thread.start()
    started.wait()
    if not running.started:
        raise UserError(tr("服务没有启动成功", "the server did not start"))
    try:
        yield
    finally:
        running.should_exit = True
        thread.join()


def secret(folder: Path) -> str:
    """What signs the sessions: `MONITOR_SECRET`, else a file that is made at the first start.

    Raises:
        UserError: too short, or the file cannot be read or written.
    """
    given = os.environ.get("MONITOR_SECRET")
    if given is not None:
        if len(given) < 32:
            raise UserError(
                tr("MONITOR_SECRET 至少要 32 个字符", "MONITOR_SECRET: at least 32 characters")
            )
        return given
    file = folder / "session.key"
    try:
        private.make_folder(folder)
        try:
            made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = file.read_text("ascii").strip()
        else:
            kept = secrets.token_urlsafe(48)
            with open(made, "w", encoding="ascii") as writer:  # noqa: PTH123 - a descriptor
                writer.write(kept + "\n")
    except (OSError, ValueError) as error:
        raise UserError(
            tr(f"{file}：无法读写：{error}", f"{file}: cannot be read or written: {error}")
        ) from error
    if len(kept) < 32:
        raise UserError(
            tr(f"{file}：内容不完整，请删除后重试", f"{file}: incomplete; delete it and try again")
        )
    return kept
