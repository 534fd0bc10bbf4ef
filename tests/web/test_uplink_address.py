"""What is found out about the server before a call begins."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor import cli
from monitor.base.errors import UserError
from monitor.call import engine
from monitor.call.uplink.address import check, socket_url
from monitor.web.server import listening


@contextmanager
def _answering(line: str) -> Iterator[int]:
    """Some other web server, which answers one request with this line."""

    def answer(listener: socket.socket) -> None:
        near, _ = listener.accept()
        with near:
            near.recv(65_536)
            near.sendall(f"{line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://box:8765", "ws://box:8765/ws/ingest"),
        ("https://qa.example.cn/", "wss://qa.example.cn/ws/ingest"),
    ],
)
def test_the_address_of_the_server(url: str, expected: str) -> None:
    assert socket_url(url) == expected


@pytest.mark.parametrize(
    "url",
    ["qa.example.cn", "ftp://x", "https://x/path", "http://", "", "http://[::1", "http://x:99999"],
)
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(UserError, match="--to"):
        socket_url(url)


def test_before_the_call_the_server_is_asked_whether_it_takes_it(
    address: tuple[str, int], tokens: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{address[1]}"
    assert check(url, tokens["agent"]) is None
    assert check(url, tokens["supervisor"]) is None
    for wrong in ("cmt_wrong", tokens["trainer"]):
        with pytest.raises(UserError, match="令牌"):
            check(url, wrong)


def test_a_server_that_is_away_does_not_keep_a_call_from_beginning() -> None:
    with listening("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    assert check(f"http://127.0.0.1:{port}", "token")  # why, in words


def test_another_server_at_the_address_is_said_so() -> None:
    with _answering("HTTP/1.1 404 Not Found") as port, pytest.raises(UserError, match="404"):
        check(f"http://127.0.0.1:{port}", "token")
    with _answering("HTTP/1.1 502 Bad Gateway") as port:  # a proxy whose server is away
        assert check(f"http://127.0.0.1:{port}", "token") == "HTTP 502"


@pytest.mark.parametrize("wrong", ["token", "address"])
def test_listening_ends_at_once_where_nothing_would_be_sent(
    address: tuple[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: str,
) -> None:
    def load(*_asked: object, **_more: object) -> None:
        pytest.fail("the engine was loaded first")

    monkeypatch.setattr(engine, "load", load)
    url = f"http://127.0.0.1:{address[1]}" if wrong == "token" else "http://[::1"
    with pytest.raises(SystemExit) as ended:
        cli.main(["listen", "--to", url, "--token", "cmt_wrong"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--to {url}" in line
