"""The calls table: filters, search, saved views, exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, HTTPException, Query
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.base.i18n import tr
from monitor.base.time_zone import local_zone
from monitor.quality.reports import extracts, sheets
from monitor.quality.reports.sheets import Format, Sheet
from monitor.quality.scope import UNKNOWN
from monitor.quality.scorecards.settled import settled
from monitor.quality.tables import SavedView, Task
from monitor.store import audit, read
from monitor.store.schema import Alert, Call, Script, User, now
from monitor.store.search import Hit, hits
from monitor.web import look
from monitor.web.deps import Db, SignedIn, leave, need, noted, visible_calls
from monitor.web.pages import flash, page
from monitor.web.qa.params import PER_PAGE, CallQuery, Chip
from monitor.web.roles import REVIEWERS, Role

router = APIRouter(include_in_schema=False)

Reviewer = Annotated[User, need(*REVIEWERS)]
Asked = Annotated[CallQuery, Query()]

TABLES = ("calls", "findings", "scripts", "scorecards")
_SHOWN_HITS = 2  # utterances quoted below a call that a search found


@router.get("/calls")
def table(request: Request, db: Db, user: SignedIn, asked: Asked) -> HTMLResponse:
    """The calls somebody may see."""
    name, down = asked.order
    where = [*asked.where(db), visible_calls(user)]
    found = read.list_calls(
        db,
        visible=where,
        sort=name,
        descending=down,
        offset=(asked.page - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    numbers = [call.id for call in found.calls]
    reviews = Role(user.role) is not Role.AGENT
    quotes = _quotes(db, numbers, asked)
    if quotes:
        noted(db, user, "calls.search", f"{len(quotes)} calls", filters=dict(asked.filters))
    return page(
        request,
        "qa/calls.html",
        calls=found.calls,
        total=found.total,
        asked=asked,
        chips=_chips(db, asked),
        first=(asked.page - 1) * PER_PAGE + 1,
        more=asked.page * PER_PAGE < found.total,
        settled=settled(db, numbers),
        tasks=_tasks(db, numbers) if reviews else {},
        quotes=quotes,
        views=_views(db, user),
        reviews=reviews,
        agents=names_of(db, "agent") if reviews else [],
        queues=names_of(db, "queue"),
        hidden=[key for key in _MORE if key in asked.filters],
    )


_MORE = frozenset(
    ("direction", "tier", "status", "score_min", "score_max", "rule", "missed", "flag", "name")
)
"""Filters that are folded away until one of them is set."""


@router.get("/calls/export.{form}")
def export(db: Db, user: Reviewer, form: Format, asked: Asked, table: str = "calls") -> Response:
    """The calls of a filter, or what was found in them, as a file."""
    if table not in TABLES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    where = [*asked.where(db), visible_calls(user)]
    count = db.scalar(select(func.count()).select_from(Call).where(*where)) or 0
    data = sheets.write([_sheet(db, table, where)], form)
    with leave(db) as session:
        audit.record(
            session, user.name, user.id, "calls.export", f"{count} calls",
            table=table, format=form, filters=dict(asked.filters),
        )  # fmt: skip
    name = f"{table}-{now().astimezone(local_zone()):%Y%m%d-%H%M}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=sheets.MIME[form], headers=headers)


@router.post("/calls/views")
def save_view(
    request: Request,
    db: Db,
    user: SignedIn,
    name: Annotated[str, Form(max_length=60)] = "",
    query: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Keep the table as it is under a name; one of that name is replaced."""
    kept = _query_of(query).address(page=1)
    name = name.strip()
    if name:
        view = db.scalar(
            select(SavedView).where(SavedView.user_id == user.id, SavedView.name == name)
        )
        if view is None:
            view = SavedView(user_id=user.id, name=name, created_at=now(), query="")
            db.add(view)
        view.query = kept
        flash(request, tr(f"已保存视图“{name}”", f"view {name!r} saved"))
    else:
        flash(request, tr("请给视图起个名字", "give the view a name"), "error")
    return RedirectResponse(f"/calls?{kept}", HTTPStatus.SEE_OTHER)


