"""Finding calls: filters, order, pages.

The same conditions serve the table of calls, exports, saved views and the
drill-down of a dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from monitor.events import Severity
from monitor.store.export import call_json, events
from monitor.store.ingest import next_seq
from monitor.store.schema import NOT_COUNTED, Alert, Call, Script
from monitor.store.search import Hit, hits, sound_condition, text_condition

__all__ = [
    "SORTS",
    "CallFilter",
    "Hit",
    "Page",
    "call_json",
    "calls_where",
    "events",
    "hits",
    "list_calls",
    "next_seq",
]

SORTS: Mapping[str, Any] = MappingProxyType(
    {
        "started_at": Call.started_at,
        "duration": Call.duration_ms,
        "score": Call.final_score,
        "fatal": Call.final_fatal,
        "alerts": Call.alerts_fatal * 1_000_000
        + Call.alerts_major * 10_000
        + Call.alerts_minor * 100
        + Call.alerts_tip,
        "missed": Call.scripts_missed,
        "agent": Call.agent,
        "queue": Call.queue,
        "name": Call.name,
        "status": Call.status,
    }
)
"""What a list can be sorted by; alerts by the gravest first."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; what is None does not matter. Times are aware, `until` is exclusive.

    `score_min`, `score_max` and `fatal` ask for the score that counts
    (`monitor.store.standing`).
    `severity`: an alert at least so grave. `rule`: an alert of this rule that
    was not retracted. `missed`: this script was missed. `text`: all these
    words (separated by blanks) were said. `sound`: something that sounds like
    this was said; characters or pinyin.
    """

    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    queue: str | None = None
    direction: str | None = None
    tier: str | None = None
    status: str | None = None
    score_min: float | None = None
    score_max: float | None = None
    severity: Severity | None = None
    fatal: bool | None = None
    rule: str | None = None
    missed: str | None = None
    flag: str | None = None
    name: str | None = None
    text: str | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the calls found, and how many there are in all."""

    calls: Sequence[Call]
    total: int


def calls_where(session: Session, which: CallFilter) -> list[ColumnElement[bool]]:
    """The conditions on `Call` that the filter means."""
    same = [
        getattr(Call, name) == getattr(which, name)
        for name in ("agent", "queue", "direction", "tier", "status")
        if getattr(which, name) is not None
    ]
    return [*same, *_between(which), *_found(which), *_said(session, which)]


def _between(which: CallFilter) -> Iterator[ColumnElement[bool]]:
    if which.since is not None:
        yield Call.started_at >= which.since
    if which.until is not None:
        yield Call.started_at < which.until
    if which.score_min is not None:
        yield Call.final_score >= which.score_min
    if which.score_max is not None:
        yield Call.final_score <= which.score_max


def _found(which: CallFilter) -> Iterator[ColumnElement[bool]]:
    """What was found in the call."""
    if which.fatal is not None:
        yield Call.is_fatal.is_(which.fatal)
    if which.severity is not None:
        levels = list(Severity)
        graver = levels[levels.index(which.severity) :]
        yield or_(*(getattr(Call, f"alerts_{level.value}") > 0 for level in graver))
    if which.rule is not None:
        hit = (Alert.rule == which.rule) & (Alert.state.not_in(NOT_COUNTED))
        yield Call.id.in_(select(Alert.call_id).where(hit))
    if which.missed is not None:
        lost = (Script.rule == which.missed) & (Script.state == "missed")
        yield Call.id.in_(select(Script.call_id).where(lost))


def _said(session: Session, which: CallFilter) -> Iterator[ColumnElement[bool]]:
    """What people wrote of the call, and what was said in it."""
    if which.flag is not None:
        yield _flagged(session, which.flag)
    if which.name:
        yield Call.name.contains(which.name, autoescape=True)
    if which.text:
        for word in which.text.split():
            yield text_condition(session, word)
    if which.sound:
        yield sound_condition(session, which.sound)


def list_calls(
    session: Session,
    which: CallFilter | None = None,
    *,
    visible: Sequence[ColumnElement[bool]] = (),
    sort: str = "started_at",
    descending: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> Page:
    """A page of the calls that the filter means and `visible` allows.

    Unknown values come last, equal ones the newest first.

    Raises:
        KeyError: an unknown `sort`.
    """
    conditions = [*visible, *calls_where(session, which or CallFilter())]
    total = session.scalar(select(func.count()).select_from(Call).where(*conditions)) or 0
    column = SORTS[sort]
    order = (column.desc() if descending else column.asc()).nulls_last()
    # The numbers first: rows are wide, and sorting would carry all of every one.
    ids = select(Call.id).where(*conditions).order_by(order, Call.id.desc())
    chosen = session.scalars(ids.offset(offset).limit(limit)).all()
    rows = {row.id: row for row in session.scalars(select(Call).where(Call.id.in_(chosen)))}
    return Page([rows[number] for number in chosen], total)


def _flagged(session: Session, flag: str) -> ColumnElement[bool]:
    if session.get_bind().dialect.name == "postgresql":
        each = func.json_array_elements_text(Call.flags).table_valued("value")
    else:
        each = func.json_each(Call.flags).table_valued("value")
    return exists(select(1).select_from(each).where(each.c.value == flag))
