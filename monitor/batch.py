"""Recorded calls by the thousand. The only file with processes.

One JSON file per call, written atomically, and a `summary.csv`. A run that
was interrupted resumes: a call whose JSON carries the fingerprint of the same
audio, recogniser and rules is not scored again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from monitor import calljson, engine
from monitor.audio import file as audio_file
from monitor.engine import Engine, Second
from monitor.errors import UserError
from monitor.events import Party, Severity, to_dict
from monitor.facts import DEFAULT_PACKS, CallFacts
from monitor.i18n import Language, tr, use_language
from monitor.score import scorecard

_HEAD = 300  # bytes of a call JSON that hold its version and fingerprint

COLUMNS = (
    "call",
    "source",
    "status",
    "duration_s",
    "score",
    "grade",
    "fatal_items",
    "alerts",
    *(f"alerts_{severity.value}" for severity in Severity),
    "scripts_met",
    "scripts_missed",
    "gaps",
    "error",
    "fingerprint",
)


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How every call of the run is scored."""

    out: Path
    packs: tuple[str, ...] = DEFAULT_PACKS
    asr: str | None = None
    confirm: str | None = None
    channels: tuple[Party, ...] | None = None
    facts: CallFacts = field(default_factory=CallFacts)
    language: Language = "zh"


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the name (relative, without suffix) of its results."""

    source: Path
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Done:
    """How one call went: its row of the summary, and whether it was resumed."""

    job: Job
    row: Mapping[str, Any]
    resumed: bool = False

    @property
    def failed(self) -> bool:
        return bool(self.row["status"] != "ok")


def find_jobs(paths: Sequence[str]) -> list[Job]:
    """The recordings that files, folders (searched through) and globs name, in a fixed order.

    Raises:
        UserError: a path that matches nothing, or two recordings whose results
            would have the same name.
    """
    found: dict[Path, str] = {}
    for text in paths:
        for source, name in _expand(text):
            found.setdefault(source, name)
    names: dict[str, list[Path]] = {}
    for source, name in found.items():
        names.setdefault(str(Path(name).with_suffix("")), []).append(source)
    jobs = []
    for name, sources in names.items():
        for source in sources:
            # Recordings that differ in their suffix alone keep it in the result's name.
            own = name if len(sources) == 1 else found[source]
            jobs.append(Job(source, own, source.stat().st_size))
    taken: dict[str, Path] = {}
    for job in jobs:
        if job.name in taken:
            raise UserError(
                tr(
                    f"{taken[job.name]} 与 {job.source} 的结果会同名({job.name}.json),请分开评分",
                    f"{taken[job.name]} and {job.source} would both write {job.name}.json:"
                    " score them in separate runs",
                )
            )
        taken[job.name] = job.source
    return sorted(jobs, key=lambda job: job.name)


def _expand(text: str) -> Iterator[tuple[Path, str]]:
    path = Path(text)
    if path.is_dir():
        for source in sorted(path.rglob("*")):
            if source.is_file() and source.suffix.lower() in audio_file.SUFFIXES:
                yield source, str(source.relative_to(path))
        return
    if path.is_file():
        yield path, path.name
        return
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else text
    matches = sorted(p for p in anchor.glob(pattern) if p.is_file()) if _is_glob(text) else []
    if not matches:
        raise UserError(tr(f"{text}: 没有这个文件或文件夹", f"{text}: no such file or folder"))
    for source in matches:
        yield source, source.name


def _is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def score_all(
    jobs: Sequence[Job],
    settings: BatchSettings,
    workers: int,
    report: Callable[[Done], None],
) -> bool:
    """Score the calls, reporting each as it is done; True when all of them succeeded.

    The summary is written at the end, also when the run is interrupted.

    Raises:
        UserError: the packs or the recogniser cannot be loaded, or nothing
            more can be written.
    """
    stamp = _stamp(_engine(settings), settings)
    rows: dict[str, Mapping[str, Any]] = {}
    before = _earlier_rows(settings.out)
    todo: list[tuple[Job, str]] = []
    try:
        for job in jobs:
            fingerprint = _fingerprint(job, stamp)
            done = _resume(job, settings, fingerprint, before)
            if done is None:
                todo.append((job, fingerprint))
            else:
                rows[job.name] = done.row
                report(done)
        for done in _run(todo, settings, workers):
            rows[done.job.name] = done.row
            report(done)
    finally:
        _write_summary(settings.out, rows)
    return not any(row["status"] != "ok" for row in rows.values())


def _run(todo: Sequence[tuple[Job, str]], settings: BatchSettings, workers: int) -> Iterator[Done]:
    if workers <= 1 or len(todo) <= 1:
        for job, fingerprint in todo:
            yield _score_one(settings, job, fingerprint)
        return
    # Fork would copy onnxruntime's threads and locks; fresh interpreters are safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        # A few calls in hand per worker: 100,000 futures at once would only cost memory.
        waiting = iter(todo)
        running: dict[Future[Done], Job] = {}
        try:
            while True:
                for job, fingerprint in waiting:
                    running[pool.submit(_score_one, settings, job, fingerprint)] = job
                    if len(running) >= 2 * workers:
                        break
                if not running:
                    return
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    running.pop(future)
                    yield future.result()
        except BrokenProcessPool as error:
            raise UserError(
                tr(
                    "一个工作进程意外退出(可能内存不足);已完成的已保存,请减小 --jobs 重新运行",
                    "a worker process died (out of memory?); what was done is kept:"
                    " run again with fewer --jobs",
                )
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _score_one(settings: BatchSettings, job: Job, fingerprint: str) -> Done:
    use_language(settings.language)
    loaded = _engine(settings)
    try:
        parties = audio_file.parties(job.source, settings.channels)
        call = loaded.call(str(job.source), parties, settings.facts)
        record = engine.run(call, audio_file.read_call(job.source, parties))
        second = _second(settings)
        if second is not None:
            again = second.engine.call(str(job.source), parties, settings.facts)
            engine.hear_again(record, second, again, audio_file.read_call(job.source, parties))
        card = scorecard(loaded.rulebook, record.alerts, record.scripts)
        data = calljson.to_json(record, to_dict(card), fingerprint)
        text = json.dumps(data, ensure_ascii=False, indent=1)
        calljson.write_atomically(settings.out / f"{job.name}.json", text)
        return Done(job, _row(job, data))
    except calljson.OutputError:
        raise
    except UserError as error:
        return Done(job, _failed(job, str(error), fingerprint))
    except Exception as error:  # one call's defect must not stop the other 99,999
        reason = tr("内部错误", "internal error") + f": {type(error).__name__}: {error}"
        return Done(job, _failed(job, f"{job.source}: {reason}", fingerprint))


@lru_cache(maxsize=1)
def _engine(settings: BatchSettings) -> Engine:
    """This process's engine, loaded at its first call."""
    return engine.load(settings.asr, settings.packs)


