"""Sampling plans: which calls people review, and drawing them."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.time_zone import local_zone
from monitor.quality.periods import span_of
from monitor.quality.sampling import plans as drawing
from monitor.quality.sampling import review_queue
from monitor.quality.sampling.plans import All, ByRisk, PerAgent, Ratio
from monitor.quality.sampling.review_queue import Moment
from monitor.quality.scope import Scope
from monitor.quality.tables import Plan, Task
from monitor.store import audit
from monitor.store.schema import User, now
from monitor.web.deps import Db, need
from monitor.web.pages import flash, page
from monitor.web.roles import Role

router = APIRouter(include_in_schema=False)

Planner = Annotated[User, need(Role.QA, Role.SUPERVISOR)]


def moment() -> Moment:
    """Now, in the zone of this machine."""
    return Moment(now(), local_zone())


@router.get("/plans")
def table(request: Request, db: Db, _user: Planner) -> HTMLResponse:
    """The plans, and how far this week's and this month's sampling has come."""
    at = moment()
    plans = db.scalars(select(Plan).order_by(Plan.id)).all()
    week, month = (
        review_queue.coverage(db, Scope(span_of(at.today, per), at.zone))
        for per in ("week", "month")
    )
    by_week = {row.agent: row for row in week}
    return page(
        request,
        "qa/plans.html",
        plans=[(plan, describe(plan.settings), _filters(plan.settings)) for plan in plans],
        counts=_counts(db),
        month=month,
        by_week=by_week,
        per_week=PerAgent().per_week,
        per_month=PerAgent().per_month,
        first_week=span_of(at.today, "week").since,
        last_week=span_of(at.today, "week").until - timedelta(days=1),
    )


@router.post("/plans")
def add(
    request: Request,
    db: Db,
    user: Planner,
    kind: Annotated[str, Form(max_length=20)] = "",
    name: Annotated[str, Form(max_length=80)] = "",
    share: Annotated[float, Form()] = 5.0,
    per_week: Annotated[str, Form(max_length=6)] = "",
    per_month: Annotated[str, Form(max_length=6)] = "",
    count: Annotated[int, Form()] = 5,
    per: Annotated[str, Form(max_length=10)] = "day",
    least: Annotated[float, Form()] = 1.0,
    queues: Annotated[str, Form(max_length=500)] = "",
    agents: Annotated[str, Form(max_length=500)] = "",
    direction: Annotated[str, Form(max_length=20)] = "",
    least_s: Annotated[int, Form()] = 0,
) -> Response:
    """Add a plan and draw by it at once."""
    own: dict[str, dict[str, Any]] = {
        "all": {},
        "ratio": {"share": share / 100},
        "agent": {"per_week": per_week or None, "per_month": per_month or None},
        "risk": {"count": count, "per": per, "least": least},
    }
    settings = drawing.plan_of(
        {
            "kind": kind,
            **own.get(kind, {}),
            "queues": _names(queues),
            "agents": _names(agents),
            "direction": direction or None,
            "least_s": least_s,
        }
    )
    name = name.strip() or describe(settings.model_dump(mode="json"))
    if db.scalar(select(func.count()).where(Plan.name == name)):
        raise UserError(tr(f"已有名为“{name}”的方案", f"there is a plan called {name!r} already"))
    plan = Plan(
        name=name,
        settings=settings.model_dump(mode="json"),
        active=True,
        author_id=user.id,
        created_at=now(),
    )
    db.add(plan)
    db.flush()
    review_queue.hold(db)
    drawn = review_queue.draw(db, plan, moment())
    audit.record(db, user.name, user.id, "plan.create", name, settings=plan.settings, drawn=drawn)
    flash(request, tr(f"方案已建立，抽中 {drawn} 通", f"plan made, {drawn} calls drawn"))
    return RedirectResponse("/plans", HTTPStatus.SEE_OTHER)


@router.post("/plans/draw")
def draw(request: Request, db: Db, user: Planner) -> Response:
    """Draw by every active plan what has come in since the last time."""
    drawn = review_queue.draw_all(db, moment())
    audit.record(db, user.name, user.id, "plan.draw", f"{drawn} calls")
    flash(request, tr(f"新抽中 {drawn} 通", f"{drawn} more calls drawn"))
    return RedirectResponse("/plans", HTTPStatus.SEE_OTHER)


@router.post("/plans/{number}/active")
def switch(db: Db, user: Planner, number: int, on: Annotated[bool, Form()]) -> Response:
    """Let a plan draw, or rest."""
    plan = _plan(db, number)
    plan.active = on
    audit.record(db, user.name, user.id, "plan.switch", plan.name, on=on)
    return RedirectResponse("/plans", HTTPStatus.SEE_OTHER)


@router.post("/plans/{number}/delete")
def delete(db: Db, user: Planner, number: int) -> Response:
    """Remove a plan; what it drew stays in the queue."""
    plan = _plan(db, number)
    audit.record(db, user.name, user.id, "plan.delete", plan.name)
    db.delete(plan)
    return RedirectResponse("/plans", HTTPStatus.SEE_OTHER)


def _plan(db: Session, number: int) -> Plan:
    plan = db.get(Plan, number) if 0 < number < 2**31 else None
    if plan is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return plan


def _names(text: str) -> list[str]:
    parts = text.replace("、", ",").replace("，", ",").split(",")
    return [part.strip() for part in parts if part.strip()]


def _counts(db: Session) -> dict[int | None, dict[str, int]]:
    """How many calls each plan drew, by state."""
    found: dict[int | None, dict[str, int]] = {}
    query = select(Task.plan_id, Task.status, func.count()).group_by(Task.plan_id, Task.status)
    for plan_id, status, count in db.execute(query):
        found.setdefault(plan_id, {})[status] = count
    return found


def describe(settings: dict[str, Any]) -> str:
    """What a plan draws, in words."""
    plan = drawing.plan_of(settings)
    match plan:
        case All():
            return tr("全部通话", "every call")
        case Ratio():
            return (
                tr(f"{plan.share:.3g} 的通话", f"{plan.share:.3g} of the calls")
                if (plan.share < 0.001)
                else tr(f"抽 {plan.share * 100:g}% 的通话", f"{plan.share * 100:g}% of the calls")
            )
        case PerAgent():
            parts = []
            if plan.per_week is not None:
                parts.append(tr(f"每周 {plan.per_week} 通", f"{plan.per_week} a week"))
            if plan.per_month is not None:
                parts.append(tr(f"每月 {plan.per_month} 通", f"{plan.per_month} a month"))
            return tr("每人", "each agent ") + tr("、", ", ").join(parts)
        case ByRisk():
            per = {
                "day": tr("每天", "a day"),
                "week": tr("每周", "a week"),
                "month": tr("每月", "a month"),
            }[plan.per]
            return tr(f"{per}风险最高的 {plan.count} 通", f"the {plan.count} riskiest calls {per}")


def _filters(settings: dict[str, Any]) -> str:
    plan = drawing.plan_of(settings)
    parts = []
    if plan.queues:
        parts.append(tr("队列 ", "queue ") + tr("、", ", ").join(plan.queues))
    if plan.agents:
        parts.append(tr("坐席 ", "agent ") + tr("、", ", ").join(plan.agents))
    if plan.direction:
        parts.append(
            tr("只呼入", "inbound") if plan.direction == "inbound" else tr("只呼出", "outbound")
        )
    if plan.least_s:
        parts.append(tr(f"{plan.least_s} 秒以上", f"{plan.least_s} s or longer"))
    return " · ".join(parts)
