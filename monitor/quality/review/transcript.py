"""A call's transcript and its landmarks, in portions small enough for a page that opens at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from monitor.store.schema import Gap, Reading, Utterance

PORTION = 250
"""Turns sent at once."""
SHORTEST_SILENCE_MS = 2000
"""Shorter silences are breathing, not a landmark."""


def portion(session: Session, call_id: int, after: tuple[int, int] | None) -> dict[str, Any]:
    """The turns that follow the one `after` (start in ms, id), by start.

    `rows` hold `id`, `party`, `start_ms`, `end_ms` and `tokens` as [text,
    start, end, confidence]; `next` is what to ask for next, None at the end.
    """
    query = select(Utterance).where(Utterance.call_id == call_id)
    if after is not None:
        start, last = after
        query = query.where(
            or_(
                Utterance.start_ms > start,
                and_(Utterance.start_ms == start, Utterance.id > last),
            )
        )
    turns = session.scalars(
        query.order_by(Utterance.start_ms, Utterance.id).limit(PORTION + 1)
    ).all()
    shown = turns[:PORTION]
    more = len(turns) > PORTION
    return {
        "rows": [
            {
                "id": turn.id,
                "party": turn.party,
                "start_ms": turn.start_ms,
                "end_ms": turn.end_ms,
                "tokens": [
                    [t["text"], t["start_ms"], t["end_ms"], round(t.get("confidence", 1.0), 2)]
                    for t in turn.tokens
                ],
                "confirmed": turn.confirmed_text,
            }
            for turn in shown
        ],
        "next": f"{shown[-1].start_ms}-{shown[-1].id}" if more else None,
    }


def landmarks(session: Session, call_id: int) -> dict[str, list[dict[str, Any]]]:
    """Silences, overlaps and lost audio: `start_ms`, `end_ms`, `party`, of gaps also `reason`."""
    readings = session.scalars(
        select(Reading)
        .where(Reading.call_id == call_id, Reading.name.in_(("silence", "overlap")))
        .order_by(Reading.start_ms)
    ).all()
    gaps = session.scalars(select(Gap).where(Gap.call_id == call_id).order_by(Gap.start_ms))
    return {
        "silences": [
            _span(r)
            for r in readings
            if r.name == "silence" and r.end_ms - r.start_ms >= SHORTEST_SILENCE_MS
        ],
        "overlaps": [_span(r) for r in readings if r.name == "overlap"],
        "gaps": [{**_span(gap), "reason": gap.reason} for gap in gaps],
    }


def _span(row: Reading | Gap) -> dict[str, Any]:
    return {"start_ms": row.start_ms, "end_ms": row.end_ms, "party": row.party}
