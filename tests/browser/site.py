"""A real server over a store of its own, on a free port, in a thread of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select

from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.store import Store, open_store, write
from monitor.store.packs import texts_of
from monitor.store.schema import User
from monitor.testing import fixtures
from monitor.web import server, users
from monitor.web.app import create_app
from monitor.web.demo.calls import Appearance, appear, hear
from monitor.web.feed import LocalFeed
from monitor.web.hub import LiveCall
from monitor.web.passwords import Passwords
from monitor.web.roles import Role
from monitor.web.settings import WebSettings
from tests.browser.slow import Late

PASSWORD = "seven calls a day"

PEOPLE: dict[str, tuple[Role, str]] = {
    "wang": (Role.AGENT, "王敏"),
    "li": (Role.AGENT, "李强"),
    "qa": (Role.QA, "赵质检"),
    "qa2": (Role.QA, "钱质检"),
    "trainer": (Role.TRAINER, "孙培训"),
    "supervisor": (Role.SUPERVISOR, "周主管"),
    "admin": (Role.ADMIN, "吴管理"),
}
"""Sign-in name → role and shown name; agents' calls carry their sign-in name."""


@dataclass(slots=True)
class Site:
    """The running server. `tokens`: sign-in name → an API token of that user."""

    url: str
    store: Store
    app: FastAPI
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, agent: str) -> LocalFeed:
        """A sink for a call that begins now; `agent` is a sign-in name of an agent."""
        with self.store.reading() as session:
            owner = session.scalars(select(User).where(User.name == agent)).one()
            intake, loop = self.app.state.intake, self.app.state.loop
            return LocalFeed(intake, loop, f"{agent}-{uuid4()}", owner.id, owner.agent)

    def running(self, feed: LocalFeed) -> LiveCall:
        """The server's own picture of a call that has begun."""
        call = self.app.state.hub.get(feed.call_id)
        assert isinstance(call, LiveCall)
        return call


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """Serve a fresh store in `folder` with everybody in `PEOPLE`, until the block ends."""
    # The cheapest parameters argon2 takes: these passwords protect nothing.
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with open_store(folder) as store, server.listening("127.0.0.1", 0) as bound:
        app = create_app(WebSettings(store, secret="x" * 32), passwords)
        app.add_middleware(Late)
        site = Site(f"http://127.0.0.1:{bound.getsockname()[1]}", store, app)
        with store.session() as session:
            for name, (role, display) in PEOPLE.items():
                user = users.add(session, passwords, name, role, PASSWORD, display=display)
                site.tokens[name] = users.new_token(session, user, "tests")[1]
        with server.in_thread(app, bound):
            yield site


def furnish(site: Site, loaded: Engine) -> list[int]:
    """Past calls of the agents, scored from bundled recordings; returns their ids."""
    packs = texts_of(loaded.rulebook)
    kept = []
    for number, name in enumerate(("demo", "missing-greeting", "noise-only")):
        for agent in ("wang", "li"):
            began = datetime(2026, 3, 2 + number, 10, 0, tzinfo=UTC).isoformat()
            known = CallFacts(began, "inbound", (("agent", agent), ("queue", "宽带报障")))
            item = Appearance(f"past-{name}-{agent}", fixtures.load(name), known)
            if agent == "wang":
                heard = hear(loaded, item)
            judged = appear(loaded, heard, item)
            with site.store.session() as session:
                audio = item.fixture.audio
                kept.append(
                    write.save_call(session, judged, key=item.key, audio=audio, packs=packs)
                )
    return kept


def wait_until(
    true: Callable[[], bool], what: str, meanwhile: Callable[[], object] | None = None
) -> None:
    """Wait for a condition of another thread; far longer than it takes, so only a fault fails."""
    until = time.monotonic() + 120
    while not true():
        assert time.monotonic() < until, f"waited in vain until {what}"
        meanwhile() if meanwhile else time.sleep(0.02)
