"""People's scorecards in the store: the form of a call, drafts, final cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import to_dict
from monitor.quality import stored_packs
from monitor.quality.sampling import review_queue
from monitor.quality.scorecards.form import Answer, Form, Item, form_of_packs, judge
from monitor.rules.scorecard import ItemStatus
from monitor.rules.scorecard import Scorecard as Card
from monitor.rules.scorecard import Scorecard as Judged
from monitor.store.schema import Call, Scorecard, ScoreLine, User
from monitor.store.standing import settle

Purpose: TypeAlias = Literal["review", "calibration"]


def machine_card(session: Session, call_id: int) -> Scorecard | None:
    """The machine's card of a call."""
    return session.scalars(
        select(Scorecard).where(Scorecard.call_id == call_id, Scorecard.status == "machine")
    ).first()


def form_for(session: Session, call: Call) -> Form:
    """The form of a call: the packs that judged it, or what their card still tells.

    Raises:
        UserError: neither its packs nor a card can be read.
    """
    try:
        versions = [stored_packs.version_of(pack) for pack in call.packs]
        if versions:
            return form_of_packs([stored_packs.resolved(version) for version in versions])
    except UserError:
        pass  # the pack is gone or no longer valid: the machine's card names the items
    card = machine_card(session, call.id)
    if card is None or not card.lines:
        raise UserError(
            tr(
                "这通电话没有评分表：规则包已读不出，机器也没有评分",
                "this call has no scorecard: its rule packs cannot be read and it was not scored",
            )
        )
    return form_of_card(card)


def form_of_card(card: Scorecard) -> Form:
    """A form made of a kept card, for calls whose packs can no longer be read.

    It holds the items of that card only, and no grades.
    """
    groups: dict[str, float] = {}
    for group in card.groups:
        if group.get("max"):
            groups[str(group["name"])] = float(group["max"])
    items = []
    for line in card.lines:
        groups.setdefault(line.group, 100.0 if not card.groups else line.weight)
        scope = "card" if line.fatal and card.fatal else "group" if line.fatal else None
        deduct = 0.0 if line.weight else -line.points / max(1, line.times)
        items.append(
            Item(line.item, line.title, line.group, line.weight, deduct, True, None, scope)
        )
    return Form(card.max or 100.0, groups, (), tuple(items))


def card_of(session: Session, call_id: int, author_id: int, purpose: Purpose) -> Scorecard | None:
    """Somebody's card of a call: the draft they work on, else their final one."""
    cards = session.scalars(
        select(Scorecard).where(
            Scorecard.call_id == call_id,
            Scorecard.author_id == author_id,
            Scorecard.purpose == purpose,
            Scorecard.status.in_(("draft", "final")),
        )
    ).all()
    return min(cards, key=lambda card: (card.status != "draft", -card.id), default=None)


def save(
    session: Session,
    call: Call,
    author: User,
    answers: Sequence[Answer],
    *,
    at: datetime,
    final: bool,
    purpose: Purpose = "review",
    comment: str = "",
) -> tuple[Scorecard, Judged]:
    """Keep what somebody answered, as a draft or as their final card.

    A final card takes the place of their earlier one, which stays as
    superseded, and is what the call's review task was waiting for.

    Raises:
        UserError: an answer that the form does not allow.
    """
    form = form_for(session, call)
    judged = judge(form, answers)
    given = {answer.item: answer for answer in answers}
    card = card_of(session, call.id, author.id, purpose)
    if card is None or card.status == "final":
        card = Scorecard(
            call_id=call.id, author_id=author.id, purpose=purpose, status="draft", created_at=at
        )
        session.add(card)
    card.comment, card.changed_at = comment, at
    card.total, card.max = judged.total, judged.max
    card.grade, card.fatal = judged.grade, judged.fatal
    card.groups = [
        {"name": g.name, "max": g.max, "points": g.points, "fatal": g.fatal, "reason": g.reason}
        for g in judged.groups
    ]
    _write_lines(session, card, form, judged, given)
    if final:
        session.execute(
            update(Scorecard)
            .where(
                Scorecard.call_id == call.id,
                Scorecard.author_id == author.id,
                Scorecard.purpose == purpose,
                Scorecard.status == "final",
            )
            .values(status="superseded")
        )
        card.status = "final"
        if purpose == "review":
            settle(session, call)
            review_queue.finish(session, call.id, author, at)
    session.flush()
    return card, judged


def _write_lines(
    session: Session,
    card: Scorecard,
    form: Form,
    judged: Judged,
    given: dict[str, Answer],
) -> None:
    card.lines.clear()
    session.flush()  # the old lines go before new ones of the same items come
    scored = {line.item: line for line in judged.lines}
    for ordinal, item in enumerate(form.items):
        answer = given.get(item.id)
        if answer is None:
            continue
        line = scored.get(item.id)
        card.lines.append(
            ScoreLine(
                ordinal=ordinal,
                item=item.id,
                title=item.title,
                group=item.group,
                status=answer.status.value,
                points=line.points if line else 0.0,
                weight=item.weight if answer.status is not ItemStatus.NOT_APPLICABLE else 0.0,
                times=line.times if line else 0,
                fatal=line.fatal if line else False,
                reason="",
                comment=answer.comment.strip(),
            )
        )


def final_card(
    card: Card,
    call_id: int,
    author_id: int,
    purpose: Literal["appeal", "calibration"],
    now: datetime,
    lines: Sequence[ScoreLine] | None = None,
    comment: str = "",
) -> Scorecard:
    """The row of somebody's final card; its lines are the card's unless others are given."""
    return Scorecard(
        call_id=call_id,
        author_id=author_id,
        status="final",
        purpose=purpose,
        total=card.total,
        max=card.max,
        grade=card.grade,
        fatal=card.fatal,
        comment=comment,
        groups=[to_dict(group) for group in card.groups],
        created_at=now,
        changed_at=now,
        lines=_lines(card) if lines is None else list(lines),
    )


def _lines(card: Card) -> list[ScoreLine]:
    return [
        ScoreLine(
            ordinal=ordinal,
            item=line.item,
            title=line.title,
            group=line.group,
            status=line.status.value,
            points=line.points,
            weight=line.weight,
            times=line.times,
            fatal=line.fatal,
            reason=line.reason,
        )
        for ordinal, line in enumerate(card.lines)
    ]
