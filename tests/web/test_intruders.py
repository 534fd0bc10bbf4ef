"""Nobody gets what is not theirs: sessions, tokens, guesses, files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from starlette.websockets import WebSocketDisconnect

from monitor.audio import playable
from monitor.base.errors import UserError
from monitor.cli import destinations
from monitor.store import Store, open_store, write
from monitor.store.schema import ApiToken, Call, User
from monitor.testing import fixtures
from monitor.web import accounts, sockets, users
from monitor.web.app import SESSION_COOKIE, create_app
from monitor.web.limits import RateLimit
from monitor.web.passwords import Passwords
from monitor.web.roles import Role
from monitor.web.scopes import Scope
from monitor.web.settings import WebSettings
from tests.web.conftest import PASSWORD, SECRET, Browser
from tests.web.desk import Desk, events_of_a_call

SignedIn = Callable[[str], Browser]
Bearer = Callable[[str], dict[str, str]]


# -- sessions ----------------------------------------------------------------


def test_a_cookie_of_one_store_is_worth_nothing_in_another(
    signed_in: SignedIn, tmp_path: Path, passwords: Passwords
) -> None:
    """Both have the same secret: two stores in one folder, or one MONITOR_SECRET for all."""
    ours = signed_in("agent")
    with open_store(tmp_path / "beside.db") as other:
        with other.session() as session:
            users.add(session, passwords, "boss", Role.ADMIN, PASSWORD)
            for name in ("b", "c", "d", "e", "f"):
                users.add(session, passwords, name, Role.ADMIN, PASSWORD)
        with Browser(create_app(WebSettings(other, SECRET), passwords)) as intruder:
            intruder.cookies.set(SESSION_COOKIE, ours.cookies[SESSION_COOKIE])
            assert intruder.get("/api/me").status_code == 401


def test_a_copied_cookie_ends_with_the_session(signed_in: SignedIn, app: FastAPI) -> None:
    ours, copy = signed_in("qa"), Browser(app)
    copy.cookies.set(SESSION_COOKIE, ours.cookies[SESSION_COOKIE])
    assert copy.get("/api/me").status_code == 200
    ours.submit("/logout")
    assert copy.get("/api/me").status_code == 401
    assert signed_in("qa").get("/api/me").status_code == 200


# -- tokens ------------------------------------------------------------------


@pytest.mark.parametrize("who", ["themselves", "the administrator", "the command line"])
def test_a_new_password_ends_the_tokens(
    signed_in: SignedIn, browser: Browser, bearer: Bearer, store: Store, who: str
) -> None:
    assert browser.get("/api/me", headers=bearer("qa")).status_code == 200
    new = "another long password"
    if who == "themselves":
        signed_in("qa").submit("/account/password", old=PASSWORD, password=new, again=new)
    else:
        with store.session() as session:
            user = users.find(session, "qa")
            users.set_password(Passwords(), user, new)
    assert browser.get("/api/me", headers=bearer("qa")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/account/tokens"),
        ("GET", "/account"),
        ("POST", "/account/password"),
        ("GET", "/admin/users"),
        ("POST", "/admin/users"),
        ("GET", "/admin/audit"),
        ("POST", "/settings"),
    ],
)
def test_a_token_makes_no_tokens_and_no_users(
    browser: Browser, bearer: Bearer, store: Store, method: str, path: str
) -> None:
    with store.reading() as session:
        before = len(session.scalars(select(ApiToken)).all())
    data = {"label": "x", "name": "evil", "role": "admin", "password": "a long password"}
    browser.request(
        method, path, headers=bearer("admin"), data=data if method == "POST" else None,
        follow_redirects=False,
    )  # fmt: skip
    answer = browser.get(path, headers={**bearer("admin"), "Accept": "application/json"})
    assert answer.status_code in (401, 405)
    with store.reading() as session:
        assert len(session.scalars(select(ApiToken)).all()) == before
        assert session.scalar(select(User).where(User.name == "evil")) is None


def _made(store: Store, scope: Scope, days: int = 1) -> dict[str, str]:
    with store.session() as session:
        user = users.find(session, "admin")
        secret = users.new_token(session, user, "tests", scope, days)[1]
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_does_what_it_is_for(browser: Browser, store: Store) -> None:
    send, read = _made(store, Scope.SEND), _made(store, Scope.READ)
    assert browser.get("/api/calls", headers=send).status_code == 401
    assert browser.get("/api/calls", headers=read).status_code == 200
    thumb = browser.post("/api/calls/1/alerts/x/thumb", headers=read, json={"value": 1})
    assert thumb.status_code == 401
    with browser.socket("/ws/ingest", headers=send) as socket:
        assert Desk(socket).hello(events_of_a_call()[0])["type"] == "ready"
    with pytest.raises(WebSocketDisconnect), browser.socket("/ws/ingest", headers=read):
        pass
    with pytest.raises(WebSocketDisconnect), browser.socket("/ws/wall", headers=send):
        pass


def test_a_token_runs_out(browser: Browser, store: Store) -> None:
    lasting, over = _made(store, Scope.READ, days=0), _made(store, Scope.READ)
    with store.session() as session:
        later = update(ApiToken).where(ApiToken.expires_at.is_not(None), ApiToken.scope == "read")
        session.execute(later.values(expires_at=ApiToken.created_at))
    assert browser.get("/api/me", headers=over).status_code == 401
    assert browser.get("/api/me", headers=lasting).status_code == 200


def test_a_renamed_agent_gets_the_old_names_calls_no_longer(
    signed_in: SignedIn, desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "CHECK_S", 0.05)
    desk.hello(events_of_a_call()[0])
    with signed_in("agent").socket("/ws/calls/current") as panel:
        assert panel.receive_json()["type"] == "snapshot"
        with store.session() as session:
            session.execute(update(User).where(User.name == "agent").values(agent="new"))
        closed = {"type": "websocket.close", "code": 1008}
        assert closed.items() <= _last(panel).items()


def _last(socket: Any) -> dict[str, Any]:
    """What ends a socket, after whatever it still had to say."""
    while True:
        message: dict[str, Any] = socket.receive()
        if message["type"] == "websocket.close":
            return message


# -- guessing ----------------------------------------------------------------


def test_blanks_and_capitals_give_no_further_guesses(browser: Browser) -> None:
    names = ["qa", " qa", "qa\t", "QA", " Qa ", "\u3000qa", "ｑａ"]
    answers = [browser.sign_in(name, "guess").status_code for name in names]
    assert answers == [401] * 5 + [429] * 2


def test_a_colleague_who_guesses_shuts_nobody_out(app: FastAPI, browser: Browser) -> None:
    """Who has signed in from a browser before may do so again, whoever shares the address."""
    app.state.address_limit = RateLimit(times=8, window_s=300)
    assert browser.sign_in("qa").status_code == 200
    browser.submit("/logout")
    colleague = Browser(app)
    for number in range(12):
        colleague.sign_in("qa" if number % 2 else f"name{number}", "guess")
    assert colleague.sign_in("trainer").status_code == 429
    assert browser.sign_in("qa").status_code == 200


def test_a_device_that_is_known_has_five_guesses_too(browser: Browser) -> None:
    browser.sign_in("qa")
    browser.submit("/logout")
    answers = [browser.sign_in("qa", "guess").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_one_network_of_ipv6_is_one_place() -> None:
    assert accounts._network("2001:db8::1") == accounts._network("2001:db8::ffff:1")
    assert accounts._network("2001:db8::1") != accounts._network("2001:db8:1::1")
    assert accounts._network("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    "kind", ["Basic cWE6cWE=", "basic x", "Digest x", "Bearerx", "Negotiate x"]
)
def test_what_browsers_add_by_themselves_excuses_from_nothing(
    signed_in: SignedIn, kind: str
) -> None:
    page = signed_in("qa")
    headers = {"Authorization": kind, "Origin": "https://elsewhere.example"}
    assert page.post("/settings", data={"lang": "en"}, headers=headers).status_code == 403


# -- the machine -------------------------------------------------------------


@contextmanager
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_nobody_else_on_the_machine_reads_the_store(tmp_path: Path) -> None:
    with _no_umask():
        with open_store(tmp_path / "new" / "store") as store:
            kept = store.put_audio(fixtures.load("last-word").audio)
            with store.session() as session:
                call = session.get_one(Call, write.begin_call(session, "key-of-a-call"))
                write.keep_audio(session, call, kept)
            playable.prepare(store.audio_path(kept.digest, kept.suffix))
            found = list((tmp_path / "new").rglob("*"))
        assert any(path.suffix == ".peaks" for path in found)
        assert any(path.suffix == ".db" for path in found)
        open_ = [path for path in found if path.exists() and path.stat().st_mode & 0o077]
        assert open_ == []
        database = tmp_path / "new" / "store" / "monitor.db"
        database.chmod(0o644)  # as an earlier version left it
        open_store(tmp_path / "new" / "store").close()
        assert database.stat().st_mode & 0o077 == 0


_SHOWS = """
import sys, time
from monitor.cli.destinations import token
print(token("https://x", sys.argv[2], None), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux shows processes")
def test_a_token_on_the_command_line_is_not_in_the_list_of_processes() -> None:
    secret = "cmt_this-is-a-secret"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", _SHOWS, "--token", secret],
        stdout=subprocess.PIPE, text=True, env=surroundings,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().strip() == secret
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
    assert secret.encode() not in shown
    assert b"--token" in shown


def test_a_token_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONITOR_TOKEN", raising=False)
    monkeypatch.delenv("MONITOR_TOKEN_FILE", raising=False)
    file = tmp_path / "token"
    file.write_text("cmt_one\n")
    assert destinations.token("https://x", None, file) == "cmt_one"
    with pytest.raises(UserError, match="MONITOR_TOKEN"):
        destinations.token("https://x", None, None)
    monkeypatch.setenv("MONITOR_TOKEN_FILE", str(file))
    assert destinations.token("https://x", None, None) == "cmt_one"
    file.write_bytes(b"\xff")
    with pytest.raises(UserError, match="token"):
        destinations.token("https://x", None, file)
