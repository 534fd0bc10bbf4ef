"""Calibration: set up, score blind, close, compare."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.review import calibration
from monitor.quality.review.agreement import Agreement, strength
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.quality.tables import Calibration, CalibrationCall, CalibrationCard, CalibrationMember
from monitor.rules.scorecard import ItemStatus
from monitor.store import audit
from monitor.store.schema import Alert, Call, User, now
from monitor.web.deps import Db, find_call, need, opened
from monitor.web.pages import flash, page
from monitor.web.review.common import (
    LARGEST,
    Organiser,
    Reviewer,
    form_fields,
    not_found,
    organises,
    see,
)
from monitor.web.review.recordings import original_of
from monitor.web.roles import REVIEWERS, Role

router = APIRouter()

_OFFERED = 60
_MOST_CALLS = 30


@router.get("/calibration")
def listed(request: Request, db: Db, user: Reviewer) -> HTMLResponse:
    """All calibrations, what is still to score, and how agreement has moved."""
    rows = db.scalars(select(Calibration).order_by(Calibration.id.desc()).limit(100)).all()
    mine = set(
        db.scalars(
            select(CalibrationMember.calibration_id).where(CalibrationMember.user_id == user.id)
        )
    )
    return page(
        request,
        "review/calibrations.html",
        rows=[(row, *_progress(db, row, user)) for row in rows],
        mine=mine,
        drift=_drift(db),
        organises=organises(user),
    )


def _drift(db: Session) -> list[tuple[Calibration, Agreement, str, list[tuple[str, float]]]]:
    """Every closed calibration: agreement, in words too, and who leans which way."""
    found = calibration.drift(db)
    people = {
        user.id: user.display or user.name
        for user in db.scalars(
            select(User).where(User.id.in_({n for _, r in found for n in r.bias}))
        )
    }
    return [
        (
            row,
            came.overall,
            _strength(came.overall.kappa),
            sorted((people.get(number, "–"), lean) for number, lean in came.bias.items()),
        )
        for row, came in found
    ]


@router.get("/calibration/new", dependencies=[need(Role.TRAINER, Role.SUPERVISOR)])
def new(request: Request, db: Db) -> HTMLResponse:
    """The form that sets one up."""
    finished = select(Call).where(Call.status == "complete").order_by(Call.started_at.desc())
    calls = db.scalars(finished.limit(_OFFERED)).all()
    people = db.scalars(
        select(User).where(User.active, User.role.in_([*REVIEWERS, Role.ADMIN])).order_by(User.name)
    ).all()
    return page(request, "review/calibration_new.html", calls=calls, people=people)


@router.post("/calibration")
def create(
    request: Request,
    db: Db,
    user: Organiser,
    title: Annotated[str, Form(max_length=200)] = "",
    calls: Annotated[list[int] | None, Form()] = None,
    members: Annotated[list[Annotated[int, Field(ge=0, lt=LARGEST)]] | None, Form()] = None,
) -> Response:
    """Set up a calibration."""
    chosen = [find_call(db, user, number) for number in (calls or [])[:_MOST_CALLS]]
    found = set(
        db.scalars(select(Alert.rule).where(Alert.call_id.in_([call.id for call in chosen])))
    )
    forms = [(call, calibration.asked(cards.form_for(db, call), found)) for call in chosen]
    people = db.scalars(
        select(User).where(User.id.in_(members or []), User.role != Role.AGENT, User.active)
    ).all()
    row = calibration.create(db, title, forms, people, user, now())
    for call in chosen:
        opened(db, user, call, "calibration.create", calibration=row.id)
    flash(request, tr("校准已建立", "the calibration is set up"))
    return see(f"/calibration/{row.id}")


@router.get("/calibration/{number}")
def show(request: Request, db: Db, user: Reviewer, number: int) -> HTMLResponse:
    """What is to score; once closed, the comparison."""
    row = _find(db, number)
    member = calibration.is_member(db, row.id, user.id)
    people = calibration.members_of(db, row.id)
    done = calibration.cards_of(db, row.id)
    result = calibration.result(db, row) if row.closed_at is not None else None
    return page(
        request,
        "review/calibration.html",
        row=row,
        calls=calibration.calls_of(db, row.id),
        people=people,
        done=done,
        member=member,
        result=result,
        strength=_strength,
        organises=organises(user),
    )


@router.get("/calibration/{number}/calls/{call_id}")
def blind(request: Request, db: Db, user: Reviewer, number: int, call_id: int) -> HTMLResponse:
    """A call to score blind: sound, text and items – neither machine nor colleagues."""
    row = _find(db, number)
    chosen = db.get(CalibrationCall, (row.id, call_id))
    if chosen is None or not calibration.is_member(db, row.id, user.id):
        raise not_found(tr("这通电话不由您评分", "this call is not yours to score"))
    call = find_call(db, user, call_id)
    opened(db, user, call, "calibration.view", calibration=row.id)
    card = calibration.cards_of(db, row.id).get((call_id, user.id))
    return page(
        request,
        "review/blind.html",
        row=row,
        call=call,
        form=calibration.form_of(chosen),
        choices=calibration.choices,
        given={line.item: line for line in card.lines} if card else {},
        card=card,
        audio=original_of(request.app.state.store, db, call) is not None,
    )


@router.post("/calibration/{number}/calls/{call_id}")
def score(
    request: Request,
    db: Db,
    user: Reviewer,
    number: int,
    call_id: int,
    form: Annotated[FormData, Depends(form_fields)],
) -> Response:
    """Keep a member's card and go on to the next call."""
    row = _find(db, number)
    answers = [
        Answer(
            item=name.removeprefix("item:"),
            status=_status(str(value)),
            comment=str(form.get(f"comment:{name.removeprefix('item:')}", ""))[:2000],
        )
        for name, value in form.items()
        if name.startswith("item:")
    ]
    calibration.score(db, row, call_id, answers, str(form.get("comment", "")), user, now())
    opened(db, user, find_call(db, user, call_id), "calibration.score", calibration=row.id)
    done = calibration.cards_of(db, row.id)
    for _, call in calibration.calls_of(db, row.id):
        if (call.id, user.id) not in done:
            return see(f"/calibration/{row.id}/calls/{call.id}")
    flash(request, tr("全部评完，谢谢", "all scored, thank you"))
    return see(f"/calibration/{row.id}")


