"""Live calls on their way into the store, and what is left of them when a process is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text

from monitor.events import CallEnd, CallInfo, Gap, Party, Token, Utterance
from monitor.store import Store, live, open_store, schema
from monitor.store.export import call_json, events
from monitor.store.live import LiveWriter
from monitor.store.schema import Call

_INFO = CallInfo("c", "headset", (Party.AGENT,), facts={"agent": "A01"})


def turn(number: int) -> Utterance:
    start = 1_000 * number
    token = Token(Party.AGENT, "您", "nin", start, start + 200)
    return Utterance(Party.AGENT, start, start + 200, (token,))


def status(store: Store) -> dict[str, str]:
    with store.reading() as session:
        return {row.key: row.status for row in session.execute(select(Call.key, Call.status))}


# A process that keeps one call whole, begins another, and goes on until it is killed.
_PROCESS = """
import sys, time
from pathlib import Path
from monitor.events import *
from monitor.store import open_store
from monitor.store.live import LiveWriter

where, audio, name = sys.argv[1:]
store = open_store(where, audio=Path(audio))
info = CallInfo(name, "headset", (Party.AGENT,))
with LiveWriter(store, name + " whole") as writer:
    writer([info, Gap(Party.AGENT, 0, 10, "x"), CallEnd(1000)], 1000)
writer = LiveWriter(store, name)
writer([info], 0)
number = 0
while True:
    start = 1000 * number
    token = Token(Party.AGENT, "您", "nin", start, start + 200)
    writer([token, Utterance(Party.AGENT, start, start + 200, (token,))], start + 200)
    number += 1
    if number == 20:
        print("running", flush=True)
    time.sleep(0.01)
"""


@contextmanager
def running(store_url: str, audio: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _PROCESS, store_url, str(audio), name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come; far longer than it takes, so only a fault ends it."""
    last = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < last, "it did not come"
        time.sleep(0.01)


def wait_for(store: Store, key: str, turns: int) -> None:
    """Until so many turns of a call are kept."""
    kept = (
        select(func.count())
        .select_from(schema.Utterance)
        .join(Call, Call.id == schema.Utterance.call_id)
        .where(Call.key == key)
    )

    def there() -> bool:
        with store.reading() as session:
            return (session.scalar(kept) or 0) >= turns

    until(there)