@lru_cache(maxsize=1)
def _second(settings: BatchSettings) -> Second | None:
    """This process's second recogniser, if one is asked for."""
    return engine.load_second(settings.confirm, _engine(settings)) if settings.confirm else None


def _stamp(loaded: Engine, settings: BatchSettings) -> dict[str, Any]:
    """What, beside the audio, decides a call's result."""
    second = _second(settings)
    confirmed = {"confirm": second.listener.name} if second else {}
    return {
        **confirmed,
        "json": calljson.VERSION,
        "asr": loaded.recognizer.name,
        "packs": [loaded.rulebook.digest],
        "channels": settings.channels,
        "facts": asdict(settings.facts),
    }


def _fingerprint(job: Job, stamp: Mapping[str, Any]) -> str:
    status = job.source.stat()
    made_of = {**stamp, "size": status.st_size, "changed": status.st_mtime_ns}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def _resume(
    job: Job, settings: BatchSettings, fingerprint: str, before: Mapping[str, Mapping[str, str]]
) -> Done | None:
    path = settings.out / f"{job.name}.json"
    try:
        with path.open("rb") as file:
            if f'"{fingerprint}"'.encode() not in file.read(_HEAD):
                return None
    except FileNotFoundError:
        return None
    row = before.get(job.name)
    if row is not None and row["fingerprint"] == fingerprint and row["status"] != "error":
        return Done(job, row, resumed=True)
    return Done(job, _row(job, calljson.read(path)), resumed=True)


def _row(job: Job, data: Mapping[str, Any]) -> dict[str, Any]:
    states = [script["state"] for script in data["scripts"]]
    alerts = [alert["severity"] for alert in data["alerts"] if alert["state"] != "retracted"]
    score = data["score"] or {}
    return {
        "call": job.name,
        "source": str(job.source),
        "status": "damaged" if data["call"]["damage"] else "ok",
        "duration_s": round(data["call"]["duration_ms"] / 1000, 1),
        "score": score.get("total"),
        "grade": score.get("grade"),
        "fatal_items": sum(1 for line in score.get("lines", ()) if line.get("fatal")),
        "alerts": len(alerts),
        **{f"alerts_{level.value}": alerts.count(level.value) for level in Severity},
        "scripts_met": states.count("met"),
        "scripts_missed": states.count("missed"),
        "gaps": len(data["gaps"]),
        "error": data["call"]["damage"],
        "fingerprint": data["fingerprint"],
    }


def _failed(job: Job, error: str, fingerprint: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"call": job.name, "source": str(job.source), "status": "error", "error": error}
    return {**row, "fingerprint": fingerprint}


def _earlier_rows(out: Path) -> dict[str, dict[str, str]]:
    """The rows of the summary an earlier run left, by call; nothing where it is not one."""
    try:
        text = (out / "summary.csv").read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return {}
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        return {}
    return {row["call"]: row for row in reader}


def _write_summary(out: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows[name] for name in sorted(rows))
    # The byte-order mark lets spreadsheet programs read the Chinese.
    calljson.write_atomically(out / "summary.csv", text.getvalue(), encoding="utf-8-sig")


def default_workers() -> int:
    """One per core, leaving one for the rest of the machine where there are many."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) - (1 if (cores or 1) > 2 else 0))