@router.post("/calibration/{number}/close")
def close(request: Request, db: Db, user: Organiser, number: int) -> Response:
    """End the blind part and show everybody the comparison."""
    row = _find(db, number)
    calibration.close(db, row, now())
    audit.record(db, user.name, user.id, "calibration.close", f"calibration {row.id}")
    flash(request, tr("校准已结束", "the calibration is closed"))
    return see(f"/calibration/{row.id}")


def _find(db: Session, number: int) -> Calibration:
    row = db.get(Calibration, number) if 0 <= number < LARGEST else None
    if row is None:
        raise not_found(tr(f"没有校准 {number}", f"there is no calibration {number}"))
    return row


def _progress(db: Session, row: Calibration, user: User) -> tuple[int, int, int, int]:
    """Calls, members, cards kept, and this user's cards."""

    def count(table: type, *where: object) -> int:
        query = select(func.count()).select_from(table).where(table.calibration_id == row.id)  # type: ignore[attr-defined]
        return db.scalar(query.where(*where)) or 0  # type: ignore[arg-type]

    return (
        count(CalibrationCall),
        count(CalibrationMember),
        count(CalibrationCard),
        count(CalibrationCard, CalibrationCard.user_id == user.id),
    )


def _status(value: str) -> ItemStatus:
    try:
        return ItemStatus(value)
    except ValueError:
        raise UserError(tr(f"没有这种答案：{value}", f"no such answer: {value}")) from None


def _strength(kappa: float | None) -> str:
    return {
        "undefined": tr("无法计算", "undefined"),
        "poor": tr("比偶然还差", "poor"),
        "slight": tr("很弱", "slight"),
        "fair": tr("较弱", "fair"),
        "moderate": tr("中等", "moderate"),
        "substantial": tr("较强", "substantial"),
        "almost perfect": tr("几乎完全一致", "almost perfect"),
    }[strength(kappa)]
