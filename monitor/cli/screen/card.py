"""The scorecard as text, and one line per call for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.base.i18n import tr
from monitor.base.labels import clock
from monitor.events import from_dict
from monitor.rules.scorecard import ItemStatus, Line, Scorecard, grade_name

_SIGNS: Mapping[ItemStatus, str] = {
    ItemStatus.MET: "✓",
    ItemStatus.PARTLY: "◐",
    ItemStatus.LOST: "✗",
    ItemStatus.CLEAN: "✓",
    ItemStatus.NOT_APPLICABLE: "–",
}


def card_text(card: Scorecard) -> str:
    """The whole card: total and grade, groups, and a line with its reason per item."""
    fatal = tr(" 一票否决", " fatal item") if card.fatal else ""
    lines = [
        "",
        tr(
            f"总分 {card.total:g} / {card.max:g}  {card.grade}{fatal}",
            f"Total {card.total:g} / {card.max:g}  {grade_name(card.grade)}{fatal}",
        ),
    ]
    for group in card.groups:
        why = f"  {group.reason}" if group.reason else ""
        lines.append(f"\n{group.name}  {group.points:g} / {group.max:g}{why}")
        lines += [_item(line) for line in card.lines if line.group == group.name]
    rest = tr(
        f"另有 {card.clean} 项没有违规，{card.not_applicable} 项不适用。",
        f"Another {card.clean} items without a finding, {card.not_applicable} not applicable.",
    )
    return "\n".join([*lines, "", rest])


def stored_card_text(data: Mapping[str, Any]) -> str:
    """The card of a call JSON; empty where it has none."""
    score = data["score"]
    return card_text(from_dict(Scorecard, score)) if score else ""


def row_text(row: Mapping[str, Any], *, resumed: bool) -> str:
    """One line on how one call of a batch went."""
    if row["status"] == "error":
        return f"✗ {row['error']}"
    duration = clock(round(float(row["duration_s"]) * 1000))
    text = tr(
        f"{row['call']}  {duration}  得分 {row['score']} {row['grade']}"
        f"  告警 {row['alerts']}  缺失话术 {row['scripts_missed']}",
        f"{row['call']}  {duration}  score {row['score']} {grade_name(row['grade'])}"
        f"  alerts {row['alerts']}  scripts missed {row['scripts_missed']}",
    )
    remarks = f"  ! {row['remarks']}" if row["remarks"] else ""
    if row["status"] == "damaged":
        return f"✗ {text}  {row['error']}{remarks}"
    return f"✓ {text}" + (tr(" （此前已完成）", "  (done before)") if resumed else "") + remarks


def _item(line: Line) -> str:
    points = f"{line.points:+g}" if line.points else " 0"
    return f"  {_SIGNS[line.status]} {points:>5}  {line.title}  {line.reason}".rstrip()
