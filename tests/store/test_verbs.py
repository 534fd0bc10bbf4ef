"""`monitor calls` and `monitor score --store`, as a user meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from monitor import cli
from monitor.call import batch
from monitor.call.batch import BatchSettings, Done
from monitor.store import Store, open_store
from monitor.store.export import call_json
from monitor.store.recordings import Recordings
from monitor.store.schema import Audit, Call
from monitor.store.write import save_call
from monitor.testing import fixtures
from monitor.testing.calls import Made, made_calls
from tests import verbs

_SHORT = fixtures.load("last-word").audio
_OTHER = fixtures.load("missing-greeting").audio

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line; returns exit code, output and complaints."""
    monkeypatch.setenv("MONITOR_LANG", "en")

    return partial(verbs.run, capsys)


@pytest.fixture
def where(store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with three calls, the second with a recording."""
    monkeypatch.setenv("MONITOR_AUDIO", str(store.audio_dir))
    with store.session() as session:
        for number, data in enumerate(made_calls(Made(calls=3))):
            save_call(session, data, key=f"k{number}", audio=_SHORT if number == 1 else None)
    return store_url


def trail(store: Store) -> list[tuple[str, str]]:
    with store.reading() as session:
        return [(row.action, row.object) for row in session.scalars(select(Audit))]


def test_list(run: Run, where: str) -> None:
    code, out, err = run("calls", "list", "--store", where)
    assert code == 0
    head, *rows = [line.split("\t") for line in out.splitlines()]
    assert len(rows) == 3
    assert all(len(row) == len(head) for row in rows)
    assert "3 calls" in err
    code, out, _ = run("calls", "list", "--store", where, "--json", "--sort", "score", "--limit", 2)
    scores = [json.loads(line)["score"] for line in out.splitlines()]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 2
    assert run("calls", "list", "--store", where, "--agent", "nobody")[1].count("\n") == 1


def test_list_shows_what_was_found(run: Run, where: str, store: Store) -> None:
    with store.reading() as session:
        text = call_json(session, 1)["utterances"][0]["text"]
    _, out, _ = run("calls", "list", "--store", where, "--text", text)
    assert f": {text}" in out


def test_show_is_audited(run: Run, where: str, store: Store) -> None:
    code, out, _ = run("calls", "show", 1, "--store", where)
    assert code == 0
    with store.reading() as session:
        data = call_json(session, 1)
    for turn in data["utterances"]:
        assert turn["text"] in out
    assert f"Total {data['score']['total']:g} / 100" in out
    assert trail(store) == [("call.view", "call 1")]


def test_export_and_its_trail(run: Run, where: str, store: Store, tmp_path: Path) -> None:
    code, out, _ = run("calls", "export", 1, "k1", "--store", where)
    assert code == 0
    with store.reading() as session:
        assert [json.loads(line) for line in out.splitlines()] == [
            call_json(session, 1),
            call_json(session, 2),
        ]
    assert trail(store) == [("call.export", "call 1"), ("call.export", "call 2")]
    folder = tmp_path / "out"
    every = ("--status", "complete")
    code, _, _ = run("calls", "export", *every, "--store", where, "--out", folder, "--audio")
    assert code == 0
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json", ".json", ".wav"]
    (sound,) = folder.glob("*.wav")
    assert sound.read_bytes() == _SHORT.read_bytes()


def test_delete_and_its_trail(run: Run, where: str, store: Store) -> None:
    code, out, _ = run("calls", "delete", 2, "--store", where, "--yes")
    assert (code, "1 calls deleted" in out) == (0, True)
    assert [path for path in store.audio_dir.rglob("*") if path.is_file()] == []
    assert trail(store) == [("call.delete", "call 2")]
    code, out, _ = run("calls", "delete", "--status", "complete", "--store", where, "--yes")
    assert "2 calls deleted" in out
    with store.reading() as session:
        assert session.scalars(select(Call)).all() == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("show", 99), "99"),
        (("show", 10**12), str(10**12)),
        (("export",), "--since"),
        (("delete", "--yes"), "--since"),
        (("list", "--since", "yesterday"), "yesterday"),
        (("export", 1, "--audio"), "--out"),
    ],
)
def test_mistakes_are_one_line(run: Run, where: str, words: Sequence[object], named: str) -> None:
    code, _, err = run("calls", *words, "--store", where)
    assert code == cli.EXIT_USAGE
    assert named in err
    assert len(err.strip().splitlines()) == 1


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(_SHORT, folder / "a.wav")
    shutil.copy(_OTHER, folder / "b.wav")
    (folder / "broken.wav").write_bytes(b"no audio at all")
    return folder


def score(folder: Path, settings: BatchSettings, workers: int = 1) -> dict[str, Done]:
    seen: dict[str, Done] = {}
    jobs = batch.find_jobs([str(folder)])
    batch.score_all(jobs, settings, workers, lambda done: seen.update({done.job.name: done}))
    return seen


def test_scoring_into_a_store_resumes_from_it(
    store_url: str, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_AUDIO", str(tmp_path / "audio"))
    settings = BatchSettings(None, store=store_url)
    first = score(recordings, settings)
    assert {name: done.row["status"] for name, done in first.items()} == {
        "a": "ok",
        "b": "ok",
        "broken": "error",
    }
    shutil.copy(_SHORT, recordings / "same inside.wav")
    again = score(recordings, settings)
    assert {name: done.resumed for name, done in again.items()} == {
        "a": True,
        "b": True,
        "broken": False,
        "same inside": True,
    }
    assert {key: again["a"].row[key] for key in ("score", "alerts", "scripts_missed")} == {
        key: first["a"].row[key] for key in ("score", "alerts", "scripts_missed")
    }
    with open_store(store_url) as store, store.reading() as session:
        found = {call.name: call for call in session.scalars(select(Call))}
        assert {name: call.status for name, call in found.items()} == {
            "a": "complete",
            "b": "complete",
            "broken": "failed",
        }
        assert [pack.name for pack in found["a"].packs] == ["unicom-10010"]
        assert "broken.wav" in found["broken"].error
        digest = found["a"].audio_digest
        assert digest is not None
        assert store.audio_path(digest, ".wav").read_bytes() == _SHORT.read_bytes()


def test_whichever_place_lacks_a_call_gets_it(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recordings / "broken.wav").unlink()
    out, where = tmp_path / "out", str(tmp_path / "store")
    both = BatchSettings(out, store=where)
    score(recordings, BatchSettings(out), workers=1)
    monkeypatch.setattr(batch, "_score_one", None)  # nothing is scored from here on
    assert all(done.resumed for done in score(recordings, both).values())
    written = {path.name: json.loads(path.read_text("utf-8")) for path in out.glob("*.json")}
    shutil.rmtree(out)
    assert all(done.resumed for done in score(recordings, both).values())
    assert written == {
        path.name: json.loads(path.read_text("utf-8")) for path in out.glob("*.json")
    }
    calls = Recordings(where)
    first = written["a.json"]
    assert calls.find(first["fingerprint"], first["call"]["source"]) is not None
    assert calls.find(first["fingerprint"], "another of the same size and time") is None
    calls.close()


def test_a_store_that_cannot_be_opened_is_found_out_first(run: Run, tmp_path: Path) -> None:
    (tmp_path / "no.db").write_bytes(b"no database" * 1000)
    code, out, err = run("score", _SHORT, "--store", tmp_path / "no.db")
    assert (code, out) == (cli.EXIT_USAGE, "")
    assert "no.db" in err
    code, _, err = run("score", _SHORT)
    assert code == cli.EXIT_USAGE
    assert "--store" in err
