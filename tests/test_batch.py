"""Recorded calls by the thousand: resumed, atomic, and never stopped by one bad file."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.base import call_record
from monitor.base.errors import UserError
from monitor.call import batch
from monitor.call.batch import BatchSettings, Done
from monitor.testing import fixtures

_SHORT = fixtures.load("last-word").audio


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder with two good calls, a broken one, and something that is no audio."""
    folder = tmp_path / "calls"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(_SHORT, folder / "a.wav")
    shutil.copy(_SHORT, folder / "sub" / "b.wav")
    (folder / "broken.wav").write_bytes(b"no audio at all")
    (folder / "notes.txt").write_text("not a recording")
    return folder


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["call"]: row for row in csv.DictReader(file)}


def score(
    folder: Path, out: Path, report: Callable[[Done], None] = lambda _done: None, workers: int = 1
) -> bool:
    jobs = batch.find_jobs([str(folder)])
    return batch.score_all(jobs, BatchSettings(out), workers, report)


def test_folders_are_searched_and_results_keep_their_place(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert score(calls, out) is False, "one call was broken"
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == [
        "a.json",
        "sub/b.json",
        "summary.csv",
    ]
    summary = rows(out)
    assert {name: row["status"] for name, row in summary.items()} == {
        "a": "ok",
        "broken": "error",
        "sub/b": "ok",
    }
    assert "broken.wav" in summary["broken"]["error"]
    data = call_record.read(out / "a.json")
    assert summary["a"]["alerts"] == str(len(data["alerts"]))
    assert list(data)[:2] == ["version", "fingerprint"]


def test_a_second_run_resumes_and_changes_nothing(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score(calls, out)
    before = (out / "summary.csv").read_bytes(), (out / "a.json").stat().st_mtime_ns
    again: list[Done] = []
    score(calls, out, again.append)
    assert {done.job.name: done.resumed for done in again} == {
        "a": True,
        "sub/b": True,
        "broken": False,
    }
    assert ((out / "summary.csv").read_bytes(), (out / "a.json").stat().st_mtime_ns) == before


def test_without_its_summary_a_run_resumes_from_the_calls(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score(calls, out)
    before = (out / "summary.csv").read_bytes()
    (out / "summary.csv").unlink()
    score(calls, out)
    assert (out / "summary.csv").read_bytes() == before


def test_changed_audio_or_settings_are_scored_again(tmp_path: Path) -> None:
    source, out = tmp_path / "a.wav", tmp_path / "out"
    shutil.copy(_SHORT, source)
    settings = BatchSettings(out)

    def resumed(with_settings: BatchSettings) -> bool:
        seen: list[Done] = []
        batch.score_all(batch.find_jobs([str(source)]), with_settings, 1, seen.append)
        return seen[0].resumed

    assert not resumed(settings)
    assert resumed(settings)
    source.write_bytes(fixtures.load("missing-greeting").audio.read_bytes())
    assert not resumed(settings), "other audio under the same name"
    facts = replace(settings.facts, direction="inbound")
    assert not resumed(replace(settings, facts=facts)), "rules may ask for the direction"


def test_an_interrupted_run_keeps_what_was_done(calls: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def interrupt(_done: Done) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(calls, out, interrupt)
    assert (out / "a.json").exists()
    assert set(rows(out)) <= {"a"}
    seen: list[Done] = []
    score(calls, out, seen.append)
    assert {done.job.name for done in seen if done.resumed} == {"a"}


def test_several_processes_give_the_same_results(calls: Path, tmp_path: Path) -> None:
    score(calls, tmp_path / "one")
    score(calls, tmp_path / "two", workers=2)
    for name in ("a.json", "sub/b.json", "summary.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_results_of_the_same_name_are_kept_apart_or_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for name in ("a.wav", "a.mp3", "x/a.wav"):
        (tmp_path / name).write_bytes(b"")
    jobs = batch.find_jobs([str(tmp_path)])
    assert [job.name for job in jobs] == ["a.mp3", "a.wav", "x/a"]
    with pytest.raises(UserError, match=r"a\.wav"):
        batch.find_jobs([str(tmp_path / "a.wav"), str(tmp_path / "x" / "a.wav")])


def test_globs_and_missing_paths(tmp_path: Path) -> None:
    for name in ("1.wav", "2.wav", "3.mp3"):
        (tmp_path / name).write_bytes(b"")
    assert [job.name for job in batch.find_jobs([str(tmp_path / "*.wav")])] == ["1", "2"]
    for missing in ("nowhere.wav", "*.flac"):
        with pytest.raises(UserError, match=missing.replace("*", r"\*")):
            batch.find_jobs([str(tmp_path / missing)])


def test_a_full_disk_is_one_clear_line_and_leaves_no_debris(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    score(calls, out)
    kept = (out / "a.json").read_bytes()
    shutil.copy(fixtures.load("missing-greeting").audio, calls / "a.wav")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left") as caught:
        score(calls, out)
    assert "\n" not in str(caught.value)
    assert (out / "a.json").read_bytes() == kept, "the old result stays whole"
    assert [path.name for path in out.rglob(".*")] == [], "no temporary file is left"


def test_damaged_calls_are_taken_as_far_as_they_go(tmp_path: Path) -> None:
    whole = fixtures.load("missing-greeting").audio.read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 2 // 3])
    assert score(tmp_path / "cut.wav", tmp_path / "out") is False
    row = rows(tmp_path / "out")["cut"]
    assert row["status"] == "damaged"
    assert "cut.wav" in row["error"]
    data = json.loads((tmp_path / "out" / "cut.json").read_text("utf-8"))
    assert data["utterances"], "what could be read was scored"
    assert data["call"]["damage"] == row["error"]


_PARENT = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from monitor.base.orphans import end_with_parent

def work(seconds):
    time.sleep(seconds)

if __name__ == "__main__":
    with ProcessPoolExecutor(2, get_context("spawn"), end_with_parent) as pool:
        for _ in range(2):
            pool.submit(work, 600)
        while len(pool._processes) < 2:
            time.sleep(0.01)
        print(*pool._processes, flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="asks for processes as POSIX does")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(_PARENT)
    surroundings = {**os.environ, "PYTHONPATH": str(Path(batch.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True, env=surroundings
    ) as parent:
        assert parent.stdout is not None
        workers = [int(number) for number in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 2
    waiting = threading.Event()
    while any(_runs(number) for number in workers):
        waiting.wait(0.05)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")  # one that nobody has waited for yet is not running
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
