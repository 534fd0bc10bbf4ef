"""`monitor calls`: what the store holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import calls_sample, calls_which, options, trail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from monitor.store.schema import Call

_SORTS = (
    *("started_at", "duration", "score", "fatal", "alerts"),
    *("missed", "agent", "queue", "name", "status"),
)


@click.group(
    "calls",
    help=tr(
        """查看、导出、删除通话库里的通话，抽取要复核的。查看、导出、删除和抽检都会记入审计。

        \b
        示例：
          monitor calls list --since 2026-11-01 --fatal
          monitor calls list --sound 退订
          monitor calls show 12
          monitor calls export 12 13 --out 导出/
          monitor calls delete --until 2026-01-01
          0 6 * * * monitor calls sample --deal""",
        """List, show, export and delete the calls of the store, and draw those to review.
        Views, exports, deletions and draws are audited.

        \b
        Examples:
          monitor calls list --since 2026-11-01 --fatal
          monitor calls list --sound tuiding
          monitor calls show 12
          monitor calls export 12 13 --out exported/
          monitor calls delete --until 2026-01-01
          0 6 * * * monitor calls sample --deal""",
    ),
)
def command() -> None:
    pass


@command.command(
    "list",
    help=tr("列出通话，可筛选、搜索、排序。", "List calls: filtered, searched, sorted."),
)
@options.store
@calls_which.filters
@cli.option(
    "--sort",
    type=click.Choice(_SORTS),
    default="started_at",
    zh="按什么排序（默认开始时间）",
    en="sort by (default: when it began)",
)
@cli.option("--ascending", is_flag=True, zh="从小到大", en="smallest first")
@cli.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    zh="最多几通（默认 50）",
    en="at most so many (default 50)",
)
@cli.option(
    "--offset", type=click.IntRange(min=0), default=0, zh="跳过前几通", en="leave out the first"
)
@cli.option("--json", "as_json", is_flag=True, zh="每通一行 JSON", en="one line of JSON per call")
def list_command(
    store: str | None,
    sort: str,
    ascending: bool,
    limit: int,
    offset: int,
    as_json: bool,
    **which: Any,
) -> None:
    from monitor.cli.screen.calls import CallTable, row_of
    from monitor.store import open_store
    from monitor.store.read import hits, list_calls

    with open_store(store) as opened, opened.reading() as session:
        page = list_calls(
            session,
            calls_which.filter_of(which),
            sort=sort,
            descending=not ascending,
            offset=offset,
            limit=limit,
        )
        ids = [call.id for call in page.calls]
        found = hits(session, ids, text=which["text"], sound=which["sound"])
    if as_json:
        for call in page.calls:
            click.echo(json.dumps(row_of(call), ensure_ascii=False))
        return
    table = CallTable(sys.stdout)
    for call in page.calls:
        table.add(call, [hit for hit in found if hit.call_id == call.id])
    table.print()
    shown = f"{offset + 1}–{offset + len(ids)}" if ids else "0"
    click.echo(
        tr(f"共 {page.total} 通，显示 {shown}", f"{page.total} calls, {shown} shown"), err=True
    )


@command.command("show", help=tr("显示一通电话：转写、告警、评分表。", "Show one call."))
@click.argument("call", metavar="ID")
@options.store
def show_command(call: str, store: str | None) -> None:
    from monitor.cli.screen.calls import call_text
    from monitor.store import open_store
    from monitor.store.export import call_json
    from monitor.store.schema import Call

    with open_store(store) as opened:
        with opened.session() as session:
            (number,) = calls_which.chosen(session, [call], {})
            _audit(session, "call.view", number)
        with opened.reading() as session:
            found = session.get_one(Call, number)
            data = call_json(session, number)
    click.echo(call_text(found, data))


@command.command(
    "export",
    help=tr(
        """导出通话 JSON(格式见 docs/call-json.md)。不写 --out 时每通一行，输出到屏幕。""",
        """Export call JSON (docs/call-json.md). Without --out, one line per call on stdout.""",
    ),
)
@calls_which.some
@cli.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    zh="写入此文件夹，每通一个文件",
    en="into this folder, a file per call",
)
@cli.option(
    "--events",
    is_flag=True,
    zh="改为导出实时通话的全部事件（JSON 行）",
    en="all events of live calls instead (JSON lines)",
)
@cli.option(
    "--audio", is_flag=True, zh="连同录音（需要 --out）", en="with recordings (needs --out)"
)
def export_command(
    ids: tuple[str, ...],
    store: str | None,
    out: Path | None,
    events: bool,
    audio: bool,
    **which: Any,
) -> None:
    from monitor.store import open_store

    if audio and out is None:
        raise UserError(tr("--audio 需要 --out", "--audio needs --out"))
    with open_store(store) as opened:
        with opened.reading() as session:
            numbers = calls_which.chosen(session, ids, which)
        for number in numbers:
            with opened.session() as session:
                _audit(session, "call.export", number, events=events, audio=audio)
            with opened.reading() as session:
                _export(session, number, out, events=events, audio=audio)
    if out is not None:
        click.echo(
            tr(f"已导出 {len(numbers)} 通到 {out}", f"{len(numbers)} calls exported to {out}")
        )


@command.command(
    "delete",
    help=tr(
        """删除通话及其录音（别的通话还在用的录音会保留）。不能恢复。""",
        """Delete calls and their recordings (one that another call has too is kept). For good.""",
    ),
)
@calls_which.some
@cli.option("--yes", is_flag=True, zh="不再询问", en="do not ask")
def delete_command(ids: tuple[str, ...], store: str | None, yes: bool, **which: Any) -> int | None:
    from monitor.store import open_store
    from monitor.store.schema import Call
    from monitor.store.write import delete_call

    with open_store(store) as opened:
        with opened.reading() as session:
            numbers = calls_which.chosen(session, ids, which)
        question = tr(
            f"永久删除 {len(numbers)} 通电话及其录音？",
            f"Delete {len(numbers)} calls and their recordings for good?",
        )
        if not numbers or not (yes or click.confirm(question)):
            click.echo(tr("没有删除", "nothing deleted"))
            return None if not numbers else cli.EXIT_FAILED
        deleted = 0
        for number in numbers:
            with opened.session() as session:
                call = session.get(Call, number)
                if call is not None:
                    _audit(session, "call.delete", number, key=call.key, name=call.name)
                    deleted += delete_call(session, number)
    click.echo(tr(f"已删除 {deleted} 通", f"{deleted} calls deleted"))
    return None


@command.command(
    "sample",
    help=tr(
        """按抽检方案抽取要复核的通话，放进“待复核”。不写 PLAN 时用全部启用的方案。

        再次运行只补新来的通话：同一期间抽够了就不再抽，适合由 cron 每天运行。

        \b
        示例：
          monitor calls sample                 全部启用的方案
          monitor calls sample 每周一通 --dry-run
          0 6 * * * monitor calls sample --deal""",
        """Draw the calls that people should review by the sampling plans; without PLAN, by every
        active one.

        Run again, it only adds what has come in: a period that has its number gets no more.
        Fit for cron.

        \b
        Examples:
          monitor calls sample                 every active plan
          monitor calls sample weekly --dry-run
          0 6 * * * monitor calls sample --deal""",
    ),
)
@click.argument("plans", nargs=-1, metavar="[PLAN]...")
@options.store
@cli.option("--deal", is_flag=True, zh="并轮流分配给质检员", en="and deal them out to reviewers")
@cli.option("--dry-run", is_flag=True, zh="只试算，不写入", en="only tell; keep nothing")
def sample_command(plans: tuple[str, ...], store: str | None, deal: bool, dry_run: bool) -> None:
    calls_sample.sample(store, plans, deal=deal, dry_run=dry_run)


def _audit(session: Session, action: str, number: int, **detail: Any) -> None:
    trail.record(session, action, f"call {number}", **detail)


def _export(session: Session, number: int, out: Path | None, *, events: bool, audio: bool) -> None:
    from monitor.base.files import write_atomically
    from monitor.store import export
    from monitor.store.schema import Call

    call = session.get_one(Call, number)
    if events:
        kept = export.events(session, number)
        text = "".join(json.dumps(body, ensure_ascii=False) + "\n" for _, _, body in kept)
    else:
        data = export.call_json(session, number)
        text = json.dumps(data, ensure_ascii=False, indent=1 if out else None) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    stem = f"{_file_name(call)}-{number}"
    write_atomically(out / f"{stem}{'.jsonl' if events else '.json'}", text)
    if audio and call.audio_digest is not None:
        _export_audio(session, call, out / stem)


def _export_audio(session: Session, call: Call, target: Path) -> None:
    from monitor.store.keeping import folder
    from monitor.store.schema import Audio

    audio = session.get_one(Audio, call.audio_digest)
    folder(session).export(audio.digest, audio.suffix, target.with_name(target.name + audio.suffix))


def _file_name(call: Call) -> str:
    """The call's name without what a file's name may not hold."""
    return "".join("_" if char in '/\\:*?"<>|\0' or char < " " else char for char in call.name)[:80]
