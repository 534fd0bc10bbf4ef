"""A server over a new store with a user of every role, and browsers that are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from monitor.store import Store
from monitor.store.schema import User
from monitor.web import users
from monitor.web.app import create_app
from monitor.web.passwords import Passwords
from monitor.web.roles import Role
from monitor.web.server import in_thread, listening
from monitor.web.settings import WebSettings
from tests.web.desk import Desk

PASSWORD = "seven calls a day"
SECRET = "s" * 40


class Browser(TestClient):
    """A browser at http://localhost that follows redirects and says where its requests are from."""

    def __init__(self, app: FastAPI, address: str = "127.0.0.1") -> None:
        super().__init__(app, base_url="http://localhost", client=(address, 50_000))
        self.headers["Origin"] = "http://localhost"

    def submit(self, path: str, **fields: Any) -> Any:
        """Send a form as the pages do."""
        return self.post(path, data=fields)

    def sign_in(self, name: str, password: str = PASSWORD, to: str = "/account") -> Any:
        return self.submit("/login", name=name, password=password, next=to)

    def socket(self, path: str, **more: Any) -> Any:
        """A WebSocket of this browser."""
        return self.websocket_connect(f"ws://localhost{path}", **more)


@pytest.fixture
def passwords() -> Passwords:
    """The cheapest that argon2 does: these passwords protect nothing."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def settings(store: Store) -> WebSettings:
    return WebSettings(store, SECRET, lost_after_s=0.3)


@pytest.fixture
def tokens(store: Store, passwords: Passwords) -> dict[str, str]:
    """API tokens by user: one per role under the role's name, and `other`, a second agent."""
    people = {role.value: role for role in Role} | {"other": Role.AGENT}
    made = {}
    with store.session() as session:
        for name, role in people.items():
            user = users.add(session, passwords, name, role, PASSWORD)
            made[name] = users.new_token(session, user, "tests")[1]
    return made


@pytest.fixture
def app(settings: WebSettings, passwords: Passwords, tokens: dict[str, str]) -> FastAPI:
    return create_app(settings, passwords)


@pytest.fixture
def browser(app: FastAPI) -> Iterator[Browser]:
    """Nobody has signed in."""
    with Browser(app) as opened:
        yield opened


@pytest.fixture
def signed_in(app: FastAPI, browser: Browser) -> Callable[[str], Browser]:
    """Another browser of the same server, in which a user has signed in."""

    def enter(name: str) -> Browser:
        other = Browser(app)
        assert other.sign_in(name).status_code == 200
        return other

    return enter


@pytest.fixture
def bearer(tokens: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """The headers of a program that has a user's API token."""
    return lambda name: {"Authorization": f"Bearer {tokens[name]}"}


@pytest.fixture
def user_of(store: Store) -> Callable[[str], User]:
    def find(name: str) -> User:
        with store.reading() as session:
            return users.find(session, name)

    return find


@pytest.fixture
def another(
    settings: WebSettings, passwords: Passwords, tokens: dict[str, str]
) -> Callable[..., FastAPI]:
    """A server over the same store with other settings."""
    return lambda **changes: create_app(replace(settings, **changes), passwords)


@pytest.fixture
def address(app: FastAPI) -> Iterator[tuple[str, int]]:
    """A real server on a port of its own."""
    with listening("127.0.0.1", 0) as bound, in_thread(app, bound):
        yield bound.getsockname()[:2]


@pytest.fixture
def desk(browser: Browser, bearer: Callable[[str], dict[str, str]]) -> Iterator[Desk]:
    with browser.socket("/ws/ingest", headers=bearer("agent")) as socket:
        yield Desk(socket)