@router.post("/calls/views/{number}/delete")
def delete_view(db: Db, user: SignedIn, number: int) -> Response:
    view = db.get(SavedView, number)
    if view is None or view.user_id != user.id:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    db.delete(view)
    return RedirectResponse("/calls", HTTPStatus.SEE_OTHER)


def _query_of(text: str) -> CallQuery:
    """The query that an address carries; what cannot be read is left out."""
    try:
        return CallQuery(**dict(parse_qsl(text)))  # type: ignore[arg-type]
    except ValidationError:
        return CallQuery()


def _sheet(db: Session, table: str, where: Sequence[object]) -> Sheet:
    match table:
        case "calls":
            return extracts.calls(db, where, local_zone())  # type: ignore[arg-type]
        case "findings":
            return extracts.findings(db, where)  # type: ignore[arg-type]
        case "scripts":
            return extracts.missed(db, where)  # type: ignore[arg-type]
        case _:
            return extracts.cards(db, where, local_zone())  # type: ignore[arg-type]


def _tasks(db: Session, calls: Sequence[int]) -> Mapping[int, Task]:
    query = select(Task).where(Task.call_id.in_(calls), Task.status == "open")
    return {task.call_id: task for task in db.scalars(query)}


def _quotes(db: Session, calls: Sequence[int], asked: CallQuery) -> Mapping[int, list[Hit]]:
    """Where a search found the calls."""
    if not calls or not (asked.text or asked.sound):
        return {}
    found: dict[int, list[Hit]] = {}
    for hit in hits(db, calls, text=asked.text, sound=asked.sound):
        found.setdefault(hit.call_id, [])
        if len(found[hit.call_id]) < _SHOWN_HITS:
            found[hit.call_id].append(hit)
    return found


def _views(db: Session, user: User) -> Sequence[SavedView]:
    query = select(SavedView).where(SavedView.user_id == user.id).order_by(SavedView.name)
    return db.scalars(query).all()


def names_of(db: Session, column: str) -> list[str]:
    """The agents or queues there are."""
    what = getattr(Call, column)
    query = select(what).where(what.is_not(None)).distinct().order_by(what).limit(500)
    return list(db.scalars(query))


def _chips(db: Session, asked: CallQuery) -> list[Chip]:
    words = {
        "since": tr("从", "from"),
        "until": tr("到", "to"),
        "agent": tr("坐席", "agent"),
        "queue": tr("队列", "queue"),
        "direction": tr("方向", "direction"),
        "tier": tr("客户等级", "tier"),
        "status": tr("状态", "status"),
        "score_min": tr("得分 ≥", "score ≥"),
        "score_max": tr("得分 ≤", "score ≤"),
        "severity": tr("发现", "findings"),
        "fatal": tr("致命项", "fatal items"),
        "rule": tr("规则", "rule"),
        "missed": tr("缺失话术", "missed script"),
        "flag": tr("标记", "flag"),
        "name": tr("录音名", "recording"),
        "text": tr("说过", "said"),
        "sound": tr("听起来像", "sounds like"),
        "review": tr("质检", "review"),
    }
    return [
        Chip(f"{words[key]} {_value(db, key, value)}", asked.address(**{key: None, "page": 1}))
        for key, value in asked.filters.items()
    ]


def _value(db: Session, key: str, value: str) -> str:
    names = {
        ("status", "over"): tr("已结束", "over"),
        ("fatal", "1"): tr("有", "some"),
        ("fatal", "0"): tr("无", "none"),
        ("review", "done"): tr("已质检", "done"),
        ("review", "drawn"): tr("待复核", "waiting"),
        ("review", "none"): tr("未质检", "not yet"),
    }
    if (key, value) in names:
        return names[key, value]
    if value == UNKNOWN and key in ("agent", "queue", "tier"):
        return tr("（未填）", "(not given)")
    if key in ("rule", "missed"):
        return _title(db, value)
    level = look.severity_name(value)
    shown = {
        "direction": look.direction_name(value),
        "status": look.call_status_name(value),
        "severity": tr(f"{level}及以上", f"{level} or graver"),
    }
    return shown.get(key, value)


def _title(db: Session, rule: str) -> str:
    """What a rule is called, where a call tells."""
    for table in (Alert, Script):
        title = db.scalar(select(table.title).where(table.rule == rule).limit(1))
        if title:
            return title
    return rule
