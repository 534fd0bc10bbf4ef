"""`monitor report`: daily, weekly and monthly summaries, agents, calls, and whole tables."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import options

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from monitor.quality.periods import Per, Span
    from monitor.quality.reports.report import Look
    from monitor.quality.reports.sheets import Sheet
    from monitor.quality.scope import Scope
    from monitor.store import Store
    from monitor.store.schema import Call

_PERIODS: dict[str, Per] = {"daily": "day", "weekly": "week", "monthly": "month"}
_TABLES = ("calls", "findings", "scripts", "scorecards")
_FORMATS = ("text", "html", "pdf", "xlsx", "csv", "jsonl")


@click.command(
    "report",
    help=tr(
        """质检报表。KIND:daily、weekly、monthly(默认上一整天、整周、整月);agent 名字;
        call 编号;calls、findings、scripts、scorecards 导出整张表。可由 cron 定时运行。

        \b
        示例：
          monitor report daily
          monitor report weekly --format pdf --out 周报.pdf
          monitor report agent A01 --date 2026-11-20 --format html --out A01.html
          monitor report calls --format xlsx --out 通话.xlsx
          30 7 * * * monitor report daily --format html --out /报表/$(date +%F).html""",
        """Quality reports. KIND is daily, weekly or monthly (by default the last whole one);
        agent NAME; call NUMBER; or calls, findings, scripts, scorecards for a whole table.
        Fit for cron.

        \b
        Examples:
          monitor report daily
          monitor report weekly --format pdf --out week.pdf
          monitor report agent A01 --date 2026-11-20 --format html --out A01.html
          monitor report calls --format xlsx --out calls.xlsx
          30 7 * * * monitor report daily --format html --out /reports/$(date +%F).html""",
    ),
)
@click.argument("kind", type=click.Choice([*_PERIODS, "agent", "call", *_TABLES]), metavar="KIND")
@click.argument("name", required=False, metavar="[NAME]")
@options.store
@cli.option(
    "--date",
    "day",
    metavar="DAY",
    zh="期间里的任意一天，如 2026-11-20（默认上一期）",
    en="any day of the period, e.g. 2026-11-20 (default: the last whole one)",
)
@cli.option(
    "--per",
    type=click.Choice(["day", "week", "month"]),
    default="month",
    show_default=True,
    zh="agent 和整张表的期间",
    en="the period of `agent` and of tables",
)
@cli.option("--agent", metavar="NAME", zh="只看这个坐席", en="only this agent's calls")
@cli.option("--queue", metavar="NAME", zh="只看这个队列", en="only this queue's calls")
@cli.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    zh="格式（默认：摘要为 text,agent 和 call 为 html，整张表为 csv；给了 --out 时按其后缀）",
    en="format (default: text for summaries, html for agents and calls, csv for tables; with"
    " --out, by its suffix)",
)
@cli.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    zh="写入文件（默认写到屏幕）",
    en="write to this file (default: to the screen)",
)
def command(
    kind: str,
    name: str | None,
    store: str | None,
    day: str | None,
    per: Per,
    agent: str | None,
    queue: str | None,
    form: str | None,
    out: Path | None,
) -> None:
    from monitor.base.time_zone import local_zone
    from monitor.store import open_store

    if (name is not None) != (kind in ("agent", "call")):
        raise UserError(
            tr(
                "agent 后面写坐席名，call 后面写通话编号，其他类型后面不写名称",
                "`agent` needs the agent's name and `call` the call's number; the others take none",
            )
        )
    chosen = form or _format_of(out, kind)
    zone = local_zone()
    now = datetime.now(UTC)
    span = _span(kind, per, day, now.astimezone(zone).date())
    with open_store(store) as opened, opened.reading() as session:
        from monitor.quality.reports.report import Look
        from monitor.quality.scope import Scope

        scope = Scope(span, zone, agent=name if kind == "agent" else agent, queue=queue)
        data = _make(session, kind, name, scope, chosen, Look(now, zone))
        _note(opened, kind, name, scope, chosen)
    _write(data, chosen, out)


def _note(store: Store, kind: str, name: str | None, scope: Scope, form: str) -> None:
    """Reports tell of calls: whoever had one made is in the audit trail, as on the web."""
    from sqlalchemy import func, select

    from monitor.cli import trail
    from monitor.quality.reports import report
    from monitor.store.schema import Call

    with store.session() as session:
        if kind == "call":
            trail.record(session, "call.export", f"call {name}", format=form)
        elif kind in _TABLES:
            counted = select(func.count()).select_from(Call).where(*scope.conditions())
            count = session.scalar(counted) or 0
            trail.record(session, "calls.export", f"{count} calls", table=kind, format=form)
        else:
            what = f"agent {name}" if kind == "agent" else report.heading(scope)
            trail.record(session, "report.export", what, format=form)


def _make(
    session: Session, kind: str, name: str | None, scope: Scope, form: str, look: Look
) -> bytes:
    from monitor.quality.reports import extracts, report, summary

    if kind == "call":
        return _page(report.of_call(session, _call(session, name or ""), look), form, kind)
    if kind in _TABLES:
        return _sheets([_table(session, kind, scope)], form, kind)
    if kind == "agent":
        found = summary.gather_agent(session, scope)
        if not found.own.now.calls:
            raise UserError(
                tr(f"{scope.agent}：这个期间没有通话", f"{scope.agent}: no calls in this period")
            )
        gathered = found.own
        if form in ("html", "pdf"):
            return _page(report.of_agent(found, look), form, kind)
    else:
        gathered = summary.gather(session, scope)
        if form in ("html", "pdf"):
            return _page(report.of_summary(gathered, look), form, kind)
    if form == "text":
        return report.to_text(gathered).encode()
    return _sheets(extracts.of_summary(gathered), form, kind)


def _table(session: Session, kind: str, scope: Scope) -> Sheet:
    from monitor.quality.reports import extracts

    where = scope.conditions()
    match kind:
        case "calls":
            return extracts.calls(session, where, scope.zone)
        case "findings":
            return extracts.findings(session, where)
        case "scripts":
            return extracts.missed(session, where)
        case _:
            return extracts.cards(session, where, scope.zone)


def _page(html: str, form: str, kind: str) -> bytes:
    from monitor.quality.reports import report

    if form == "html":
        return html.encode()
    if form == "pdf":
        return report.to_pdf(html)
    raise _unfit(form, kind)


def _sheets(sheets: list[Sheet], form: str, kind: str) -> bytes:
    from monitor.quality.reports import sheets as files

    match form:
        case "xlsx" | "csv" | "jsonl":
            return files.write(sheets, form)
        case _:
            raise _unfit(form, kind)


def _unfit(form: str, kind: str) -> UserError:
    return UserError(tr(f"{kind} 没有 {form} 格式", f"{kind} has no format {form}"))


def _call(session: Session, number: str) -> Call:
    from monitor.store.schema import Call

    call = session.get(Call, int(number)) if number.isdecimal() and len(number) < 10 else None
    if call is None:
        raise UserError(tr(f"没有通话 {number}", f"there is no call {number}"))
    return call


def _format_of(out: Path | None, kind: str) -> str:
    if out is not None:
        suffix = out.suffix.lower().lstrip(".")
        known = {"txt": "text", "htm": "html"}.get(suffix, suffix)
        if known in _FORMATS:
            return known
    return "html" if kind in ("agent", "call") else "csv" if kind in _TABLES else "text"


def _span(kind: str, per: Per, day: str | None, today: date) -> Span:
    """The period that `day` lies in; without one, the last whole one before today (for agents
    and tables, the running one)."""
    from monitor.quality.periods import span_of

    period = _PERIODS.get(kind, per)
    if day is not None:
        try:
            return span_of(date.fromisoformat(day), period)
        except ValueError:
            raise UserError(
                tr(
                    f"--date {day}：不是日期，请写成 2026-11-20",
                    f"--date {day}: not a date such as 2026-11-20",
                )
            ) from None
    running = span_of(today, period)
    if kind not in _PERIODS:
        return running
    return span_of(running.since - timedelta(days=1), period)


def _write(data: bytes, form: str, out: Path | None) -> None:
    if out is None:
        if form in ("pdf", "xlsx") and sys.stdout.isatty():
            raise UserError(tr(f"{form} 请用 --out 写入文件", f"write {form} to a file with --out"))
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    from monitor.base.files import write_bytes_atomically

    write_bytes_atomically(out, data)
    click.echo(f"{out}", err=True)