def test_a_killed_process_leaves_whole_calls_whole(store_url: str, tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    with running(store_url, audio, "killed") as killed, running(store_url, audio, "alive"):
        with open_store(store_url, audio=audio) as store:
            wait_for(store, "killed", 5)
            assert status(store) == {
                "killed whole": "complete",
                "killed": "live",
                "alive whole": "complete",
                "alive": "live",
            }
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        with open_store(store_url, audio=audio) as store:
            assert status(store) == {
                "killed whole": "complete",
                "killed": "interrupted",
                "alive whole": "complete",
                "alive": "live",
            }
            _sound(store, "killed")
            before = status(store)
            assert store.sweep() == []
            assert status(store) == before
    with open_store(store_url, audio=audio) as store:
        assert status(store)["alive"] == "interrupted"
        if store.engine.dialect.name == "sqlite":
            with store.reading() as session:
                assert session.scalar(text("PRAGMA integrity_check")) == "ok"


def _stop_growing(connection: sqlite3.Connection, *_rest: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")


def _sound(store: Store, key: str) -> None:
    """What is kept of a call is a beginning of it, and its parts agree with one another."""
    with store.reading() as session:
        call = session.scalars(select(Call).where(Call.key == key)).one()
        kept = events(session, call.id)
        assert [seq for seq, _, _ in kept] == list(range(call.next_seq))
        turns = [body for _, _, body in kept if body["event"] == "utterance"]
        assert turns
        said = call_json(session, call.id)["utterances"]
        assert [turn["start_ms"] for turn in said] == [turn["start_ms"] for turn in turns]
        terms = select(func.count()).where(schema.SearchTerms.call_id == call.id)
        assert session.scalar(terms) == len(turns)


def test_an_interrupted_call_goes_on_where_it_stopped(store: Store) -> None:
    with LiveWriter(store, "k") as writer:
        writer([_INFO, turn(0)], 1_000)
    assert status(store) == {"k": "interrupted"}
    with LiveWriter(store, "k") as again:
        assert again.call_id == writer.call_id
        assert status(store) == {"k": "live"}
        again([turn(1), CallEnd(5_000)], 5_000)
    assert status(store) == {"k": "complete"}
    with store.reading() as session:
        data = call_json(session, again.call_id)
    assert [said["start_ms"] for said in data["utterances"]] == [0, 1_000]
    assert data["call"]["duration_ms"] == 5_000


def test_the_callers_of_a_closed_store_are_gone(store_url: str, tmp_path: Path) -> None:
    first = open_store(store_url, audio=tmp_path)
    LiveWriter(first, "k")([_INFO], 0)
    with open_store(store_url, audio=tmp_path) as second:
        assert status(second) == {"k": "live"}
        first.close()
        assert len(second.sweep()) == 1
        assert status(second) == {"k": "interrupted"}


def test_what_cannot_be_written_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.store.database.BUSY_S", 0.05)
    monkeypatch.setattr(live, "RETRY_S", 0.05)
    with open_store(tmp_path) as store, LiveWriter(store, "k") as writer:
        with store.session() as session:
            session.execute(text("SELECT 1"))  # holds the lock that every writer needs
            writer([_INFO, turn(0)], 1_000)
            until(lambda: bool(writer.problems))
        writer([turn(1), CallEnd(2_000)], 2_000)
        writer.finish()
        assert len(writer.problems) == 1
        assert "\n" not in writer.problems[0]
        with store.reading() as session:
            assert len(call_json(session, writer.call_id)["utterances"]) == 2
        assert status(store) == {"k": "complete"}


def test_a_full_disk_is_told_and_loses_nothing_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_S", 0.05)
    with open_store(tmp_path) as store:
        with LiveWriter(store, "k") as writer:
            writer([_INFO, turn(0)], 1_000)
            wait_for(store, "k", 1)
            # The database may not grow any more: what a full disk amounts to.
            event.listen(store.engine, "checkout", _stop_growing)
            writer([turn(number) for number in range(1, 2_000)], 2_000_000)
            writer.finish()
        assert any("磁盘已满" in problem for problem in writer.problems)
        assert any("没有存入" in problem for problem in writer.problems)
    with open_store(tmp_path) as store:
        assert status(store)["k"] in ("live", "interrupted")
        _sound(store, "k")


def test_processes_write_at_the_same_time(store_url: str, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from monitor.store import open_store\n"
        "from monitor.store.write import save_call\n"
        "from monitor.testing.calls import Made, made_calls\n"
        "where, audio, own = sys.argv[1:]\n"
        "sound = Path(audio) / 'in.wav'\n"
        "with open_store(where, audio=Path(audio) / 'kept') as store:\n"
        "    for number, data in enumerate(made_calls(Made(calls=12))):\n"
        "        key = f'{own if number % 2 else \"shared\"} {number}'\n"
        "        with store.session() as session:\n"
        "            save_call(session, data, key=key, audio=sound)\n"
    )
    (tmp_path / "in.wav").write_bytes(b"not a real recording")
    writers = [
        subprocess.Popen([sys.executable, "-c", code, store_url, str(tmp_path), own])
        for own in ("a", "b", "c")
    ]
    assert [writer.wait(timeout=400) for writer in writers] == [0, 0, 0]
    with open_store(store_url, audio=tmp_path / "kept") as store:
        kept = status(store)
        assert len(kept) == 6 + 3 * 6
        assert set(kept.values()) == {"complete"}
        with store.reading() as session:
            (audio,) = session.scalars(select(schema.Audio)).all()
        assert store.audio_path(audio.digest, audio.suffix).exists()


def test_a_gap_is_counted(store: Store) -> None:
    with LiveWriter(store, "k") as writer:
        writer([_INFO, Gap(Party.AGENT, 0, 500, "x"), CallEnd(1_000)], 1_000)
    with store.reading() as session:
        call = session.get_one(Call, writer.call_id)
        assert (call.gaps, call.agent, call.duration_ms) == (1, "A01", 1_000)


def test_a_server_that_starts_anew_interrupts_no_call(store: Store, store_url: str) -> None:
    """All connections are lost, and with them the lock that says that the writer lives."""
    if store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server")
    with LiveWriter(store, "k") as writer:
        writer([_INFO, turn(0)], 1_000)
        wait_for(store, "k", 1)
        with open_store(store_url, audio=store.audio_dir) as other:
            with other.session() as session:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                session.execute(
                    text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
                )
            writer([turn(1)], 2_000)
            wait_for(other, "k", 2)
            assert other.sweep() == []
            assert status(other) == {"k": "live"}
        writer([CallEnd(3_000)], 3_000)
    assert writer.problems == []
    assert status(store) == {"k": "complete"}
