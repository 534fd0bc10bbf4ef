"""The work of `monitor rules dialogues`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.rules.language.dialogue_file import read_dialogues
from monitor.rules.tools.dialogues import Outcome, Runner, Tally, tally


def dialogues(
    files: Sequence[str],
    packs: Sequence[str],
    as_json: bool,
    noise: float,
    min_recall: float | None,
    max_false: float | None,
) -> int:
    """Run the files and print; 1 below `min_recall` or above `max_false`."""
    read = [read_dialogues(Path(file)) for file in files]
    if not any(file.dialogues for file in read):
        raise UserError(tr("这些文件里没有对话", "there are no dialogues in these files"))
    runner = Runner(tuple(packs), noise)
    outcomes: list[Outcome] = []
    for file in read:
        for outcome in runner.run(file):
            outcomes.append(outcome)
            if as_json:
                click.echo(json.dumps(outcome.to_json(), ensure_ascii=False))
    table = tally(outcomes)
    if not as_json:
        _show(table, outcomes)
    return _judge(table["∑", "∑"], min_recall, max_false)


def _show(table: dict[tuple[str, str], Tally], outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        for want, found in outcome.wants:
            if not found:
                click.echo(
                    click.style(tr("漏 ", "missed "), fg="yellow")
                    + f"{outcome.id} {outcome.kind} [{want}]"
                )
        for alert in outcome.false:
            told = f"{alert.rule} ({alert.severity.value}) “{alert.quote}”"
            mark = click.style(tr("误 ", "false "), fg="red")
            click.echo(f"{mark}{outcome.id} {outcome.kind} {told}")
    head = (tr("类", "family"), tr("种", "kind"), tr("通话", "calls"), tr("找到", "found"),
            tr("误报的清白通话", "clean calls alarmed"), tr("误报", "false alarms"))  # fmt: skip
    click.echo("\t".join(head))
    for fam, kind in _rows(table):
        row = table[fam, kind]
        recall = f"{row.found}/{row.wants} {row.recall:.0%}" if row.wants else "–"
        alarmed = f"{row.alarmed}/{row.clean}" if row.clean else "–"
        click.echo("\t".join([fam, kind, str(row.calls), recall, alarmed, str(row.false)]))
    total = table["∑", "∑"]
    hours = total.agent_ms / 3_600_000
    click.echo(
        tr(
            f"客服说话 {hours:.2f} 小时，误报每小时 {total.false / hours if hours else 0:.2f} 次",
            f"{hours:.2f} hours of agents speaking, "
            f"{total.false / hours if hours else 0:.2f} false alarms per hour",
        )
    )


def _rows(table: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Families in their order, with a sum where they have several kinds; all kinds last."""
    keys = list(table)
    rows: list[tuple[str, str]] = []
    for fam in dict.fromkeys(fam for fam, _ in keys if fam != "∑"):
        kinds = [kind for other, kind in keys if other == fam and kind != "∑"]
        rows += [(fam, kind) for kind in kinds]
        if len(kinds) > 1:
            rows.append((fam, "∑"))
    kinds = [kind for fam, kind in keys if fam == "∑" and kind != "∑"]
    return [*rows, *(("∑", kind) for kind in kinds), ("∑", "∑")]


def _judge(total: Tally, min_recall: float | None, max_false: float | None) -> int:
    failed = 0
    if min_recall is not None and total.recall < min_recall:
        failed = 1
        click.echo(
            tr(
                f"找到 {total.recall:.1%}，低于 {min_recall:.1%}",
                f"found {total.recall:.1%}, below {min_recall:.1%}",
            ),
            err=True,
        )
    if max_false is not None and total.alarmed_share > max_false:
        failed = 1
        click.echo(
            tr(
                f"清白通话里 {total.alarmed_share:.1%} 有误报，高于 {max_false:.1%}",
                f"{total.alarmed_share:.1%} of the clean calls alarmed, above {max_false:.1%}",
            ),
            err=True,
        )
    return failed
