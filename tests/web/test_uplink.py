"""The way from an agent's machine to the server, over a line that breaks wherever it likes."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from websockets.sync.server import ServerConnection, serve

from monitor.base.errors import UserError
from monitor.call.uplink import sender
from monitor.call.uplink.address import socket_url
from monitor.call.uplink.sender import Parcel, Uplink, deliver
from monitor.call.uplink.spool import Closing, Head, Item, Spool, left_behind
from monitor.events import CallEnd, Event, Partial, Party
from monitor.store import Store, read
from monitor.store.schema import Call
from monitor.web.server import in_thread, listening
from tests.browser import talk
from tests.web.desk import CARD


def _events(turns: int) -> list[Event]:
    events: list[Event] = [talk.info("desk", agent="agent")]
    for number in range(turns):
        events += talk.turn(Party.AGENT, "您好很高兴为您服务", number * 2000)
        events.append(talk.alert(f"a{number}", at_ms=number * 2000))
        events.append(talk.tail(Party.AGENT, "再", number * 2000 + 1900))
    events.append(CallEnd(turns * 2000))
    return events


def _numbered(events: Sequence[Event]) -> list[Any]:
    return [talk.data(event) for event in events if not isinstance(event, Partial)]


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    """Where a machine keeps what it has not delivered; empty, and with nothing else in it."""
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_BACKOFF_S", (0.01, 0.05))


class Cutter:
    """A proxy that cuts its connections after as many bytes as it draws, in either direction.

    After `most` cuts it leaves the line in peace, so that everything can arrive in the end.
    """

    def __init__(self, target: tuple[str, int], seed: int, most: int = 6) -> None:
        self.cuts = 0
        self._most = most
        self._target = target
        self._draw = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._ends: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def close(self) -> None:
        # A thread that waits in accept() is woken by a connection, not by closing the socket.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            pair = (near, far)
            self._ends += pair
            budget = [self._draw.randrange(200, 6_000)]
            self._start(self._pump, near, far, pair, budget)
            self._start(self._pump, far, near, pair, budget)

    def _pump(
        self,
        source: socket.socket,
        target: socket.socket,
        pair: Sequence[socket.socket],
        budget: list[int],
    ) -> None:
        with suppress(OSError):
            while data := source.recv(self._draw.randrange(1, 2000)):
                budget[0] -= len(data)
                if self.cuts < self._most and budget[0] < 0:
                    # In the middle of whatever was on its way.
                    target.sendall(data[: self._draw.randrange(len(data))])
                    self.cuts += 1
                    break
                target.sendall(data)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def _cutting(target: tuple[str, int], seed: int) -> Iterator[Cutter]:
    cutter = Cutter(target, seed)
    try:
        yield cutter
    finally:
        cutter.close()


class _Noting(threading.Event):
    """Waits no longer than it must, and tells how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return super().wait(0)


def _kept(store: Store) -> list[tuple[Call, list[Any]]]:
    with store.reading() as session:
        return [
            (call, [event for _seq, _now, event in read.events(session, call.id)])
            for call in session.scalars(select(Call).order_by(Call.id))
        ]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_or_repeated_however_the_line_breaks(
    address: tuple[str, int], tokens: dict[str, str], spool_folder: Path, store: Store, seed: int
) -> None:
    events = _events(25)
    draw = random.Random(seed)
    with _cutting(address, seed) as line:
        uplink = Uplink(f"http://127.0.0.1:{line.port}", tokens["agent"], spool_folder)
        rest = events
        while rest:
            count = draw.randrange(1, 9)
            uplink(rest[:count], draw.randrange(100_000))
            rest = rest[count:]
            if draw.random() < 0.2:
                threading.Event().wait(0.02)
        assert uplink.finish(CARD, wait_s=120)
        assert line.cuts > 0
    ((call, kept),) = _kept(store)
    assert kept == _numbered(events)
    assert (call.status, call.score) == ("complete", CARD.total)
    assert uplink.problems == []
    assert list((spool_folder).iterdir()) == []


