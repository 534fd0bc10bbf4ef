"""Calibration in the store: the same calls scored blind by several people, then compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import to_dict
from monitor.quality.review.agreement import Agreement, Spread, agreement, bias, spread
from monitor.quality.scorecards.cards import final_card
from monitor.quality.scorecards.form import Answer, Form, Item, judge
from monitor.quality.tables import Calibration, CalibrationCall, CalibrationCard, CalibrationMember
from monitor.rules.scorecard import ItemStatus
from monitor.store.schema import Call, Scorecard, ScoreLine, User

_FEWEST_MEMBERS = 2


@dataclass(frozen=True, slots=True)
class ItemAgreement:
    """One item over all calls: `answers` is call → member → status."""

    item: str
    title: str
    agreement: Agreement
    answers: Mapping[int, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class CallSpread:
    """One call: each member's total, how far they lie apart, and the machine's."""

    call: Call
    totals: Mapping[int, float]
    spread: Spread | None
    machine: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a calibration came to. `bias` is how much each member scores above the mean.

    The items on which people agreed least come first; those that nobody shared, last.
    """

    items: tuple[ItemAgreement, ...]
    overall: Agreement
    calls: tuple[CallSpread, ...]
    bias: Mapping[int, float]


def create(
    session: Session,
    title: str,
    calls: Sequence[tuple[Call, Form]],
    members: Sequence[User],
    author: User,
    now: datetime,
) -> Calibration:
    """Set up a calibration; the items are asked as they are now, whatever becomes of the packs.

    Raises:
        UserError: no title, no calls, fewer than two members, or a call without items.
    """
    if not title.strip():
        raise UserError(tr("请写标题", "give it a title"))
    if not calls:
        raise UserError(tr("请选择要校准的通话", "choose the calls to calibrate with"))
    if len({member.id for member in members}) < _FEWEST_MEMBERS:
        raise UserError(tr("校准至少要两位评审", "a calibration needs two reviewers at least"))
    row = Calibration(title=title.strip()[:200], author_id=author.id, created_at=now)
    session.add(row)
    session.flush()
    for ordinal, (call, form) in enumerate(calls):
        if not form.items:
            raise UserError(tr(f"{call.name}：没有评分项", f"{call.name}: nothing to score"))
        session.add(
            CalibrationCall(
                calibration_id=row.id,
                call_id=call.id,
                ordinal=ordinal,
                form=form_data(form),
            )
        )
    for member in {member.id for member in members}:
        session.add(CalibrationMember(calibration_id=row.id, user_id=member))
    session.flush()
    return row


def asked(form: Form, found: Collection[str]) -> Form:
    """The items worth comparing people on: those that earn points, the fatal ones, and any in
    `found` (what was found in any of the calls – in which of them, nobody is told)."""
    items = tuple(item for item in form.items if item.weight or item.fatal or item.id in found)
    return replace(form, items=items)


def form_data(form: Form) -> dict[str, object]:
    """A form as plain data."""
    return {
        "full": form.full,
        "groups": dict(form.groups),
        "grades": [list(grade) for grade in form.grades],
        "items": [to_dict(item) for item in form.items],
    }


def form_of(row: CalibrationCall) -> Form:
    """The form that `form_data` kept."""
    data = row.form
    return Form(
        full=data["full"],
        groups=data["groups"],
        grades=[(name, limit) for name, limit in data["grades"]],
        items=tuple(Item(**item) for item in data["items"]),
    )


def score(
    session: Session,
    calibration: Calibration,
    call_id: int,
    answers: Sequence[Answer],
    comment: str,
    member: User,
    now: datetime,
) -> Scorecard:
    """Keep a member's card of a call; it may be corrected until the calibration is closed.

    Raises:
        UserError: closed, not a member, not one of its calls, or an item left open.
    """
    if calibration.closed_at is not None:
        raise UserError(tr("这次校准已经结束", "this calibration is closed"))
    row = session.get(CalibrationCall, (calibration.id, call_id))
    if row is None or not is_member(session, calibration.id, member.id):
        raise UserError(tr("这通电话不由您评分", "this call is not yours to score"))
    form = form_of(row)
    given = {answer.item for answer in answers}
    left = [item.title for item in form.items if item.id not in given]
    if left:
        raise UserError(
            tr(f"还有 {len(left)} 项没有评：", f"{len(left)} items left: ") + "、".join(left[:3])
        )
    card = judge(form, answers)
    said = {answer.item: answer.comment for answer in answers}
    kept = session.get(CalibrationCard, (calibration.id, call_id, member.id))
    if kept is not None:
        session.delete(session.get_one(Scorecard, kept.scorecard_id))
        session.delete(kept)
        session.flush()
    statuses = {answer.item: answer.status.value for answer in answers}
    points = {line.item: line.points for line in card.lines}
    lines = [
        ScoreLine(
            ordinal=ordinal,
            item=item.id,
            title=item.title,
            group=item.group,
            status=statuses[item.id],
            points=points.get(item.id, 0.0),
            weight=item.weight,
            comment=said[item.id],
        )
        for ordinal, item in enumerate(form.items)
    ]
    note = comment.strip()[:2000]
    saved = final_card(card, call_id, member.id, "calibration", now, lines, note)
    session.add(saved)
    session.flush()
    session.add(
        CalibrationCard(
            calibration_id=calibration.id,
            call_id=call_id,
            user_id=member.id,
            scorecard_id=saved.id,
        )
    )
    session.flush()
    return saved


