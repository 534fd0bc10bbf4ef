"""The lines themselves: TLS, peers that say nothing, many calls at once."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from monitor.base.errors import UserError
from monitor.ingest.patience import Patience
from monitor.ingest.sources import Source, Sources
from monitor.web.telephony import audiosocket, server, sockets
from monitor.web.telephony.server import bind
from tests.ingest.conftest import Open, served

LOCAL: dict[str, Any] = {"proxy": None, "close_timeout": 2}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience with peers that say nothing is short."""
    monkeypatch.setattr(server, "_REQUEST_S", 0.3)
    monkeypatch.setattr(audiosocket, "_GREETING_S", 0.3)
    monkeypatch.setattr(sockets, "GREETING_S", 0.3)


@pytest.mark.usefixtures("silent")
def test_who_says_nothing_is_not_kept_waiting_for(site: Open) -> None:
    here = site(
        Source(name="fs", protocol="stream"), Source(name="as", protocol="audiosocket", port=0)
    )
    for port in (here.port, here.audiosocket):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.settimeout(20)
            peer.sendall(b"\x01" if port == here.audiosocket else b"GET / HT")
            while peer.recv(1000):
                pass
    with connect(here.ws, **LOCAL) as peer, pytest.raises(Exception, match="1001"):
        peer.recv(20)


@pytest.mark.usefixtures("silent")
def test_a_call_that_is_quiet_stays(site: Open) -> None:
    """Paused, it sends nothing at all: it is no peer that has nothing to say."""
    here = site(Source(name="fs", protocol="stream"))
    with connect(here.ws, **LOCAL) as peer:
        peer.send(json.dumps({"call": "quiet"}))
        here.rack.call(over=False)
        with pytest.raises(TimeoutError):
            peer.recv(1.5)
        peer.send(bytes(320))


def certificate(folder: Path) -> tuple[Path, Path]:
    made = folder / "qa.pem", folder / "qa.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    more = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run([*command.split(), *more, *out], check=True, capture_output=True)
    return made


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_tls(scripted: Any, tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    sources = Sources((Source(name="fs", protocol="stream"),), pem, key)
    trust = ssl.create_default_context(cafile=str(pem))
    with served(scripted, sources, 2, Patience()) as here:
        url = f"wss://127.0.0.1:{here.port}"
        with connect(url, ssl=trust, **LOCAL) as peer:
            peer.send(json.dumps({"call": "secret"}))
            here.rack.call(over=False)
    assert here.rack.calls[0].over.is_set()


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    pem = tmp_path / "qa.pem"
    pem.write_text("no certificate", "ascii")
    sources = Sources((Source(name="fs", protocol="stream"),), pem, pem)
    with pytest.raises(UserError, match=r"qa\.pem.*TLS"):
        bind("127.0.0.1", 0, sources)


def test_many_calls_begin_at_once(site: Open) -> None:
    here = site(Source(name="fs", protocol="stream"), calls=60)
    with ExitStack() as lines:
        for number in range(60):
            peer = lines.enter_context(connect(here.ws, **LOCAL))
            peer.send(json.dumps({"call": f"c{number}"}))
            peer.send(bytes(320))
        begun = {here.rack.call(number, over=False).key for number in range(60)}
    assert len(begun) == 60
    for number in range(60):
        assert here.rack.call(number).end.duration_ms == 20
