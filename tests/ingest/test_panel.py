"""A call that comes in is in the agent's panel and in the store; nobody has done anything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select
from websockets.sync.client import connect

from monitor.audio.record import Recorder
from monitor.call.engine import Engine
from monitor.events import CallInfo, Chunk, Party
from monitor.ingest.live_board import Board, Limits
from monitor.ingest.sources import Source, Sources
from monitor.store import Store, write
from monitor.store.schema import Audio, Call
from monitor.web import users
from monitor.web.app import create_app
from monitor.web.roles import Role
from monitor.web.server import in_thread, listening
from monitor.web.settings import WebSettings
from monitor.web.telephony import outlets
from monitor.web.telephony.server import bind, serving
from tests.ingest.conftest import lines, telephone


@pytest.fixture
def running(store: Store, scripted: Engine) -> Iterator[tuple[int, int, str]]:
    """The server's port, that of the telephone systems, and the token of agent 1001."""
    with store.session() as session:
        user = users.add_hashed(session, "li", Role.AGENT, "", agent="1001")
        token = users.new_token(session, user, "tests")[1]
    app = create_app(WebSettings(store, "s" * 40))
    sources = Sources(
        (Source(name="pbx", protocol="stream", paced=False, record=True, agents={"8001": "1001"}),)
    )
    ports = bind("127.0.0.1", 0, sources)
    with listening("127.0.0.1", 0) as bound, in_thread(app, bound):
        board = Board(scripted, outlets.into(app), Limits(3))
        with serving(board, scripted, sources, ports):
            yield bound.getsockname()[1], ports.common.getsockname()[1], token
    ports.close()


def test_the_agent_sees_the_call(
    running: tuple[int, int, str], store: Store, sound: dict[Party, np.ndarray]
) -> None:
    web, pbx, token = running
    headers = {"Authorization": f"Bearer {token}"}
    panel = connect(
        f"ws://127.0.0.1:{web}/ws/calls/current", additional_headers=headers, proxy=None
    )
    with panel as page, connect(f"ws://127.0.0.1:{pbx}/", proxy=None) as freeswitch:
        freeswitch.send(json.dumps({"call": "fs-7", "agent": "8001", "direction": "inbound"}))
        freeswitch.send(telephone(sound[Party.AGENT]).tobytes())
        seen = ""
        while lines(Party.AGENT)[:8] not in seen:
            seen += "".join(token_texts(json.loads(page.recv(30))))
    with store.reading() as session:
        until = time.monotonic() + 20
        while (call := session.scalar(select(Call))) is None or call.status == "live":
            assert time.monotonic() < until
            time.sleep(0.05)
            session.rollback()
        assert (call.agent, call.direction, call.status) == ("1001", "inbound", "complete")
        assert call.facts["call_key"] == "fs-7"
        while (kept := session.scalar(select(Audio))) is None:
            assert time.monotonic() < until
            time.sleep(0.05)
            session.rollback()
        assert abs(kept.duration_ms - len(sound[Party.AGENT]) // 16) < 5
    assert list(outlets.folder(store).iterdir()) == []


def test_audio_that_a_killed_server_left_is_given_to_its_call(store: Store) -> None:
    where = outlets.folder(store)
    where.mkdir(parents=True)
    samples = np.zeros(16_000, np.float32)
    for name in ("ingest-known", "ingest-deleted"):
        with Recorder(where / f"{name}.wav", (Party.AGENT,)) as recorder:
            recorder.write(Chunk(Party.AGENT, 0, samples))
    info = CallInfo("x", "x", (Party.AGENT,))
    with store.session() as session:
        number = write.begin_call(session, "ingest-known", info, None, None)
    outlets.adopt(store)
    with store.reading() as session:
        assert session.get_one(Call, number).audio_digest is not None
    assert list(where.iterdir()) == []


def token_texts(value: object) -> list[str]:
    """The texts of all tokens anywhere in a message."""
    if isinstance(value, list):
        return [text for item in value for text in token_texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if value.get("event") == "token" else []
    return own + [text for item in value.values() for text in token_texts(item)]
