"""The score of a call without the findings that were successfully contested."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.events import Alert, AlertState, Party, ScriptState, ScriptStatus, Severity
from monitor.i18n import tr
from monitor.qa.form import Answer, Form, form_of, judge
from monitor.review.packs import rulebook_of
from monitor.score import ItemStatus, scorecard
from monitor.score import Scorecard as Card
from monitor.store import schema
from monitor.store.schema import Call, Scorecard


@dataclass(frozen=True, slots=True)
class Rescored:
    """The score as it was, and the card as it is now; `note` says what it was made from."""

    before: float | None
    card: Card
    note: str


def rescore(session: Session, call: Call, contested: Collection[int]) -> Rescored:
    """Score the call as if the alerts numbered `contested` had not been raised.

    Where a person's card is final, that one is corrected: each contested item
    is answered as kept. Otherwise the machine's card is made anew from its
    findings, by the rules that judged the call.

    Raises:
        UserError: those rules can no longer be read.
    """
    rulebook = rulebook_of(call)
    alerts = session.scalars(select(schema.Alert).where(schema.Alert.call_id == call.id)).all()
    human = _final_card(session, call.id)
    if human is not None:
        form = form_of(rulebook)
        rules = {alert.rule for alert in alerts if alert.id in contested}
        card = judge(form, _corrected(form, human, rules))
        return Rescored(human.total, card, tr("更正了人工评分", "the person's card, corrected"))
    scripts = session.scalars(select(schema.Script).where(schema.Script.call_id == call.id)).all()
    forgiven = {(a.rule, a.at_ms) for a in alerts if a.id in contested}
    card = scorecard(
        rulebook,
        [_alert(alert) for alert in alerts if alert.id not in contested],
        [_script(script, (script.rule, script.at_ms) in forgiven) for script in scripts],
    )
    return Rescored(call.score, card, tr("重算了机器评分", "the machine's card, made anew"))


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


def _corrected(form: Form, card: Scorecard, rules: Collection[str]) -> list[Answer]:
    known = {item.id: item for item in form.items}
    answers = []
    for line in card.lines:
        item = known.get(line.item)
        if item is None:
            continue
        status = ItemStatus(line.status)
        times, points = max(1, line.times), line.points if item.weight else None
        if line.item in rules:
            kept = ItemStatus.MET if item.weight else ItemStatus.CLEAN
            status, times, points = kept, 1, None
        answers.append(Answer(line.item, status, points, times, line.comment))
    return answers


def _alert(row: schema.Alert) -> Alert:
    return Alert(
        id=row.key,
        rule=row.rule,
        title=row.title,
        family=row.family,
        severity=Severity(row.severity),
        party=Party(row.party),
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        at_ms=row.at_ms,
        quote=row.quote,
        similarity=row.similarity,
        advice=row.advice,
        state=AlertState(row.state),
        interrupts=row.interrupts,
        evidence=row.evidence,
    )


def _script(row: schema.Script, forgiven: bool) -> ScriptState:
    return ScriptState(
        rule=row.rule,
        title=row.title,
        status=ScriptStatus.MET if forgiven else ScriptStatus(row.state),
        at_ms=row.at_ms,
        deadline_ms=row.deadline_ms,
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        quote=row.quote,
        similarity=row.similarity,
        advice=row.advice,
        occurrence=row.occurrence,
        evidence=row.evidence,
    )
