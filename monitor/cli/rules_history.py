"""The work of `monitor rules coverage`, `backtest` and `explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from monitor import rules
from monitor.base import call_record
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli.rules_check import named, resolve_each
from monitor.rules.language.yaml_source import suggest
from monitor.rules.tools import coverage as covering
from monitor.rules.tools.backtest import Quote, RuleHistory
from monitor.rules.tools.backtest import backtest as run_backtest
from monitor.rules.tools.explain import explain as explain_rule
from monitor.rules.tools.replay import from_json


def coverage(packs: Sequence[str], inventory: str | None, full: bool) -> int:
    """Print the table; 1 when an inventory row is neither covered nor explained."""
    texts = covering.read_inventory(Path(inventory)) if inventory else None
    found = covering.cover(resolve_each(named(packs)), texts)
    words = {
        covering.Standing.ENFORCED: tr("告警", "enforced"),
        covering.Standing.TIP: tr("只提示", "tip only"),
        covering.Standing.NEEDS_DATA: tr("要话务资料", "needs data"),
        covering.Standing.OFF: tr("平时不开", "off by default"),
        covering.Standing.NOT_COVERED: tr("不查", "not covered"),
        covering.Standing.MISSING: tr("遗漏", "missing"),
    }
    head = (tr("节", "section"), tr("条目", "rows"), *words.values())
    click.echo("\t".join(head))
    for section in covering.SECTIONS:
        by_standing = found.counts(section)
        counts = (sum(by_standing.values()), *(by_standing[standing] for standing in words))
        click.echo("\t".join([section, *map(str, counts)]))
    if full:
        for row in found.rows.values():
            said = ", ".join(row.rules) or "; ".join(row.reasons)
            needs = f" ({', '.join(row.needs)})" if row.needs else ""
            click.echo(f"{row.id}\t{words[row.standing]}{needs}\t{said}\t{row.text[:40]}")
    elif found.missing and inventory:
        click.echo(tr("遗漏：", "missing: ") + " ".join(row.id for row in found.missing))
    if inventory and found.unknown:
        click.echo(tr("清单里没有的条目：", "not in the inventory: ") + " ".join(found.unknown))
    return 1 if inventory and (found.missing or found.unknown) else 0


def backtest(pack: str, calls: str, against: str | None, quotes: int) -> int:
    """Run a pack over a folder of call JSON and print each rule's history."""
    book = rules.load([pack])
    other = rules.load([against]) if against else None
    skipped: list[str] = []
    result = run_backtest(book, _calls(Path(calls), skipped), other)
    for reason in skipped:
        click.echo(reason, err=True)
    if not result.calls:
        raise UserError(
            tr(
                f"{calls}：没有通话 JSON（先用 monitor score 生成）",
                f"{calls}: no call JSON (make some with `monitor score`)",
            )
        )
    click.echo(
        tr(
            f"{result.calls} 通，{result.hours:.2f} 小时",
            f"{result.calls} calls, {result.hours:.2f} hours",
        )
    )
    ranked = sorted(result.rules.values(), key=lambda h: (-len(h.new) - len(h.lost), -len(h.hits)))
    for history in ranked:
        if history.hits or history.new or history.lost:
            _show_history(history, result.calls, result.hours, result.compared, quotes)
    quiet = sum(not (h.hits or h.new or h.lost) for h in ranked)
    click.echo(tr(f"没有命中的规则：{quiet} 条", f"rules without a hit: {quiet}"))
    return 1 if skipped else 0


def _show_history(
    history: RuleHistory, calls: int, hours: float, compared: bool, quotes: int
) -> None:
    rate = f"{len(history.hits) / hours:.2f}" if hours else "–"
    line = tr(
        f"{len(history.calls)}/{calls} 通，每小时 {rate} 次",
        f"{len(history.calls)}/{calls} calls, {rate} per hour",
    )
    if compared:
        line += tr(
            f"，新增 {len(history.new)}，消失 {len(history.lost)}",
            f", {len(history.new)} new, {len(history.lost)} lost",
        )
    precision = history.precision
    if precision is not None:
        low, high = precision.bounds
        line += tr(
            f"，准确率 {precision.value:.0%}（95% 区间 {low:.0%}–{high:.0%}，"
            f"复核 {precision.reviewed} 次）",
            f", precision {precision.value:.0%} (95 %: {low:.0%}–{high:.0%}, "
            f"{precision.reviewed} reviewed)",
        )
    click.echo(click.style(history.rule, bold=True) + f"  {history.title}\n  {line}")
    shown = [("+", history.new), ("-", history.lost)] if compared else [("·", history.hits)]
    for mark, found in shown:
        for quote in found[:quotes]:
            click.echo(f"    {mark} {_told(quote)}")


def _told(quote: Quote) -> str:
    at = f"{quote.at_ms // 60_000:02d}:{quote.at_ms // 1000 % 60:02d}"
    return f"{quote.call} {at} “{quote.text}”"


def _calls(folder: Path, skipped: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not folder.is_dir():
        raise UserError(tr(f"{folder}：没有这个文件夹", f"{folder}: there is no such folder"))
    for file in sorted(folder.rglob("*.json")):
        try:
            data = call_record.read(file)
            from_json(data)
        except UserError as error:
            skipped.append(str(error))
            continue
        yield file.stem, data


def explain(call: str, rule: str, packs: Sequence[str]) -> int:
    """Say why a rule fired in a stored call, or why not."""
    data = call_record.read(Path(call))
    known = from_json(data)
    names = list(packs) or [pack.partition("@")[0] for pack in known.info.packs]
    if not names:
        raise UserError(
            tr(
                f"{call} 没有记下规则包；请用 --pack 指明",
                f"{call} does not name its packs; name one with --pack",
            )
        )
    book = rules.load(names)
    if rule not in book.rules:
        raise UserError(
            tr(f"这些规则包里没有规则 {rule}", f"these packs have no rule {rule}")
            + suggest(rule, book.rules)
        )
    for line in explain_rule(book, known, rule):
        click.echo(line)
    return 0
