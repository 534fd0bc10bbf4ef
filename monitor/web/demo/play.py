"""Live calls of a demonstration: bundled recordings at the speed they were spoken, for ever."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from monitor.audio import file as audio_file
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.base.i18n import language, use_language
from monitor.call import engine, live
from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.call.live_shared_decoder import shared_decoder
from monitor.rules.scorecard import scorecard
from monitor.store import write
from monitor.store.schema import Call, User
from monitor.testing import fixtures
from monitor.web.demo import calls, people
from monitor.web.feed import LocalFeed

if TYPE_CHECKING:
    from fastapi import FastAPI

STAGES = (
    (people.AGENT, ("demo", "forbidden-phrases", "compliant")),
    ("1002", ("overlap", "customer-says-it", "long-silence")),
    ("1003", ("compliant", "missing-greeting", "pause-in-phrase")),
)
"""Agents who are always in a call, and what they play in turn."""

PAUSE_S = 4.0
KEPT = 8
"""Live calls that stay in the store; older ones make room."""

_PREFIX = "demo-live-"
_log = logging.getLogger(__name__)


def beside(
    packs: Sequence[str], asr: str | None
) -> Callable[[FastAPI], AbstractContextManager[None]]:
    """What `create_app` is to run while the server runs."""

    @contextmanager
    def running(app: FastAPI) -> Iterator[None]:
        stop = threading.Event()
        spoken = language()

        def work() -> None:
            use_language(spoken)
            _direct(app, packs, asr, stop)

        thread = threading.Thread(target=work, name="demo", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    return running


def _direct(app: FastAPI, packs: Sequence[str], asr: str | None, stop: threading.Event) -> None:
    """Load once, begin the live calls, then fill the table of past ones."""
    try:
        loaded = engine.load(asr, packs, live=True)
    except UserError as error:
        _log.error("%s", error)
        return
    spoken = language()

    def act(agent: str, names: Sequence[str]) -> None:
        use_language(spoken)
        _act(app, loaded, agent, names, stop)

    actors = [
        threading.Thread(target=act, args=stage, name=f"demo-{stage[0]}", daemon=True)
        for stage in STAGES
    ]
    with shared_decoder(loaded.recognizer):
        for actor in actors:
            actor.start()
        today = datetime.now().astimezone()
        calls.fill(app.state.store, loaded, today, stop.is_set)
        for actor in actors:
            actor.join()


def _act(
    app: FastAPI, loaded: Engine, agent: str, names: Sequence[str], stop: threading.Event
) -> None:
    known = {fixture.name: fixture for fixture in fixtures.load_all()}
    turn = 0
    while not stop.is_set():
        fixture = known[names[turn % len(names)]]
        turn += 1
        parties = audio_file.parties(fixture.audio, None)
        facts = CallFacts(
            datetime.now().astimezone().isoformat(timespec="seconds"),
            "inbound",
            (("agent", agent), ("queue", calls.QUEUES[turn % len(calls.QUEUES)])),
        )
        call = loaded.call(fixture.audio.name, parties, facts)
        feed = LocalFeed(
            app.state.intake,
            app.state.loop,
            _PREFIX + secrets.token_hex(8),
            _owner(app, agent),
            agent,
        )
        record = CallRecord()
        chunks = live.paced(audio_file.read_call(fixture.audio, parties))
        live.play(call, chunks, [record, feed], stop.is_set)
        feed.finish(scorecard(loaded.rulebook, record.alerts, record.scripts))
        _make_room(app)
        stop.wait(PAUSE_S)


def _owner(app: FastAPI, agent: str) -> int | None:
    with app.state.store.reading() as session:
        found: int | None = session.scalar(select(User.id).where(User.agent == agent))
        return found


def _make_room(app: FastAPI) -> None:
    with app.state.store.session() as session:
        played = select(Call.id).where(Call.key.startswith(_PREFIX), Call.status != "live")
        for call_id in session.scalars(played.order_by(Call.id.desc()).offset(KEPT)).all():
            write.delete_call(session, call_id)
