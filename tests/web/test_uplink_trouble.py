"""What may go wrong on an agent's machine and with its server: the call goes on, and what is lost
is said."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from websockets.sync.server import ServerConnection, serve

from monitor.call.uplink import sender
from monitor.call.uplink.address import socket_url
from monitor.call.uplink.sender import Parcel, Uplink, deliver
from monitor.call.uplink.spool import Closing, Head, Item, Spool, left_behind
from monitor.events import CallEnd, Event, Party, to_json
from monitor.store import Store, read, write
from tests.browser import talk
from tests.web.desk import CARD

EVENTS: list[Event] = [
    talk.info("desk", agent="agent"),
    *talk.turn(Party.AGENT, "您好很高兴为您服务", 0),
    CallEnd(4000),
]
LINES = [talk.data(event) for event in EVENTS]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_BACKOFF_S", (0.01, 0.05))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir()
    return made


def _kept(path: Path) -> tuple[list[Any], Closing | None]:
    taken = Spool.take_over(path)
    assert taken is not None
    spool, items, closing = taken
    spool.release(delivered=False)
    return [json.loads(item.text) for item in items], closing


@pytest.mark.parametrize(
    ("wrong", "suffix"),
    [
        ("UPDATE api_tokens SET revoked_at = created_at", ".jsonl"),
        ("UPDATE users SET active = false", ".jsonl"),
        ("deleted", ".refused"),
    ],
)
def test_a_refusal_in_mid_call_ends_no_call_and_loses_no_event(
    address: tuple[str, int],
    tokens: dict[str, str],
    folder: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    suffix: str,
) -> None:
    monkeypatch.setattr("monitor.web.sockets.CHECK_S", 0.02)
    uplink = Uplink(f"http://127.0.0.1:{address[1]}", tokens["agent"], folder)
    uplink(EVENTS[:2], 100)
    pause = threading.Event()
    while uplink.waiting:
        pause.wait(0.02)
    with store.session() as session:
        if wrong == "deleted":
            assert write.delete_call(session, 1)
        else:
            session.execute(text(wrong))
    uplink(EVENTS[2:3], 150)
    while uplink._refusal is None:
        pause.wait(0.02)
    for event in EVENTS[3:]:  # it is still heard, and written down
        uplink([event], 200)
    assert not uplink.finish(CARD, wait_s=60)
    (problem,) = uplink.problems
    (path,) = folder.iterdir()
    assert path.suffix == suffix
    assert str(path) in problem
    kept, closing = _kept(path)
    assert kept == LINES
    assert closing is not None
    assert closing.score is not None


class _Disk(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        size = min(len(data), self.room - self.tell())
        if size <= 0:
            raise OSError(28, "No space left on device")
        return super().write(bytes(data[:size]))


def _on(disk: _Disk, path: Path) -> Spool:
    spool = Spool(path, Head("ws://x/ws/ingest", "key-of-a-call", LINES[0]), disk)
    spool._put(json.dumps({"to": "ws://x/ws/ingest", "key": "key-of-a-call", "info": {}}).encode())
    spool._put(b"\n")
    return spool


def _items() -> list[Item]:
    return [Item(100 * number, to_json(event)) for number, event in enumerate(EVENTS)]


def _written(disk: _Disk, path: Path) -> list[Any]:
    path.write_bytes(disk.getvalue())
    return _kept(path)[0]


def test_a_disk_that_was_full_for_a_while_holds_every_event_under_its_number(
    tmp_path: Path,
) -> None:
    disk = _Disk(400)
    spool = _on(disk, tmp_path / "call.jsonl")
    for number, item in enumerate(_items()):
        disk.room += 100_000 * (number == 6)
        try:
            spool.add([item])
        except OSError:
            assert number < 6
    assert spool.lacks == 0
    assert _written(disk, tmp_path / "call.jsonl") == LINES


def test_a_disk_that_stays_full_holds_a_gap_in_place_of_what_is_lost(tmp_path: Path) -> None:
    disk = _Disk(600)
    spool = _on(disk, tmp_path / "call.jsonl")
    for item in _items():
        with suppress(OSError):
            spool.add([item])
    with pytest.raises(OSError, match="No space"):
        spool.close(Closing(None))
    held = len(_items()) + 1 - spool.lacks
    disk.room += 250  # for a gap, not for all of it
    assert spool.give_up(900)
    *kept, gap = _written(disk, tmp_path / "call.jsonl")
    assert kept == LINES[:held]
    assert (gap["event"], gap["reason"]) == ("gap", "the agent's disk was full")
    assert gap["end_ms"] == 900


def test_a_call_whose_disk_is_full_says_so_and_is_sent_from_memory(
    address: tuple[str, int],
    tokens: dict[str, str],
    folder: Path,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(self: Spool, lines: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "_append", full)
    uplink = Uplink(f"http://127.0.0.1:{address[1]}", tokens["agent"], folder)
    for event in EVENTS:
        uplink([event], 100)
    assert uplink.finish(CARD, wait_s=60)
    assert any("No space" in problem for problem in uplink.problems)
    with store.reading() as session:
        assert [event for _seq, _now, event in read.events(session, 1)] == LINES


def _spooled(folder: Path, key: str, url: str) -> Path:
    spool = Spool.create(folder, Head(socket_url(url), key, LINES[0]))
    spool.add(_items())
    spool.close(Closing(None))
    spool.release(delivered=False)
    return spool.path


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"{}\n" + data,
        lambda data: b"[1]\n" + data,
        lambda data: b"\xff\xfe\x00" + data,
        lambda data: data.replace(b'"key"', b'"kex"', 1),
        lambda data: b"[" * 5_000 + b"\n" + data,
    ],
)
def test_a_damaged_file_blocks_no_other_and_is_told_of_once(
    address: tuple[str, int], tokens: dict[str, str], folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    url = f"http://127.0.0.1:{address[1]}"
    bad = _spooled(folder, "a-damaged-call", url)
    bad.write_bytes(damage(bad.read_bytes()))
    good = _spooled(folder, "b-good-call", url)
    aside = bad.with_suffix(".damaged")
    told = []
    for _ in range(2):
        uplink = Uplink(url, tokens["agent"], folder)
        uplink(EVENTS, 100)
        pause = threading.Event()
        while good.exists() or not aside.exists():
            pause.wait(0.02)
        assert uplink.finish(CARD, wait_s=60)
        told.append(uplink.problems)
    assert str(aside) in told[0][0]
    assert told[1] == []
    assert list(folder.iterdir()) == [aside]


@pytest.mark.parametrize("bad", [b"{nonsense\n", b"\xff\xff\n", b'{"now_ms": 5}\n', b"\n"])
def test_a_damaged_line_is_a_gap_and_the_others_keep_their_numbers(
    folder: Path, bad: bytes
) -> None:
    path = _spooled(folder, "a-good-call", "http://localhost:1")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = bad
    path.write_bytes(b"".join(lines))
    assert list(left_behind(folder, socket_url("http://localhost:1"))) == [path]
    kept, closing = _kept(path)
    assert kept[2]["event"] == "gap"
    assert [*kept[:2], *kept[3:]] == [*LINES[:2], *LINES[3:]]
    assert closing == Closing(None)


def test_a_server_that_forgot_what_it_had_acknowledged_gets_it_again(folder: Path) -> None:
    came: list[int] = []
    breaks = iter(["after a power cut"])

    def answer(connection: ServerConnection) -> None:
        connection.recv()
        forgot = next(breaks, None) is None
        connection.send(json.dumps({"type": "ready", "next": 1 if forgot else 0, "durable": 0}))
        for message in connection:
            data = json.loads(message)
            if data["type"] == "events":
                if forgot:
                    came.extend(range(data["seq"], data["seq"] + len(data["events"])))
                else:
                    connection.send(json.dumps({"type": "ack", "next": data["seq"] + 1}))
            if data["type"] == "close" and not forgot:
                return
            if data["type"] == "close":
                connection.send(json.dumps({"type": "closed", "next": len(EVENTS)}))

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        spool = Spool.create(folder, Head(socket_url(url), "key-of-a-call", LINES[0]))
        spool.add(_items())
        parcel = Parcel(spool, _items())
        parcel.close(Closing(None))
        deliver(parcel, "token", threading.Event())
        server.shutdown()
        thread.join()
    parcel.spool.release(delivered=True)
    assert came == list(range(1, len(EVENTS)))