def test_a_server_that_is_away_is_waited_for_and_the_next_call_brings_the_rest(
    app: FastAPI, tokens: dict[str, str], spool_folder: Path, store: Store
) -> None:
    with listening("127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        port = bound.getsockname()[1]
    early, late = _events(2), _events(3)
    first = Uplink(url, tokens["agent"], spool_folder)
    first(early, 100)
    assert not first.finish(CARD, wait_s=0.1)
    assert first.waiting == len(_numbered(early))
    assert len(list(spool_folder.iterdir())) == 1
    with listening("127.0.0.1", port) as bound, in_thread(app, bound):
        second = Uplink(url, tokens["agent"], spool_folder)
        second(late, 200)
        done = threading.Event()
        while list(spool_folder.glob("*.jsonl"))[1:]:  # until the old one has gone
            done.wait(0.02)
        assert second.finish(CARD, wait_s=120)
    kept = sorted(_kept(store), key=lambda item: len(item[1]))
    assert [events for _, events in kept] == [_numbered(early), _numbered(late)]
    assert [call.status for call, _ in kept] == ["complete", "complete"]
    assert [call.score for call, _ in kept] == [CARD.total, CARD.total]
    assert list(spool_folder.iterdir()) == []


def test_a_machine_that_died_in_mid_call_leaves_what_it_had_heard(
    address: tuple[str, int], tokens: dict[str, str], spool_folder: Path, store: Store
) -> None:
    events = _events(2)[:-1]
    url = f"http://127.0.0.1:{address[1]}"
    numbered = [event for event in events if not isinstance(event, Partial)]
    spool = Spool.create(spool_folder, Head(socket_url(url), "died-in-call", talk.data(events[0])))
    spool.add([Item(100, json.dumps(talk.data(event))) for event in numbered])
    spool.release(delivered=False)
    with (spool_folder / "died-in-call.jsonl").open("a") as file:
        file.write('{"now_ms": 5, "event": {"eve')  # its last line was never finished
    uplink = Uplink(url, tokens["agent"], spool_folder)
    uplink(_events(1), 100)
    while len(list(spool_folder.iterdir())) > 1:
        threading.Event().wait(0.02)
    assert uplink.finish(CARD, wait_s=120)
    kept = {call.key: (call, found) for call, found in _kept(store)}
    assert kept["died-in-call"][1] == _numbered(events)


@pytest.mark.parametrize("wrong", ["token", "role"])
def test_who_may_not_send_is_told_and_nothing_is_thrown_away(
    address: tuple[str, int], tokens: dict[str, str], spool_folder: Path, store: Store, wrong: str
) -> None:
    token = {"token": "cmt_wrong", "role": tokens["trainer"]}[wrong]
    uplink = Uplink(f"http://127.0.0.1:{address[1]}", token, spool_folder)
    uplink(_events(1), 100)
    assert not uplink.finish(CARD, wait_s=60)
    (problem,) = uplink.problems
    assert "令牌" in problem
    assert len(list(spool_folder.iterdir())) == 1
    assert _kept(store) == []


def test_a_line_that_worked_is_tried_again_at_once(
    spool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it breaks: only a server that does not answer is left in peace."""
    monkeypatch.setattr(sender, "_BACKOFF_S", (0.01, 1000.0))
    stop = _Noting()
    breaks = iter(range(4))

    def talk(connection: ServerConnection) -> None:
        hello = json.loads(connection.recv())
        assert hello["type"] == "hello"
        connection.send(json.dumps({"type": "ready", "next": 0, "durable": 0}))
        if next(breaks, None) is not None:
            return
        for message in connection:
            if json.loads(message)["type"] == "close":
                connection.send(json.dumps({"type": "closed", "next": 1}))
                return

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        head = Head(socket_url(f"http://127.0.0.1:{port}"), "often-broken", {})
        parcel = Parcel(Spool.create(spool_folder, head), [Item(0, "{}")])
        parcel.close(Closing(None))
        deliver(parcel, "token", stop)
        server.shutdown()
        thread.join()
    parcel.spool.release(delivered=True)
    assert len(stop.waits) == 4
    assert max(stop.waits) <= 0.01


def test_an_old_call_that_is_refused_for_good_is_told_of_once(
    address: tuple[str, int], tokens: dict[str, str], spool_folder: Path
) -> None:
    url = f"http://127.0.0.1:{address[1]}"
    head = Head(socket_url(url), "short", talk.data(_events(1)[0]))  # no key that a server takes
    Spool.create(spool_folder, head).release(delivered=False)
    aside = spool_folder / "short.refused"
    problems = []
    for _ in range(2):
        uplink = Uplink(url, tokens["agent"], spool_folder)
        uplink(_events(1), 100)
        while not aside.exists():
            threading.Event().wait(0.02)
        assert uplink.finish(CARD, wait_s=120)
        problems.append(uplink.problems)
    ((told,), nothing) = problems
    assert str(aside) in told
    assert nothing == []
    assert list(spool_folder.iterdir()) == [aside]


def test_two_machines_do_not_mix(
    address: tuple[str, int], tokens: dict[str, str], spool_folder: Path, store: Store
) -> None:
    url = f"http://127.0.0.1:{address[1]}"
    one = Uplink(url, tokens["agent"], spool_folder / "one")
    two = Uplink(url, tokens["other"], spool_folder / "two")
    mine, others = _events(3), _events(5)
    for number in range(max(len(mine), len(others))):
        one(mine[number : number + 1] or [talk.tail(Party.AGENT, "a", 1)], number)
        two(others[number : number + 1], number)
    assert one.finish(CARD, wait_s=60)
    assert two.finish(None, wait_s=60)
    kept = {call.agent: (call.score, events) for call, events in _kept(store)}
    assert kept == {
        "agent": (CARD.total, _numbered(mine)),
        "other": (None, _numbered(others)),
    }


def test_a_file_in_use_is_left_to_who_uses_it(spool_folder: Path) -> None:
    head = Head("ws://x/ws/ingest", "in-use-now", {})
    spool = Spool.create(spool_folder, head)
    assert list(left_behind(spool_folder, "ws://x/ws/ingest")) == [spool.path]
    assert list(left_behind(spool_folder, "ws://other/ws/ingest")) == []
    assert Spool.take_over(spool.path) is None
    end = Item(5, '{"event": "end", "duration_ms": 5, "released_by": null}')
    spool.add([end])
    spool.close(Closing({"total": 1}))
    spool.release(delivered=False)
    taken = Spool.take_over(spool.path)
    assert taken is not None
    again, items, closing = taken
    assert (again.head, items, closing) == (
        head,
        [end],
        Closing({"total": 1}),
    )
    again.release(delivered=True)
    assert not spool.path.exists()


def test_a_file_that_is_no_spool_is_left_alone(spool_folder: Path) -> None:
    (spool_folder / "notes.jsonl").write_text("not json\n")
    (spool_folder / "binary.jsonl").write_bytes(b"\xff\xfe\n")
    assert list(left_behind(spool_folder, "ws://x/ws/ingest")) == []
    assert list(left_behind(spool_folder / "missing", "ws://x/ws/ingest")) == []


def test_a_folder_that_cannot_be_written_is_said_so(spool_folder: Path) -> None:
    (spool_folder / "file").write_text("")
    uplink = Uplink("http://localhost:1", "token", spool_folder / "file")
    with pytest.raises(UserError, match="file"):
        uplink(_events(1), 0)
