"""The score of a call without the findings that were successfully contested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.review.appeal_policy import AppealState
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer, Form, Item, judge
from monitor.quality.tables import Appeal
from monitor.rules.scorecard import ItemStatus
from monitor.rules.scorecard import Scorecard as Card
from monitor.store.schema import Alert, Call, Scorecard, ScoreLine, Script


@dataclass(frozen=True, slots=True)
class Rescored:
    """The score as it was, and the card as it is now; `note` says what it was made from."""

    before: float | None
    card: Card
    note: str


def rescore(session: Session, call: Call, contested: Collection[int]) -> Rescored:
    """Add the call's card up again as if the alerts numbered `contested` had not been raised.

    The card is the final one of a person where there is one, the machine's
    otherwise. Every contested alert takes one finding (or one script missed)
    off its item; everything else stays as it was answered. A person's card made
    after an appeal was upheld has taken it into account: that one is not taken
    off again.

    Raises:
        UserError: the call was never scored.
    """
    human = _final_card(session, call.id)
    card = human or cards.machine_card(session, call.id)
    if card is None:
        raise UserError(tr("这通电话没有评分", "this call was not scored"))
    form = cards.form_for(session, call)
    standing = set(contested) - (_settled_before(session, human) if human else set())
    query = select(Alert.rule).where(Alert.call_id == call.id, Alert.id.in_(standing))
    fewer = Counter(session.scalars(query))
    due = _scripts_due(session, call.id)
    lines = {line.item: line for line in card.lines}
    answers = [
        answer
        for item in form.items
        if (answer := _answer(item, lines.get(item.id), fewer[item.id], due)) is not None
    ]
    note = (
        tr("更正了人工评分", "the person's card, corrected")
        if human
        else tr("更正了机器评分", "the machine's card, corrected")
    )
    return Rescored(card.total, judge(_whole(form, lines), answers), note)


def _answer(
    item: Item, line: ScoreLine | None, fewer: int, due: Mapping[str, int]
) -> Answer | None:
    """What the card says of an item with so many findings less; None: it does not apply."""
    kept = ItemStatus.MET if item.weight else ItemStatus.CLEAN
    if line is None:
        # A machine's card leaves out what was kept and has no points of its own.
        applies = not item.weight and (not item.scripted or due.get(item.id))
        return Answer(item.id, kept) if applies else None
    status = ItemStatus(line.status)
    if status not in (ItemStatus.LOST, ItemStatus.PARTLY) or not fewer:
        points = line.points if status is ItemStatus.PARTLY else None
        return Answer(item.id, status, points, max(1, line.times), line.comment)
    times = max(1, line.times) - fewer
    if times <= 0:
        return Answer(item.id, kept, comment=line.comment)
    asked = due.get(item.id, 0)
    if item.weight and item.each and asked > times:
        points = item.weight * (asked - times) / asked
        return Answer(item.id, ItemStatus.PARTLY, points, times, line.comment)
    return Answer(item.id, ItemStatus.LOST, None, times, line.comment)


def _whole(form: Form, lines: Mapping[str, ScoreLine]) -> Form:
    """Checked: what the card scored must be in the form, or the sum would be another.

    Raises:
        UserError: the packs have lost items that the card has.
    """
    lost = lines.keys() - {item.id for item in form.items}
    if lost:
        raise UserError(
            tr(
                f"评分表里的 {sorted(lost)[0]} 在规则包里已经没有了",
                f"the rule packs no longer have {sorted(lost)[0]}, which the card scores",
            )
        )
    return form


def _scripts_due(session: Session, call_id: int) -> dict[str, int]:
    """Rule → how often its script was due, met or missed."""
    query = (
        select(Script.rule, func.count())
        .where(Script.call_id == call_id, Script.state.in_(("met", "missed", "dismissed")))
        .group_by(Script.rule)
    )
    return {rule: count for rule, count in session.execute(query)}  # noqa: C416


def _settled_before(session: Session, card: Scorecard) -> set[int]:
    """The alerts of the card's call that were successfully contested before it was made."""
    query = select(Appeal.alert_id).where(
        Appeal.call_id == card.call_id,
        Appeal.state == AppealState.UPHELD.value,
        Appeal.decided_at <= card.changed_at,
    )
    return set(session.scalars(query))


def _final_card(session: Session, call_id: int) -> Scorecard | None:
    return session.scalars(
        select(Scorecard)
        .where(
            Scorecard.call_id == call_id,
            Scorecard.status == "final",
            Scorecard.author_id.is_not(None),
            Scorecard.purpose == "review",
        )
        .order_by(Scorecard.id.desc())
        .limit(1)
    ).first()
