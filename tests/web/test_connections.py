"""Connections that say nothing, or little: they end, and shut nobody out."""

from __future__ import annotations

import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi import FastAPI

from monitor.web import connections
from monitor.web.server import in_thread, listening
from tests.web.conftest import Browser


@pytest.fixture
def port(app: FastAPI) -> Iterator[int]:
    with listening("127.0.0.1", 0) as bound, in_thread(app, bound):
        yield bound.getsockname()[1]


def _well(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        return bool(answer.read() == b"ok")


@pytest.mark.parametrize("said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_half_open_connections_shut_nobody_out(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_WAITING", 20)
    with ExitStack() as stack:
        for _ in range(120):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(said)
        assert _well(port)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
def test_a_request_that_does_not_get_on_is_ended(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    monkeypatch.setattr(connections, "STALL_S", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        one.sendall(said)
        try:
            while one.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert _well(port)


def test_a_body_that_comes_slowly_but_comes_is_read(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "STALL_S", 0.2)
    monkeypatch.setattr(connections, "STALL_BYTES", 1)
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    head += b"Content-Length: 6\r\nConnection: close\r\n"
    kind = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    pause = threading.Event()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        one.sendall(head + kind)
        for byte in (b"n", b"a", b"m", b"e", b"=", b"x"):
            pause.wait(0.1)
            one.sendall(byte)
        answer = one.recv(100)
    assert answer.startswith(b"HTTP/1.1 401")


def test_the_same_complaint_is_logged_seldom() -> None:
    now = 0.0
    seldom = connections.Seldom(lambda: now)
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "out of files\nfd 7", (), None)
    assert sum(seldom.filter(record) for _ in range(100_000)) == connections.LOGGED
    now = connections.LOGGED_S
    assert seldom.filter(record)


@pytest.mark.parametrize(
    "kind",
    [
        "Multipart/form-data; boundary=x",
        "MULTIPART/FORM-DATA;boundary=x",
        " multipart/form-data ;boundary=x",
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
    ],
)
def test_a_form_is_a_form_in_any_capitals(browser: Browser, kind: str) -> None:
    """Nobody who has not signed in sends a large one, wherever recordings may be sent."""
    big = b"--x\r\n" + b"a" * (3 * 1024 * 1024)
    answer = browser.post("/imports", content=big, headers={"Content-Type": kind})
    assert answer.status_code == 413
