"""Recordings scored into the store, by the default engine."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from monitor.call.engine import Engine
from monitor.call.score_recording import Scorer
from monitor.events import Party
from monitor.quality.imports import queue, worker
from monitor.quality.imports.metadata import Known
from monitor.quality.tables import Import
from monitor.store import Store
from monitor.store.schema import Call, Scorecard
from tests.qa.conftest import FIXTURES

_KNOWN = Known(
    agent="A01",
    queue="宽带",
    direction="inbound",
    tier="金卡",
    started_at=datetime(2026, 11, 20, 1, 30, tzinfo=UTC),
    released_by=Party.CUSTOMER,
    more={"wait_s": 12.0},
)


def _note(store: Store, folder: Path, known: Known = _KNOWN) -> None:
    found = list(queue.look(folder).values())
    with store.session() as session:
        new = queue.unknown(session, found)
        queue.add(session, str(folder), [(seen, seen.path.name, known) for seen in new])


def _run(store: Store, loaded: Engine, folder: Path) -> dict[str, worker.Outcome]:
    found = {}
    while (outcome := worker.next_one(store, Scorer(loaded), [str(folder)])) is not None:
        found[outcome.name] = outcome
    return found


def test_a_folder_is_scored_once_with_what_is_known_of_its_calls(
    store: Store, embedded: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(FIXTURES / "missing-greeting.wav", folder / "a.wav")
    shutil.copy(FIXTURES / "missing-greeting.wav", folder / "copy.wav")
    (folder / "bad.wav").write_bytes(b"no sound at all")
    _note(store, folder)
    outcomes = _run(store, embedded, folder)
    assert {name: one.status for name, one in outcomes.items()} == {
        "a.wav": "done",
        "copy.wav": "duplicate",
        "bad.wav": "failed",
    }
    assert "bad.wav" in outcomes["bad.wav"].reason
    assert "\n" not in outcomes["bad.wav"].reason
    with store.reading() as session:
        call = session.scalars(select(Call)).one()
        card = session.scalars(select(Scorecard)).one()
        progress = dict(session.execute(select(Import.name, Import.progress)).all())
    facts = (call.agent, call.queue, call.direction, call.tier, call.released_by)
    assert facts == ("A01", "宽带", "inbound", "金卡", "customer")
    assert call.started_at == _KNOWN.started_at
    assert call.facts["wait_s"] == 12.0
    assert (call.status, call.score) == ("complete", card.total)
    assert outcomes["a.wav"].call_id == outcomes["copy.wav"].call_id == call.id
    assert call.audio_digest is not None
    assert (
        store.audio_path(call.audio_digest, ".wav").read_bytes() == (folder / "a.wav").read_bytes()
    )
    assert progress == {"a.wav": 1.0, "copy.wav": 1.0, "bad.wav": 0.0}
    _note(store, folder)
    assert _run(store, embedded, folder) == {}


def test_a_file_that_was_taken_too_early_takes_its_own_place_again(
    store: Store, embedded: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    whole = (FIXTURES / "missing-greeting.wav").read_bytes()
    (folder / "a.wav").write_bytes(whole[: len(whole) // 2])
    _note(store, folder)
    _run(store, embedded, folder)
    (folder / "a.wav").write_bytes(whole)
    _note(store, folder)
    _run(store, embedded, folder)
    with store.reading() as session:
        call = session.scalars(select(Call)).one()
    assert call.duration_ms > 20_000  # the recording is 22 s long
    assert call.error == ""


def test_a_worker_that_is_told_to_stop_gives_the_call_back(
    store: Store, embedded: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(FIXTURES / "missing-greeting.wav", folder / "a.wav")
    _note(store, folder)
    assert worker.next_one(store, Scorer(embedded), [str(folder)], stopped=lambda: True) is None
    with store.reading() as session:
        row = session.scalars(select(Import)).one()
        assert (row.status, row.worker, row.tries) == ("waiting", None, 0)
        assert session.scalar(select(func.count()).select_from(Call)) == 0


def test_an_upload_is_removed_once_the_store_has_it(
    store: Store, embedded: Engine, tmp_path: Path
) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    shutil.copy(FIXTURES / "missing-greeting.wav", incoming / "0123.wav")
    with store.session() as session:
        found = [(seen, "客户投诉.wav", Known()) for seen in queue.look(incoming).values()]
        queue.add(session, queue.UPLOAD, found)
    outcome = worker.next_one(store, Scorer(embedded), [queue.UPLOAD])
    assert outcome is not None
    assert outcome.status == "done"
    assert list(incoming.iterdir()) == []
    with store.reading() as session:
        assert session.scalars(select(Call.name)).one() == "客户投诉"
