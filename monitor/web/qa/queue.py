"""The review queue: what to do next, and who does it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.sampling import review_queue
from monitor.quality.tables import Plan, Task
from monitor.store import audit
from monitor.store.schema import Call, User, now
from monitor.web.deps import Db, need
from monitor.web.pages import flash, page
from monitor.web.qa.plans import moment
from monitor.web.roles import Role

router = APIRouter(include_in_schema=False)

Reviewer = Annotated[User, need(Role.QA, Role.TRAINER, Role.SUPERVISOR)]
Planner = Annotated[User, need(Role.QA, Role.SUPERVISOR)]

_SHOWN = 200


@router.get("/review")
def table(request: Request, db: Db, user: Reviewer, everybody: bool = False) -> HTMLResponse:
    """What waits for review: one's own and what nobody has; or everybody's."""
    query = review_queue.queue(user) if not everybody else _all()
    rows = db.execute(query.limit(_SHOWN)).all()
    open_tasks = Task.status == "open"
    people = {person.id: person.display or person.name for person in review_queue.reviewers(db)}
    return page(
        request,
        "qa/review.html",
        rows=rows,
        everybody=everybody,
        total=db.scalar(select(func.count()).where(open_tasks)) or 0,
        mine=db.scalar(select(func.count()).where(open_tasks, Task.reviewer_id == user.id)) or 0,
        free=db.scalar(select(func.count()).where(open_tasks, Task.reviewer_id.is_(None))) or 0,
        done=db.scalar(
            select(func.count()).where(Task.status == "done", Task.reviewer_id == user.id)
        )
        or 0,
        load=_load(db, people),
        people=people,
        plans=dict(db.execute(select(Plan.id, Plan.name)).all()),
        may_deal=Role(user.role) is not Role.TRAINER,
    )


@router.post("/review/next")
def next_one(request: Request, db: Db, user: Reviewer) -> Response:
    """Open the next call to review; it is this reviewer's from now on."""
    task = review_queue.take_next(db, user, moment())
    if task is None:
        flash(request, tr("没有待复核的通话了", "nothing is left to review"), "info")
        return RedirectResponse("/review", HTTPStatus.SEE_OTHER)
    return RedirectResponse(f"/calls/{task.call_id}#scorecard", HTTPStatus.SEE_OTHER)


@router.post("/review/assign")
def assign(
    request: Request,
    db: Db,
    user: Planner,
    to: Annotated[list[int] | None, Form(max_length=200)] = None,
) -> Response:
    """Deal what nobody has to the reviewers in turn."""
    chosen = [person for person in review_queue.reviewers(db) if person.id in (to or [])]
    if not chosen:
        raise UserError(tr("请至少选一位质检员", "choose one reviewer at least"))
    dealt = review_queue.assign(db, chosen, moment())
    names = [person.name for person in chosen]
    audit.record(db, user.name, user.id, "review.assign", f"{dealt} calls", to=names)
    flash(request, tr(f"已分配 {dealt} 通", f"{dealt} calls dealt"))
    return RedirectResponse("/review?everybody=1", HTTPStatus.SEE_OTHER)


@router.post("/review/{number}/give")
def give(db: Db, user: Planner, number: int, to: Annotated[int, Form(ge=0, lt=2**31)]) -> Response:
    """Give one task to somebody (0: to nobody)."""
    task = _task(db, number)
    known = {person.id: person for person in review_queue.reviewers(db)}
    if to and to not in known:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    call = db.get_one(Call, task.call_id)
    if to and known[to].agent and known[to].agent == call.agent:
        raise UserError(tr("不能复核自己的通话", "nobody reviews a call of their own"))
    task.reviewer_id, task.assigned_at = to or None, now() if to else None
    audit.record(db, user.name, user.id, "review.give", f"call {task.call_id}", to=to)
    return RedirectResponse("/review?everybody=1", HTTPStatus.SEE_OTHER)


@router.post("/review/{number}/skip")
def skip(
    request: Request,
    db: Db,
    user: Reviewer,
    number: int,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Leave a call out, with a reason: no speech in it, a wrong number, …"""
    task = _task(db, number)
    if not reason.strip():
        raise UserError(tr("请写明为什么跳过", "say why it is left out"))
    task.status, task.reason, task.done_at = "skipped", reason.strip(), now()
    task.reviewer_id = user.id
    audit.record(
        db, user.name, user.id, "review.skip", f"call {task.call_id}", reason=reason.strip()
    )
    flash(request, tr("已跳过", "left out"))
    return RedirectResponse("/review", HTTPStatus.SEE_OTHER)


def _task(db: Session, number: int) -> Task:
    task = db.get(Task, number) if 0 < number < 2**31 else None
    if task is None or task.status != "open":
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return task


def _all() -> Select[Task, Call]:
    return (
        select(Task, Call)
        .join(Call, Call.id == Task.call_id)
        .where(Task.status == "open")
        .order_by(Task.reviewer_id.is_(None).desc(), Task.priority.desc(), Task.id)
    )


def _load(db: Session, people: dict[int, str]) -> list[tuple[int, str, int, int]]:
    """Per reviewer: how many calls they have open, and how many they have done."""
    query = (
        select(Task.reviewer_id, Task.status, func.count())
        .where(Task.reviewer_id.in_(people))
        .group_by(Task.reviewer_id, Task.status)
    )
    counts = {(reviewer, status): count for reviewer, status, count in db.execute(query)}
    return [
        (number, name, counts.get((number, "open"), 0), counts.get((number, "done"), 0))
        for number, name in people.items()
    ]
