"""Recorded calls by the thousand. The only file with processes.

Results go to a folder – one JSON file per call, written atomically, and a
`summary.csv` –, to a store, or to both. A run that was interrupted resumes: a
call whose result carries the fingerprint of the same audio, recogniser and
rules is not scored again.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.audio import file as audio_file
from monitor.base import files
from monitor.base.errors import UserError
from monitor.base.i18n import Language, tr, use_language
from monitor.base.names import readable, stem_of
from monitor.base.orphans import end_with_parent
from monitor.call import engine
from monitor.call.batch_folder import Folder, failed_row, row_of
from monitor.call.facts import DEFAULT_PACKS, CallFacts, Channels
from monitor.call.score_recording import Scorer, manner

if TYPE_CHECKING:
    from monitor.store.packs import PackText
    from monitor.store.recordings import Recordings


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How every call of the run is scored, and where its results go: a folder (`out`), a store
    (as `monitor.store.open_store` takes it), or both."""

    out: Path | None
    packs: tuple[str, ...] = DEFAULT_PACKS
    asr: str | None = None
    confirm: str | None = None
    channels: Channels = None
    facts: CallFacts = field(default_factory=CallFacts)
    language: Language = "zh"
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and the name (relative, without suffix) of its results."""

    source: Path
    name: str
    bytes: int

    @property
    def shown(self) -> str:
        """The file, as text that can be written and printed anywhere."""
        return readable(self.source)


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
        names.setdefault(stem_of(Path(name)), []).append(source)
    jobs = []
    for name, sources in names.items():
        for source in sources:
            # Recordings that differ in their suffix alone keep it in the result's name.
            own = name if len(sources) == 1 else readable(found[source])
            jobs.append(Job(source, own, _size(source)))
    taken: dict[str, Path] = {}
    for job in jobs:
        if job.name in taken:
            raise UserError(
                tr(
                    f"{taken[job.name]} 与 {job.source} 的结果会同名({job.name}.json)，请分开评分",
                    f"{taken[job.name]} and {job.source} would both write {job.name}.json:"
                    " score them in separate runs",
                )
            )
        taken[job.name] = job.source
    return sorted(jobs, key=lambda job: job.name)


def passed_over(paths: Sequence[str]) -> dict[str, int]:
    """How many files of which ending (lower case, maybe none) folders hold that are not looked at
    as recordings; hidden ones do not count."""
    found: Counter[str] = Counter()
    for path in map(Path, paths):
        if path.is_dir():
            found.update(
                source.suffix.lower()
                for source in _files(path)
                if not audio_file.is_named_as_recording(source)
            )
    return dict(found.most_common())


def _files(folder: Path) -> list[Path]:
    hidden = len(folder.parts)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts[hidden:])
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone since it was found: told when its turn comes
        return 0


def _expand(text: str) -> Iterator[tuple[Path, str]]:
    path = Path(text)
    if path.is_dir():
        for source in _files(path):
            if audio_file.is_named_as_recording(source):
                yield source, str(source.relative_to(path))
        return
    if _is_file(path):
        yield path, path.name
        return
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else text
    matches = sorted(p for p in anchor.glob(pattern) if p.is_file()) if _is_glob(text) else []
    if not matches:
        raise UserError(tr(f"{text}：没有这个文件或文件夹", f"{text}: no such file or folder"))
    for source in matches:
        yield source, source.name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or no name at all
        return False


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
    _calls(settings)  # a store that cannot be opened is found out before anything is scored
    _scorer.cache_clear()  # a pack may have changed since this process last scored something
    _texts.cache_clear()
    scorer = _scorer(settings)
    rows: dict[str, Mapping[str, Any]] = {}
    folder = _folder(settings)
    todo: list[tuple[Job, str]] = []
    try:
        for job in jobs:
            try:
                fingerprint = scorer.fingerprint(job.source, settings.facts)
                done = _resume(job, settings, fingerprint)
            except OSError as error:  # this file is gone or may not be read; others go on
                done = _failed(job, settings, _unreadable(job.source, error), "")
            if done is None:
                todo.append((job, fingerprint))
            else:
                rows[job.name] = done.row
                report(done)
        for done in _run(todo, settings, workers):
            rows[done.job.name] = done.row
            report(done)
    finally:
        if folder is not None:
            folder.write_summary(rows)
        _close(settings)
    return not any(row["status"] != "ok" for row in rows.values())


def _run(todo: Sequence[tuple[Job, str]], settings: BatchSettings, workers: int) -> Iterator[Done]:
    if workers <= 1 or len(todo) <= 1:
        for job, fingerprint in todo:
            yield _score_one(settings, job, fingerprint)
        return
    # Fork would copy onnxruntime's threads and locks; fresh interpreters are safe.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, end_with_parent) as pool:
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
                    "一个工作进程意外退出（可能内存不足）；已完成的已保存，请减小 --jobs 重新运行",
                    "a worker process died (out of memory?); what was done is kept:"
                    " run again with fewer --jobs",
                )
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _score_one(settings: BatchSettings, job: Job, fingerprint: str) -> Done:
    use_language(settings.language)
    folder, calls = _folder(settings), _calls(settings)
    try:
        same = calls.alike(job.source, manner(fingerprint)) if calls else None
        if same is not None:
            return _taken(job, settings, same)
        data = _scorer(settings).score(job.source, job.shown, settings.facts)
        if folder is not None:
            folder.write(job.name, data)
        if calls is not None:
            calls.save(job.source, data, _texts(settings))
        return Done(job, row_of(job.name, job.shown, data))
    except files.OutputError:
        raise
    except UserError as error:
        return _failed(job, settings, str(error), fingerprint)
    except Exception as error:  # one call's defect must not stop the other 99,999
        reason = tr("内部错误", "internal error") + f": {type(error).__name__}: {error}"
        return _failed(job, settings, f"{job.shown}: {reason}", fingerprint)


def _unreadable(path: Path, error: OSError) -> str:
    shown = readable(path)
    return tr(f"{shown}：无法读取：{error.strerror}", f"{shown}: cannot be read: {error.strerror}")


def _failed(job: Job, settings: BatchSettings, error: str, fingerprint: str) -> Done:
    calls = _calls(settings)
    if calls is not None:
        calls.save_failed(job.source, job.name, error)
    return Done(job, failed_row(job.name, job.shown, error, fingerprint))


@lru_cache(maxsize=1)
def _scorer(settings: BatchSettings) -> Scorer:
    """What scores this process's calls, loaded at its first call."""
    loaded = engine.load(settings.asr, settings.packs)
    second = engine.load_second(settings.confirm, loaded) if settings.confirm else None
    return Scorer(loaded, second, settings.channels)


