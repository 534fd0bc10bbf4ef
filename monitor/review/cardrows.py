"""A finished card as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from monitor.events import to_dict
from monitor.rules.scorecard import Scorecard as Card
from monitor.store.schema import Scorecard, ScoreLine


def final_card(
    card: Card,
    call_id: int,
    author_id: int,
    purpose: Literal["appeal", "calibration"],
    now: datetime,
    lines: Sequence[ScoreLine] | None = None,
    comment: str = "",
) -> Scorecard:
    """The row of somebody's final card; its lines are the card's unless others are given."""
    return Scorecard(
        call_id=call_id,
        author_id=author_id,
        status="final",
        purpose=purpose,
        total=card.total,
        max=card.max,
        grade=card.grade,
        fatal=card.fatal,
        comment=comment,
        groups=[to_dict(group) for group in card.groups],
        created_at=now,
        changed_at=now,
        lines=_lines(card) if lines is None else list(lines),
    )


def _lines(card: Card) -> list[ScoreLine]:
    return [
        ScoreLine(
            ordinal=ordinal,
            item=line.item,
            title=line.title,
            group=line.group,
            status=line.status.value,
            points=line.points,
            weight=line.weight,
            times=line.times,
            fatal=line.fatal,
            reason=line.reason,
        )
        for ordinal, line in enumerate(card.lines)
    ]
