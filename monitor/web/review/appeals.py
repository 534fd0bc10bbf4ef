"""Appeals: agents contest findings, reviewers decide, and the call is re-scored."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.review import appeals
from monitor.quality.review.appeal_policy import AppealPolicy, AppealState
from monitor.quality.review.evidence import evidence
from monitor.quality.review.findings import finding
from monitor.quality.review.rescoring import rescore
from monitor.quality.tables import Appeal
from monitor.store import audit
from monitor.store.schema import Call, User, now
from monitor.web.deps import Db, SignedIn, find_call, need, opened, visible_calls
from monitor.web.pages import flash, page
from monitor.web.review.common import (
    LARGEST,
    Organiser,
    Reviewer,
    forbidden,
    is_agent,
    not_found,
    organises,
    see,
)
from monitor.web.roles import Role

router = APIRouter()

Text = Annotated[str, Form(max_length=2000)]
_MOST = 300


@router.get("/appeals")
def listed(
    request: Request,
    db: Db,
    user: SignedIn,
    state: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """Appeals: an agent's own, or all for those who decide."""
    where: list[ColumnElement[bool]] = [visible_calls(user)]
    if state in [one.value for one in AppealState]:
        where.append(Appeal.state == state)
    return page(
        request,
        "review/appeals.html",
        appeals=appeals.listed(db, where, _MOST),
        state=state,
        states=list(AppealState),
        now=now(),
        policy=appeals.policy(db),
        reviews=not is_agent(user),
        sets=organises(user),
    )


@router.post("/appeals")
def file(
    request: Request,
    db: Db,
    user: Annotated[User, need(Role.AGENT)],
    call_id: Annotated[int, Form()],
    alert_id: Annotated[int, Form(ge=0, lt=2**31)],
    reason: Text = "",
) -> Response:
    """Contest a finding in a call of one's own."""
    call = find_call(db, user, call_id)
    if call.agent is None or call.agent != user.agent:
        raise forbidden(tr("申诉由坐席本人提出", "only the call's agent may contest a finding"))
    appeal = appeals.file(db, call, alert_id, reason, user, now())
    opened(db, user, call, "appeal.file", appeal=appeal.id)
    flash(request, tr("申诉已提交", "your appeal is filed"))
    return see(f"/appeals/{appeal.id}")


@router.post("/appeals/policy")
def set_policy(
    request: Request,
    db: Db,
    user: Organiser,
    days: Annotated[int, Form()],
    answer_days: Annotated[int, Form()],
    per_finding: Annotated[int, Form()],
    per_call: Annotated[int, Form()],
) -> Response:
    """Set deadlines and counts."""
    chosen = AppealPolicy(days, answer_days, per_finding, per_call)
    appeals.set_policy(db, chosen)
    values = {f.name: getattr(chosen, f.name) for f in fields(chosen)}
    audit.record(db, user.name, user.id, "appeals.policy", "appeals", **values)
    flash(request, tr("申诉规则已保存", "the rules of appeals are saved"))
    return see("/appeals")


@router.get("/appeals/{appeal_id}")
def show(request: Request, db: Db, user: SignedIn, appeal_id: int) -> HTMLResponse:
    """One appeal with the finding it contests; for a reviewer also what the score would be."""
    appeal, call = _find(db, user, appeal_id)
    opened(db, user, call, "appeal.view", appeal=appeal.id)
    one = finding(db, call, f"alert-{appeal.alert_id}")
    reviews = not is_agent(user)
    people = {
        key: db.get(User, number)
        for key, number in (("author", appeal.author_id), ("reviewer", appeal.reviewer_id))
        if number is not None
    }
    preview, problem = None, ""
    if reviews and appeal.state == AppealState.FILED:
        try:
            contested = appeals.upheld_alerts(db, call.id) | {appeal.alert_id}
            preview = rescore(db, call, contested)
        except UserError as error:
            problem = str(error)
    return page(
        request,
        "review/appeal.html",
        appeal=appeal,
        call=call,
        finding=one,
        evidence=evidence(db, call.id, one),
        people=people,
        reviews=reviews,
        own=appeal.author_id == user.id,
        preview=preview,
        problem=problem,
        now=now(),
    )


@router.post("/appeals/{appeal_id}/decide")
def decide(
    request: Request,
    db: Db,
    user: Reviewer,
    appeal_id: int,
    upheld: Annotated[bool, Form()],
    reason: Text = "",
) -> Response:
    """Decide an appeal."""
    appeal, call = _find(db, user, appeal_id)
    appeals.decide(db, appeal, upheld, reason, user, now())
    opened(db, user, call, "appeal.decide", appeal=appeal.id, upheld=upheld)
    flash(request, tr("已处理", "decided"))
    return see(f"/appeals/{appeal.id}")


@router.post("/appeals/{appeal_id}/withdraw")
def withdraw(request: Request, db: Db, user: SignedIn, appeal_id: int) -> Response:
    """Take one's own appeal back."""
    appeal, call = _find(db, user, appeal_id)
    if appeal.author_id != user.id:
        raise forbidden(tr("只能撤回自己的申诉", "only your own appeal can be withdrawn"))
    appeals.withdraw(db, appeal, now())
    opened(db, user, call, "appeal.withdraw", appeal=appeal.id)
    flash(request, tr("申诉已撤回", "the appeal is withdrawn"))
    return see("/appeals")


def _find(db: Session, user: User, appeal_id: int) -> tuple[Appeal, Call]:
    appeal = db.get(Appeal, appeal_id) if 0 <= appeal_id < LARGEST else None
    if appeal is None:
        raise not_found(tr(f"没有申诉 {appeal_id}", f"there is no appeal {appeal_id}"))
    return appeal, find_call(db, user, appeal.call_id)