def _resume(job: Job, settings: BatchSettings, fingerprint: str) -> Done | None:
    """The call as an earlier run left it, brought to whichever place lacks it; None where it has
    to be scored."""
    folder, calls = _folder(settings), _calls(settings)
    call_id = calls.find(fingerprint, job.shown) if calls else None
    written = folder is not None and folder.has(job.name, fingerprint)
    if folder is not None and written:
        lacks = calls is not None and call_id is None
        if calls is not None and lacks and calls.alike(job.source, manner(fingerprint)) is None:
            calls.save(job.source, folder.read(job.name), _texts(settings))
        row = folder.row(job.name, job.shown, fingerprint)
        return Done(job, row, resumed=True)
    if calls is None or call_id is None:
        return None
    return _taken(job, settings, call_id)


def result(settings: BatchSettings, done: Done) -> dict[str, Any]:
    """The call JSON of a call that is done."""
    folder = _folder(settings)
    if folder is not None:
        return folder.read(done.job.name)
    calls = _calls(settings)
    call_id = calls.alike(done.job.source, manner(done.row["fingerprint"])) if calls else None
    if calls is None or call_id is None:
        raise ValueError("the call is kept nowhere")
    data = calls.read(call_id)
    _close(settings)
    return data


def _taken(job: Job, settings: BatchSettings, call_id: int) -> Done:
    """A call that the store has, written to the folder too where there is one."""
    folder, calls = _folder(settings), _calls(settings)
    assert calls is not None
    if folder is not None:
        folder.write(job.name, calls.read(call_id))
    row = {"call": job.name, "source": job.shown, **calls.row(call_id)}
    return Done(job, row, resumed=True)


@lru_cache(maxsize=1)
def _folder(settings: BatchSettings) -> Folder | None:
    return Folder(settings.out) if settings.out is not None else None


@lru_cache(maxsize=1)
def _calls(settings: BatchSettings) -> Recordings | None:
    """This process's way to the store, if one is asked for."""
    if settings.store is None:
        return None
    from monitor.store.recordings import Recordings

    return Recordings(settings.store)


def _close(settings: BatchSettings) -> None:
    """Let go of the places: another run in this process must see them as they are then."""
    calls = _calls(settings)
    if calls is not None:
        calls.close()
    _calls.cache_clear()
    _folder.cache_clear()


@lru_cache(maxsize=1)
def _texts(settings: BatchSettings) -> tuple[PackText, ...]:
    from monitor.store.packs import texts_of

    return texts_of(_scorer(settings).engine.rulebook)


def default_workers() -> int:
    """One per core, leaving one for the rest of the machine where there are many."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) - (1 if (cores or 1) > 2 else 0))
