"""`monitor score`: recorded calls."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import language, tr
from monitor.base.names import readable
from monitor.call.facts import DEFAULT_PACKS
from monitor.cli import options
from monitor.cli.clean_output import raw
from monitor.events import Direction


@click.command(
    "score",
    help=tr(
        """为录音评分。PATH 可以是文件、文件夹或通配符。结果写入文件夹(每通电话一个 JSON,
        另有汇总 summary.csv)、通话库，或两处都写；中断后用同样的命令继续，已完成的不再重算。

        \b
        示例：
          monitor score 录音/ --out 结果/
          monitor score 录音/ --store
          monitor score a.wav b.mp3 --out 结果/ --pack unicom-10010
          monitor score '录音/*.wav' --out 结果/ --channels customer,agent --jobs 4""",
        """Score recorded calls. PATH is a file, a folder or a glob. Results go to a folder
        (one JSON per call and a summary.csv), to the store, or to both; an interrupted run
        resumes with the same command.

        \b
        Examples:
          monitor score calls/ --out results/
          monitor score calls/ --store
          monitor score a.wav b.mp3 --out results/ --pack unicom-10010
          monitor score 'calls/*.wav' --out results/ --channels customer,agent --jobs 4""",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@cli.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    zh="结果文件夹（--out、--store 至少一个）",
    en="folder for the results (this, --store, or both)",
)
@options.store_or_none
@options.packs
@options.recogniser
@options.second
@options.channels
@cli.option(
    "--jobs",
    type=click.IntRange(min=1),
    zh="并行进程数（默认按核数）",
    en="processes (default: cores)",
)
@options.facts
def command(
    paths: tuple[str, ...],
    out: Path | None,
    store: str | None,
    packs: tuple[str, ...],
    asr: str | None,
    confirm: str | None,
    channels: str | None,
    jobs: int | None,
    started_at: str | None,
    direction: Direction | None,
    fact: tuple[str, ...],
) -> int | None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from monitor.call import batch
    from monitor.cli.screen.card import row_text, stored_card_text
    from monitor.store import place

    if out is None and store is None:
        raise UserError(
            tr(
                "请用 --out 指定结果文件夹，或用 --store 存入通话库",
                "say where the results go: --out DIR, --store, or both",
            )
        )
    settings = batch.BatchSettings(
        out=out,
        packs=packs or DEFAULT_PACKS,
        asr=asr,
        confirm=options.confirmer(confirm, asr),
        channels=options.channel_map(channels),
        facts=options.call_facts(started_at, direction, fact),
        language=language(),
        store=store,
    )
    found = batch.find_jobs(paths)
    for line in options.passed_over(batch.passed_over(paths)):
        click.echo(line, err=True)
    if not found:
        click.echo(tr("没有找到录音", "no recordings found"), err=True)
        return cli.EXIT_USAGE
    workers = min(jobs or batch.default_workers(), len(found))
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(tr("剩余", "left")),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(file=raw(sys.stderr)),
    ) as progress:
        task = progress.add_task(tr("评分", "scoring"), total=len(found))

        last: list[batch.Done] = []

        def report(done: batch.Done) -> None:
            last[:] = [done]
            progress.update(task, advance=1)
            text = row_text(done.row, resumed=done.resumed)
            # Failures belong on stderr with the bar, results on stdout.
            if done.failed:
                progress.console.print(
                    text, style="red", highlight=False, markup=False, soft_wrap=True
                )
            elif progress.console.is_terminal:
                progress.console.print(text, highlight=False, markup=False, soft_wrap=True)
            else:
                click.echo(text)

        succeeded = batch.score_all(found, settings, workers, report)
    if len(found) == 1 and succeeded:
        click.echo(stored_card_text(batch.result(settings, last[0])))
    if out is not None:
        click.echo(tr("汇总：", "summary: ") + readable(out / "summary.csv"))
    if store is not None:
        click.echo(tr("通话库：", "store: ") + place.find(store).shown)
    return None if succeeded else cli.EXIT_FAILED
