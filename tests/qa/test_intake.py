"""Recordings on their way in: waited for, noted once, claimed by one, taken up again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor.base.errors import UserError
from monitor.call.engine import Engine
from monitor.call.score_recording import Scorer
from monitor.quality.imports import queue, worker
from monitor.quality.imports.metadata import Known
from monitor.quality.imports.trial import Trial
from monitor.quality.tables import Import
from monitor.store import Store, open_store


def _put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_only_recordings_count_and_hidden_files_do_not(tmp_path: Path) -> None:
    wanted = {_put(tmp_path / "a.wav", b"1"), _put(tmp_path / "sub" / "b.MP3", b"2")}
    for name in ("notes.txt", ".hidden.wav", ".tmp/c.wav", "a.wav.part"):
        _put(tmp_path / name, b"3")
    assert queue.look(tmp_path).keys() == wanted


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone"):
        queue.look(tmp_path / "gone")


def test_a_file_is_taken_when_it_no_longer_changes(tmp_path: Path) -> None:
    growing = _put(tmp_path / "growing.wav", b"1")
    _put(tmp_path / "empty.wav", b"")
    whole = _put(tmp_path / "whole.wav", b"123")
    first = queue.look(tmp_path)
    assert queue.settled({}, first) == []
    _put(growing, b"12")
    second = queue.look(tmp_path)
    assert [seen.path for seen in queue.settled(first, second)] == [whole]
    third = queue.look(tmp_path)
    assert [seen.path for seen in queue.settled(second, third)] == [growing, whole]
    # The same length, but written again:
    os.utime(whole, ns=(1, 1))
    fourth = queue.look(tmp_path)
    assert [seen.path for seen in queue.settled(third, fourth)] == [growing]


def _note(store: Store, folder: Path) -> None:
    found = list(queue.look(folder).values())
    with store.reading() as session:
        new = queue.unknown(session, found)
    with store.session() as session:
        noted = [(seen, seen.path.name, Known(agent="A01")) for seen in new]
        queue.add(session, str(folder), noted)


def test_a_version_of_a_file_is_noted_once(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    first = _put(folder / "a.wav", b"1")
    _note(store, folder)
    _note(store, folder)
    with store.session() as session:  # two watchers that saw it at the same time
        seen = queue.look(folder)[first]
        queue.add(session, str(folder), [(seen, "a.wav", Known())])
    with store.reading() as session:
        rows = session.scalars(select(Import)).all()
        assert [(row.name, row.facts) for row in rows] == [("a.wav", {"agent": "A01"})]
    _put(first, b"12")
    _note(store, folder)
    with store.reading() as session:
        assert len(session.scalars(select(Import)).all()) == 2


def test_each_is_claimed_by_one_in_the_order_they_came(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    for number in range(4):
        _put(folder / f"{number}.wav", b"x" * (number + 1))
        _note(store, folder)
    with open_store(store_url, audio=tmp_path / "audio") as other:
        order = [queue.claim(one, [str(folder)]) for one in (store, other, store, other, store)]
    assert [row.name for row in order if row] == ["0.wav", "1.wav", "2.wav", "3.wav"]
    assert order[-1] is None


def test_other_origins_are_left_alone(store: Store, tmp_path: Path) -> None:
    _put(tmp_path / "in" / "a.wav", b"1")
    _note(store, tmp_path / "in")
    assert queue.claim(store, [queue.UPLOAD]) is None


def _left_by_the_dead(store: Store, folder: Path) -> list[str]:
    """A recording at which as many workers were killed as are counted."""
    _put(folder / "a.wav", b"1")
    _note(store, folder)
    origins = [str(folder)]
    for attempt in range(1, queue.TRIES + 1):
        row = queue.claim(store, origins)
        assert row is not None
        assert row.tries == attempt
        assert queue.claim(store, origins) is None  # its worker is alive: us
        with store.session() as session:
            session.get_one(Import, row.id).worker = 12_345  # nobody holds that lease
    return origins


def test_what_dead_workers_left_comes_last_and_is_not_given_up(
    store: Store, tmp_path: Path
) -> None:
    """A power cut says nothing of the recording that was at work."""
    origins = _left_by_the_dead(store, tmp_path / "in")
    _put(tmp_path / "in" / "b.wav", b"22")
    _note(store, tmp_path / "in")
    names = [row.name for _ in range(2) if (row := queue.claim(store, origins))]
    assert names == ["b.wav", "a.wav"]


class _Shown(Trial):
    """A trial that ends as it is told to."""

    def survives(self, path: Path, stopped: Callable[[], bool]) -> bool | None:
        return {"lives": True, "dies": False, "stops": None}[str(self.asr)]


@pytest.mark.parametrize(
    ("ending", "status"), [("lives", "failed"), ("dies", "failed"), ("stops", "waiting")]
)
def test_what_takes_down_a_process_of_its_own_is_given_up(
    store: Store, embedded: Engine, tmp_path: Path, ending: str, status: str
) -> None:
    origins = _left_by_the_dead(store, tmp_path / "in")
    worker.next_one(store, Scorer(embedded), origins, trial=_Shown(ending, ()))
    with store.reading() as session:
        row = session.scalars(select(Import)).one()
    assert row.status == status
    # One that lives is scored as usual; this one is no recording, and that is why it fails.
    assert ("单独处理" in row.reason) is (ending == "dies")


def test_a_trial_tells_a_crash_from_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "a.wav"
    damaged.write_bytes(b"1")
    assert Trial(None, ("general-etiquette",)).survives(damaged, lambda: False) is True
    assert Trial("no such recogniser", ()).survives(damaged, lambda: False) is False
    assert Trial(None, ()).survives(damaged, lambda: True) is None


def test_released_and_failed_ones_wait_again(store: Store, tmp_path: Path) -> None:
    _put(tmp_path / "in" / "a.wav", b"1")
    _note(store, tmp_path / "in")
    origins = [str(tmp_path / "in")]
    row = queue.claim(store, origins)
    assert row is not None
    queue.release(store, row.id)
    row = queue.claim(store, origins)
    assert row is not None
    assert row.tries == 1  # giving back is no failure
    with store.session() as session:
        queue.close(session, row.id, "failed", reason="why")
        assert queue.retry(session, row.id) == 1
        assert queue.retry(session, row.id) == 0
    assert queue.claim(store, origins) is not None
