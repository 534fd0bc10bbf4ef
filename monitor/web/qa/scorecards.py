"""The scorecard form beside a call: answered by people, suggested by the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse

from monitor.base.errors import UserError
from monitor.quality import wording
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.cards import Purpose
from monitor.quality.scorecards.form import Answer, Form, Item
from monitor.rules.scorecard import ItemStatus, grade_name
from monitor.store.schema import Call, Scorecard, ScoreLine, User, now
from monitor.web.deps import Db, find_call, need, opened
from monitor.web.pages import page
from monitor.web.roles import REVIEWERS

router = APIRouter()

Reviewer = Annotated[User, need(*REVIEWERS)]


@dataclass(frozen=True, slots=True)
class CardPanel:
    """What the call page needs to show the form; the form itself comes from `url`."""

    url: str


def form_for(
    _db: Session, call: Call, _user: User, purpose: Purpose = "review", *, blind: bool = False
) -> CardPanel:
    """The form of a call for `qa/scorecard.html`. `blind`: without the machine's answers."""
    return CardPanel(f"/calls/{call.id}/scorecard?purpose={purpose}&blind={int(blind)}")


@dataclass(frozen=True, slots=True)
class Hint:
    """What the machine says of an item."""

    status: str
    reason: str = ""
    points: float = 0.0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """An item as the form shows it. `shown`: open from the start; others wait to be looked up."""

    item: Item
    status: str
    points: float | None
    times: int
    comment: str
    machine: Hint | None
    shown: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the form: its items that are open, and those that are not."""

    name: str
    points: float
    rows: Sequence[Row]
    rest: Sequence[Row]


class AnswerIn(BaseModel):
    """An answer to one item."""

    model_config = ConfigDict(extra="forbid")

    item: Annotated[str, Field(min_length=1, max_length=200)]
    status: Literal["met", "partly", "lost", "clean", "not_applicable"]
    points: Annotated[float | None, Field(ge=0, le=1_000_000)] = None
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    comment: Annotated[str, Field(max_length=2000)] = ""


class CardIn(BaseModel):
    """A card to keep. Items without an answer do not apply."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[AnswerIn], Field(max_length=2000)]
    final: bool = False
    purpose: Purpose = "review"
    comment: Annotated[str, Field(max_length=4000)] = ""


class GroupOut(BaseModel):
    """The points of one group; `max` is 0 where nothing of it applies."""

    name: str
    max: float
    points: float
    fatal: bool
    reason: str


class CardOut(BaseModel):
    """What the card adds up to."""

    status: str
    total: float
    max: float
    grade: str
    fatal: bool
    groups: list[GroupOut]


@router.get("/calls/{call_id}/scorecard", include_in_schema=False)
def form(
    request: Request,
    db: Db,
    user: Reviewer,
    call_id: int,
    purpose: Purpose = "review",
    blind: bool = False,
) -> HTMLResponse:
    """The form as a piece of a page."""
    call = find_call(db, user, call_id)
    try:
        made = cards.form_for(db, call)
    except UserError as error:
        return page(request, "qa/scorecard_none.html", problem=str(error))
    own = cards.card_of(db, call.id, user.id, purpose)
    machine = None if blind else cards.machine_card(db, call.id)
    return page(
        request,
        "qa/scorecard_form.html",
        call=call,
        purpose=purpose,
        own=own,
        machine=machine,
        groups=_groups(made, own, machine),
        answer_name=wording.status,
        full=made.full,
    )


@router.post("/api/calls/{call_id}/scorecard")
def save(db: Db, user: Reviewer, call_id: int, given: CardIn) -> CardOut:
    """Keep a scorecard, as a draft or as the final one, and say what it adds up to."""
    call = find_call(db, user, call_id)
    answers = [
        Answer(a.item, ItemStatus(a.status), a.points, a.times, a.comment) for a in given.answers
    ]
    author = db.get_one(User, user.id)
    card, judged = cards.save(
        db,
        call,
        author,
        answers,
        at=now(),
        final=given.final,
        purpose=given.purpose,
        comment=given.comment.strip(),
    )
    if given.final:
        opened(db, user, call, "scorecard.final", purpose=given.purpose, total=judged.total)
    return CardOut(
        status=card.status,
        total=judged.total,
        max=judged.max,
        grade=grade_name(judged.grade),
        fatal=judged.fatal,
        groups=[GroupOut(**_group(group)) for group in judged.groups],
    )


def _group(group: Any) -> dict[str, Any]:
    return {name: getattr(group, name) for name in ("name", "max", "points", "fatal", "reason")}


def _groups(made: Form, own: Scorecard | None, machine: Scorecard | None) -> list[Group]:
    answered = {line.item: line for line in own.lines} if own else {}
    rows = [
        _row(item, answered.get(item.id), _hint(item, machine), fresh=own is None)
        for item in made.items
    ]
    return [
        Group(
            name,
            points,
            [row for row in rows if row.item.group == name and row.shown],
            [row for row in rows if row.item.group == name and not row.shown],
        )
        for name, points in made.groups.items()
    ]


def _hint(item: Item, machine: Scorecard | None) -> Hint | None:
    """The machine's answer; its card leaves out what did not apply, and what it did not find."""
    if machine is None:
        return None
    for line in machine.lines:
        if line.item == item.id:
            return Hint(line.status, line.reason, line.points, line.times)
    return Hint("not_applicable") if item.weight else None


def _row(item: Item, answer: ScoreLine | None, hint: Hint | None, fresh: bool) -> Row:
    """An item with somebody's answer so far. What must not be said and was not found is taken
    as kept until somebody says otherwise; everything else waits for an answer."""
    open_from_start = bool(item.weight) or hint is not None
    if answer is None:
        status = _quiet(item) if fresh and not open_from_start else ""
        return Row(item, status, None, 1, "", hint, open_from_start)
    broken = answer.status in ("lost", "partly") or bool(answer.comment)
    points = answer.points if answer.status == "partly" else None
    times = max(1, answer.times)
    return Row(item, answer.status, points, times, answer.comment, hint, open_from_start or broken)


def _quiet(item: Item) -> str:
    return "not_applicable" if item.scripted else "clean"
