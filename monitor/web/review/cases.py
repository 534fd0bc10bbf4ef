"""The case library, and the learner's way through it: listen, answer, then see."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from monitor.audio.clips import clip
from monitor.base.i18n import tr
from monitor.quality.review import cases
from monitor.quality.tables import Case
from monitor.store.schema import Call, User, now
from monitor.web.deps import Db, SignedIn, find_call, opened
from monitor.web.pages import flash, page
from monitor.web.review.common import LARGEST, Reviewer, is_agent, not_found, see
from monitor.web.review.recordings import recording

router = APIRouter()

Text = Annotated[str, Form(max_length=5000)]
Milliseconds = Annotated[int, Form(ge=0, lt=2**31)]
Number = Annotated[int, Query(ge=0, lt=LARGEST)]
_MOST = 200


def _given(
    title: Text,
    kind: Text,
    start_ms: Milliseconds,
    end_ms: Milliseconds,
    party: Annotated[str, Form(pattern="^(agent|customer)$")] = "agent",
    rule: Text = "",
    note: Text = "",
    shared: Text = "",
) -> cases.NewCase:
    return cases.NewCase(kind, title, rule, party, start_ms, end_ms, note, bool(shared))


Given = Annotated[cases.NewCase, Depends(_given)]


@router.get("/cases")
def library(
    request: Request,
    db: Db,
    user: SignedIn,
    kind: Annotated[str, Query(max_length=10)] = "",
    rule: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """The library. Agents see the clips that are meant for them, and no titles: they learn."""
    if is_agent(user):
        return page(request, "review/learn_start.html", waiting=_next(db, user) is not None)
    where: list[ColumnElement[bool]] = []
    if kind in cases.KINDS:
        where.append(Case.kind == kind)
    if rule:
        where.append(Case.rule == rule)
    if q.strip():
        where.append(or_(Case.title.contains(q.strip(), autoescape=True),
                         Case.note.contains(q.strip(), autoescape=True)))  # fmt: skip
    return page(
        request,
        "review/cases.html",
        cases=cases.listed(db, where, _MOST),
        rules=cases.rules(db),
        kind=kind,
        rule=rule,
        q=q,
    )


@router.post("/cases")
def add(
    request: Request,
    db: Db,
    user: Reviewer,
    call_id: Annotated[int, Form()],
    given: Given,
) -> Response:
    """Put a stretch of a call into the library."""
    call = find_call(db, user, call_id)
    case = cases.add(db, call, given, user, now())
    opened(db, user, call, "case.add", case=case.id, shared=given.shared)
    flash(request, tr("已收入案例库", "added to the case library"))
    return see(f"/cases/{case.id}")


@router.get("/cases/learn")
def learn(request: Request, db: Db, user: SignedIn, after: Number = 0) -> Response:
    """The next case to listen to."""
    case = _next(db, user, after)
    if case is None:
        flash(request, tr("案例都学完了", "you have been through all cases"))
        return see("/cases")
    return see(f"/cases/{case.id}/learn")


@router.get("/cases/{case_id}")
def show(request: Request, db: Db, user: Reviewer, case_id: int) -> HTMLResponse:
    """A case with its answer."""
    case = _find(db, user, case_id)
    call = db.get_one(Call, case.call_id)
    opened(db, user, call, "case.view", case=case.id)
    lines = cases.lines(db, case)
    return page(request, "review/case.html", case=case, call=call, lines=lines)


@router.post("/cases/{case_id}")
def change(
    request: Request,
    db: Db,
    user: Reviewer,
    case_id: int,
    given: Given,
) -> Response:
    """Correct a case."""
    case = _find(db, user, case_id)
    cases.change(db, case, replace(given, party=case.party))
    opened(db, user, db.get_one(Call, case.call_id), "case.change", case=case.id)
    flash(request, tr("已保存", "saved"))
    return see(f"/cases/{case.id}")


@router.post("/cases/{case_id}/archive")
def archive(request: Request, db: Db, user: Reviewer, case_id: int) -> Response:
    """Take a case out of the library; what learners answered stays."""
    case = _find(db, user, case_id)
    case.archived_at = now()
    opened(db, user, db.get_one(Call, case.call_id), "case.archive", case=case.id)
    flash(request, tr("已移出案例库", "taken out of the library"))
    return see("/cases")


@router.get("/cases/{case_id}/clip")
def audio(request: Request, db: Db, user: SignedIn, case_id: int) -> Response:
    """The clip, and nothing of the call around it."""
    case = _find(db, user, case_id)
    call = db.get_one(Call, case.call_id)
    if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        opened(db, user, call, "case.listen", case=case.id)
    path = clip(recording(request.app.state.store, db, call), case.start_ms, case.end_ms)
    return FileResponse(
        path, media_type="audio/wav", headers={"Cache-Control": "private, no-cache"}
    )


@router.get("/cases/{case_id}/learn")
def listen(request: Request, db: Db, user: SignedIn, case_id: int) -> HTMLResponse:
    """A case without its answer."""
    case = _find(db, user, case_id)
    return page(
        request, "review/learn.html", case=case, lines=cases.lines(db, case), given=None,
        rules=cases.rules(db), agent=is_agent(user),
    )  # fmt: skip


@router.post("/cases/{case_id}/learn")
def answer(
    request: Request,
    db: Db,
    user: SignedIn,
    case_id: int,
    kind: Text = "",
    rule: Text = "",
    said: Text = "",
) -> HTMLResponse:
    """Keep the learner's answer and show the trainer's."""
    case = _find(db, user, case_id)
    given = cases.answer(db, case, kind, rule, said, user, now())
    return page(
        request, "review/learn.html", case=case, lines=cases.lines(db, case), given=given,
        rules=cases.rules(db), agent=is_agent(user),
    )  # fmt: skip


def _find(db: Session, user: User, case_id: int) -> Case:
    case = db.get(Case, case_id) if 0 <= case_id < LARGEST else None
    if case is None or case.archived_at is not None or (is_agent(user) and not case.shared):
        raise not_found(tr(f"没有案例 {case_id}", f"there is no case {case_id}"))
    return case


def _next(db: Session, user: User, after: int = 0) -> Case | None:
    """Agents learn from clips a trainer opened to them, others from all."""
    return cases.next_for(db, user, [Case.shared.is_(True)] if is_agent(user) else [], after)
