"""`monitor watch`: recordings that arrive in folders, scored into the store as they come."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import readable
from monitor.call.facts import DEFAULT_PACKS
from monitor.cli import options

if TYPE_CHECKING:
    from monitor.call.score_recording import Scorer
    from monitor.quality.imports.metadata import Assignment, Known, Pattern, Table
    from monitor.quality.imports.queue import Seen
    from monitor.quality.imports.trial import Trial
    from monitor.quality.imports.worker import Outcome
    from monitor.store import Store

_IDLE_S = 30.0  # `--uploads` alone ends after so long without work: the server starts it again


@click.command(
    "watch",
    help=tr(
        """把文件夹里的录音评分入库，新来的自动处理。还在写入的文件会等它写完；每个录音只处理一次；
        失败的列出原因；中断后用同样的命令继续。可以同时运行多个，分担同一个文件夹。

        \b
        示例：
          monitor watch 录音/
          monitor watch 录音/ --once --metadata 通话.csv
          monitor watch 录音/ --pattern "{started_at}_{agent}_{queue}" """,
        """Score the recordings of folders into the store, and new ones as they come. Files still
        being written are waited for; each is processed once; failures are listed with the
        reason; an interrupted run goes on with the same command. Several may run at once.

        \b
        Examples:
          monitor watch calls/
          monitor watch calls/ --once --metadata calls.csv
          monitor watch calls/ --pattern "{started_at}_{agent}_{queue}" """,
    ),
)
@click.argument("folders", nargs=-1, metavar="DIR...", type=click.Path(path_type=Path))
@options.store
@cli.option("--once", is_flag=True, zh="处理完现有的就结束", en="end when what is there is done")
@cli.option(
    "--uploads",
    is_flag=True,
    zh="处理网页上传的录音（monitor serve 会自动启动）",
    en="score what was uploaded to the web pages (monitor serve starts this by itself)",
)
@cli.option(
    "--metadata",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CSV",
    zh="通话信息表：文件、坐席、队列、方向、客户等级、开始时间、挂机方……",
    en="table of what is known of the calls: file, agent, queue, direction, tier, started_at, …",
)
@cli.option(
    "--pattern",
    metavar="TEXT",
    zh='从文件名取通话信息，如 "{started_at}_{agent}_{queue}"',
    en='take it from the file names, e.g. "{started_at}_{agent}_{queue}"',
)
@cli.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    zh="隔几秒看一次文件夹；两次之间没有变化的文件才处理",
    en="look at the folders every so many seconds; a file is taken once it no longer changes",
)
@cli.option("--retry", is_flag=True, zh="重试以前失败的", en="try again what failed before")
@options.packs
@options.recogniser
@options.second
@options.channels
def command(
    folders: tuple[Path, ...],
    store: str | None,
    once: bool,
    uploads: bool,
    metadata: Path | None,
    pattern: str | None,
    every: float,
    retry: bool,
    packs: tuple[str, ...],
    asr: str | None,
    confirm: str | None,
    channels: str | None,
) -> int | None:
    if not folders and not uploads:
        raise UserError(tr("请给出文件夹，或用 --uploads", "name a folder, or use --uploads"))
    from monitor.call import engine
    from monitor.call.live import interruptible
    from monitor.call.score_recording import Scorer
    from monitor.quality.imports import queue
    from monitor.quality.imports.metadata import Pattern
    from monitor.quality.imports.trial import Trial
    from monitor.store import open_store

    watched = [folder.expanduser().absolute() for folder in folders]
    parties = options.channel_map(channels)
    facts = _Facts(metadata, Pattern(pattern) if pattern else None)
    for folder in watched:
        queue.look(folder)
    with open_store(store) as opened, interruptible() as stopped:
        loaded = engine.load(asr, packs or DEFAULT_PACKS)
        again = options.confirmer(confirm, asr)
        second = engine.load_second(again, loaded) if again else None
        scorer = Scorer(loaded, second, parties)
        origins = [readable(folder) for folder in watched] + [queue.UPLOAD] * uploads
        if retry:
            with opened.session() as session:
                queue.retry(session, origins=origins)
        trial = Trial(asr, packs or DEFAULT_PACKS, confirm, parties)
        run = _Run(opened, scorer, origins, stopped, trial)
        if watched:
            click.echo(
                tr("监视 ", "watching ") + ", ".join(map(str, watched)) + f" → {opened.url_shown}",
                err=True,
            )
        _watch(run, watched, facts, every, once)
        if stopped():
            click.echo(
                tr("已停止；用同样的命令继续", "stopped; the same command goes on"), err=True
            )
    return cli.EXIT_FAILED if run.failed else None


class _Facts:
    """What CSV and file names say; a CSV that is changed while we watch is read anew."""

    def __init__(self, csv: Path | None, pattern: Pattern | None) -> None:
        from monitor.base.time_zone import local_zone

        self._zone = local_zone()
        self._csv = csv
        self._pattern = pattern
        self._table: Table | None = None
        self._read_ns = -1
        self._assigned: Assignment | None = None
        self.refresh()

    def refresh(self) -> None:
        """Read the CSV where it has changed.

        Raises:
            UserError: it cannot be read.
        """
        from monitor.quality.imports.metadata import read_csv

        if self._csv is None:
            return
        changed = self._csv.stat().st_mtime_ns if self._csv.exists() else -1
        if self._table is None or changed != self._read_ns:
            self._read_ns = changed
            self._table = read_csv(self._csv, self._zone)

    def assign(self, paths: Sequence[Path]) -> None:
        """Find the rows of all recordings of a folder: which is whose depends on the others."""
        self._assigned = self._table.assign(paths) if self._table else None

    def complaints(self) -> list[str]:
        """What rows and recordings of the last `assign` have no counterpart."""
        if self._assigned is None or self._csv is None:
            return []
        return self._assigned.complaints(readable(self._csv))

    def of(self, path: Path) -> Known:
        """What is known of a recording; the CSV comes before the file's name.

        Raises:
            UserError: a part of the name cannot be read.
        """
        from monitor.quality.imports.metadata import Known

        listed = (self._assigned.known.get(path) if self._assigned else None) or Known()
        named = (self._pattern.match(path, self._zone) if self._pattern else None) or Known()
        return listed.over(named)


class _Run:
    """Works the table of imports off, one recording after the other."""

    def __init__(
        self,
        store: Store,
        scorer: Scorer,
        origins: Sequence[str],
        stopped: Callable[[], bool],
        trial: Trial,
    ) -> None:
        self.store = store
        self._trial = trial
        self.stopped = stopped
        self.failed = False
        self._scorer = scorer
        self._origins = origins

    def one(self) -> bool:
        """Score the next one; False when nothing waits."""
        from monitor.quality.imports.worker import next_one

        outcome = next_one(self.store, self._scorer, self._origins, self.stopped, self._trial)
        if outcome is None:
            return False
        self.failed |= outcome.status == "failed"
        click.echo(_line(outcome), err=outcome.status == "failed")
        return True


def _watch(run: _Run, folders: Sequence[Path], facts: _Facts, every: float, once: bool) -> None:
    before: dict[Path, Mapping[Path, Seen]] = {}
    complained = ""
    told: dict[Path, Sequence[str]] = {}
    idle_since = time.monotonic()
    while not run.stopped():
        try:
            facts.refresh()
            changing = [_look(run, folder, facts, before, told) for folder in folders]
            complained = ""
        except UserError as error:
            if once:
                raise
            changing = []
            if str(error) != complained:
                complained = str(error)
                click.echo(complained, err=True)
        while not run.stopped() and run.one():
            idle_since = time.monotonic()
        if once and not any(changing):
            return
        if not folders and time.monotonic() - idle_since > _IDLE_S:
            return
        _pause(every, run.stopped)


def _look(
    run: _Run,
    folder: Path,
    facts: _Facts,
    before: dict[Path, Mapping[Path, Seen]],
    told: dict[Path, Sequence[str]],
) -> bool:
    """Note the recordings of a folder that have settled; True while others are still changing.

    Files that are passed over, rows and recordings that do not match are told when they change.
    """
    from monitor.quality.imports import queue

    others: Counter[str] = Counter()
    now = queue.look(folder, others)
    facts.assign(list(now))
    problems = [*options.passed_over(others), *facts.complaints()]
    if problems != told.get(folder, []):
        told[folder] = problems
        for problem in problems:
            click.echo(problem, err=True)
    earlier = before.get(folder, {})
    before[folder] = now
    ready = queue.settled(earlier, now)
    with run.store.reading() as session:
        new = queue.unknown(session, ready)
        waiting = queue.unknown(session, [s for s in now.values() if s not in ready])
    if new:
        noted = [(seen, str(seen.path.relative_to(folder)), facts.of(seen.path)) for seen in new]
        with run.store.session() as session:
            queue.add(session, str(folder), noted)
    return bool(waiting)


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not stopped() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))


def _line(outcome: Outcome) -> str:
    match outcome.status:
        case "done":
            score = f"{outcome.score:g}" if outcome.score is not None else "-"
            text = tr(
                f"完成 {outcome.name}  通话 {outcome.call_id}  得分 {score}",
                f"done {outcome.name}  call {outcome.call_id}  score {score}",
            )
            if outcome.fatal_items:
                text += tr(f"  致命 {outcome.fatal_items}", f"  fatal {outcome.fatal_items}")
            return f"{text}  {outcome.reason}".rstrip()
        case "duplicate":
            return tr(
                f"重复 {outcome.name}  与通话 {outcome.call_id} 是同一个录音",
                f"same {outcome.name}  the recording of call {outcome.call_id}",
            )
        case _:
            return tr(
                f"失败 {outcome.name}  {outcome.reason}", f"failed {outcome.name}  {outcome.reason}"
            )
