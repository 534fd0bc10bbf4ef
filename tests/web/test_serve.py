"""`monitor serve`, `monitor users`, and the demonstration's people and calls."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import use_language
from monitor.call.engine import Engine
from monitor.store import open_store
from monitor.store.schema import Audit, Call, User
from monitor.testing import fixtures
from monitor.web import server
from monitor.web.demo import calls, people
from monitor.web.passwords import Passwords
from monitor.web.roles import Role

PASSWORD = "seven calls a day"


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def _run(*args: str, typed: str = "", monkeypatch: pytest.MonkeyPatch | None = None) -> int:
    if monkeypatch is not None:
        import io

        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(SystemExit) as ended:
        cli.main(["--lang", "en", *args])
    use_language("zh")
    return int(ended.value.code or 0)


def _add(monkeypatch: pytest.MonkeyPatch, where: str, name: str, role: str, *more: str) -> int:
    args = ["users", "add", name, "--role", role, "--password-stdin", "--store", where, *more]
    return _run(*args, typed=PASSWORD + "\n", monkeypatch=monkeypatch)


def _user(where: str, name: str) -> User:
    with open_store(where) as store, store.reading() as session:
        return session.scalars(select(User).where(User.name == name)).one()


def test_users_are_added_listed_and_changed(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _add(monkeypatch, where, "boss", "admin", "--display", "Boss") == 0
    assert _add(monkeypatch, where, "a1024", "agent") == 0
    assert _run("users", "list", "--store", where) == 0
    assert "a1024\tagent\tactive\ta1024" in capsys.readouterr().out
    assert Passwords().check(_user(where, "a1024").password, PASSWORD)
    assert _run("users", "role", "a1024", "qa", "--store", where) == 0
    assert _run("users", "disable", "a1024", "--store", where) == 0
    user = _user(where, "a1024")
    assert (user.role, user.active, user.generation) == ("qa", False, 2)
    assert _run("users", "enable", "a1024", "--store", where) == 0
    typed = "another nine words\n"
    args = ["users", "password", "a1024", "--password-stdin", "--store", where]
    assert _run(*args, typed=typed, monkeypatch=monkeypatch) == 0
    assert Passwords().check(_user(where, "a1024").password, typed.strip())
    with open_store(where) as store, store.reading() as session:
        actions = session.scalars(select(Audit.action).order_by(Audit.id)).all()
    assert actions == ["user.create"] * 2 + ["user.change"] * 3 + ["user.password"]


def test_tokens_from_the_command_line(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(monkeypatch, where, "a1024", "agent")
    capsys.readouterr()
    assert _run("users", "token", "a1024", "--label", "desk 3", "--store", where) == 0
    assert re.fullmatch(r"cmt_[\w-]{40,}\n", capsys.readouterr().out)
    assert _run("users", "tokens", "a1024", "--store", where) == 0
    listed = capsys.readouterr().out
    assert "valid" in listed
    number = listed.split("\t")[0]
    assert _run("users", "revoke", "a1024", number, "--store", where) == 0
    assert _run("users", "revoke", "a1024", number, "--store", where) == 2
    capsys.readouterr()
    assert _run("users", "tokens", "a1024", "--store", where) == 0
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["users", "add", "two words", "--role", "qa", "--password-stdin"], "blank"),
        (["users", "password", "nobody", "--password-stdin"], "no user"),
        (["users", "role", "nobody", "qa"], "no user"),
        (["users", "disable", "boss"], "administrator"),
        (["users", "role", "boss", "qa"], "administrator"),
        (["users", "add", "boss", "--role", "qa", "--password-stdin"], "already"),
        (["users", "add", "x", "--role", "qa"], "--password-stdin"),
        (["serve", "--host", "192.0.2.1", "--port", "0"], "192.0.2.1"),
        (["serve", "--public-url", "qa.example.cn"], "--public-url"),
        (["serve", "--public-url", "https://[::1"], "--public-url"),
        (["serve", "--public-url", "https://qa.example.cn:70000"], "--public-url"),
        (["serve", "--demo"], "empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_mistake_is_one_clear_line(
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    says: str,
) -> None:
    _add(monkeypatch, where, "boss", "admin")
    capsys.readouterr()
    assert _run(*args, "--store", where, typed=PASSWORD + "\n", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.startswith("error: ")
    assert said.count("\n") <= 2


def test_without_an_administrator_only_this_machine_is_served(
    where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(monkeypatch, where, "someone", "qa")
    assert _run("serve", "--host", "0.0.0.0", "--port", "0", "--store", where) == 2
    assert "administrator" in capsys.readouterr().err


def test_a_port_in_use_is_said_so() -> None:
    with server.listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=str(port)):
            server.listening("127.0.0.1", port)


def test_the_secret_is_made_once_for_the_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONITOR_SECRET", raising=False)
    made = server.secret(tmp_path / "new")
    assert len(made) > 40
    assert server.secret(tmp_path / "new") == made
    assert server.secret(tmp_path / "other") != made
    file = tmp_path / "new" / "session.key"
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("")
    with pytest.raises(UserError, match=r"session\.key"):
        server.secret(tmp_path / "new")
    monkeypatch.setenv("MONITOR_SECRET", "short")
    with pytest.raises(UserError, match="MONITOR_SECRET"):
        server.secret(tmp_path)
    monkeypatch.setenv("MONITOR_SECRET", "x" * 32)
    assert server.secret(tmp_path) == "x" * 32


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_server_starts_tells_where_and_ends_on_ctrl_c(where: str) -> None:
    command = [sys.executable, "-m", "monitor", "serve", "--port", "0", "--store", where]
    environment = {**os.environ, "MONITOR_LANG": "en", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        setup = re.search(r"http://localhost:\d+/setup\?token=\S+", "".join(lines))
        assert setup is not None, lines
        import httpx2

        page = httpx2.get(setup[0], trust_env=False, timeout=240)
        assert page.status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_demonstration_wants_a_store_of_its_own(where: str) -> None:
    with open_store(where) as store:
        first = people.prepare(store)
        again = people.prepare(store)
        assert set(first) == set(again)
        assert all(first[name] != again[name] for name in first)
        with store.reading() as session:
            users = {user.name: user for user in session.scalars(select(User))}
        assert {user.role for user in users.values()} == {role.value for role in Role}
        for name, password in again.items():
            assert Passwords().check(users[name].password, password)


def test_the_demonstrations_calls_are_judged_for_their_own_time_and_queue(
    where: str, monkeypatch: pytest.MonkeyPatch, embedded: Engine
) -> None:
    chosen = [fixture for fixture in fixtures.load_all() if fixture.name == "last-word"]
    monkeypatch.setattr(fixtures, "load_all", lambda: chosen)
    today = datetime.fromisoformat("2026-11-20T19:30:00+08:00")
    with open_store(where) as store:
        calls.fill(store, embedded, today, lambda: False)
        calls.fill(store, embedded, today, lambda: False)  # nothing twice
        with store.reading() as session:
            found = session.scalars(select(Call)).all()
    assert len(found) == calls.TIMES
    assert len({(call.agent, call.started_at) for call in found}) == calls.TIMES
    assert all(call.started_at <= today and call.score is not None for call in found)
    assert all(call.audio_digest and call.status == "complete" for call in found)
    for appearances in calls.plan(today):
        heard = calls.hear(embedded, appearances[0])
        same = calls.appear(embedded, heard, appearances[0])
        for part in ("call", "utterances", "alerts", "scripts", "score"):
            assert same[part] == heard[part], part