def close(session: Session, calibration: Calibration, now: datetime) -> None:
    """End the blind part: from now on everybody sees everybody's answers.

    Raises:
        UserError: closed already, or fewer than two people scored anything.
    """
    if calibration.closed_at is not None:
        raise UserError(tr("这次校准已经结束", "this calibration is closed"))
    scored = session.scalar(
        select(func.count(CalibrationCard.user_id.distinct())).where(
            CalibrationCard.calibration_id == calibration.id
        )
    )
    if (scored or 0) < _FEWEST_MEMBERS:
        raise UserError(
            tr("至少两位评审评完才能结束", "at least two reviewers must have scored something")
        )
    calibration.closed_at = now
    session.flush()


def is_member(session: Session, calibration_id: int, user_id: int) -> bool:
    return session.get(CalibrationMember, (calibration_id, user_id)) is not None


def calls_of(session: Session, calibration_id: int) -> list[tuple[CalibrationCall, Call]]:
    """The calls, in the order they were chosen."""
    query = (
        select(CalibrationCall, Call)
        .join(Call, Call.id == CalibrationCall.call_id)
        .where(CalibrationCall.calibration_id == calibration_id)
        .order_by(CalibrationCall.ordinal)
    )
    return [(row, call) for row, call in session.execute(query)]


def members_of(session: Session, calibration_id: int) -> list[User]:
    query = (
        select(User)
        .join(CalibrationMember, CalibrationMember.user_id == User.id)
        .where(CalibrationMember.calibration_id == calibration_id)
        .order_by(User.name)
    )
    return list(session.scalars(query))


def cards_of(session: Session, calibration_id: int) -> dict[tuple[int, int], Scorecard]:
    """(call, member) → card."""
    query = (
        select(CalibrationCard, Scorecard)
        .join(Scorecard, Scorecard.id == CalibrationCard.scorecard_id)
        .where(CalibrationCard.calibration_id == calibration_id)
    )
    return {(link.call_id, link.user_id): card for link, card in session.execute(query)}


def result(session: Session, calibration: Calibration) -> Result:
    """Agreement per item, spread per call, and who scores high or low."""
    cards = cards_of(session, calibration.id)
    chosen = calls_of(session, calibration.id)
    answers: dict[str, dict[int, dict[int, str]]] = {}
    titles: dict[str, str] = {}
    totals: dict[int, dict[int, float]] = {call.id: {} for _, call in chosen}
    pooled: dict[tuple[int, str], dict[int, str]] = {}
    for (call_id, member), card in cards.items():
        if card.total is not None:
            totals.setdefault(call_id, {})[member] = card.total
        for line in card.lines:
            titles[line.item] = line.title
            answers.setdefault(line.item, {}).setdefault(call_id, {})[member] = line.status
            pooled.setdefault((call_id, line.item), {})[member] = line.status
    items = [
        ItemAgreement(item, titles[item], agreement(given), given)
        for item, given in answers.items()
    ]
    return Result(
        items=tuple(sorted(items, key=_least_agreed)),
        overall=agreement(pooled),
        calls=tuple(
            CallSpread(call, totals[call.id], spread(list(totals[call.id].values())), call.score)
            for _, call in chosen
        ),
        bias=bias(totals),
    )


def _least_agreed(one: ItemAgreement) -> tuple[bool, float, str]:
    observed = one.agreement.observed
    return observed is None, observed or 0.0, one.item


def drift(session: Session) -> list[tuple[Calibration, Result]]:
    """What each closed calibration came to, oldest first: how agreement over all items moved,
    and who leans which way."""
    query = (
        select(Calibration)
        .where(Calibration.closed_at.is_not(None))
        .order_by(Calibration.closed_at)
    )
    return [(row, result(session, row)) for row in session.scalars(query)]


def choices(item: Item) -> tuple[ItemStatus, ...]:
    """What a member may answer to an item."""
    kept = ItemStatus.MET if item.weight else ItemStatus.CLEAN
    return kept, ItemStatus.LOST, ItemStatus.NOT_APPLICABLE
