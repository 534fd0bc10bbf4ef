"""Appeals in the store: filing, withdrawing, deciding, and the score after a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import to_dict
from monitor.quality.review import verdicts
from monitor.quality.review.appeal_policy import (
    AppealPolicy,
    AppealState,
    answer_by,
    decided,
    policy_of,
    refusal,
    withdrawn,
)
from monitor.quality.review.findings import finding
from monitor.quality.review.rescoring import rescore
from monitor.quality.scorecards.cards import final_card
from monitor.quality.tables import Appeal, ReviewSetting
from monitor.store.schema import NOT_COUNTED, Alert, Call, Script, User
from monitor.store.standing import settle

_SETTING = "appeals"
_SHORTEST_REASON = 2


def policy(session: Session) -> AppealPolicy:
    """The rules in force."""
    kept = session.get(ReviewSetting, _SETTING)
    return policy_of(kept.value) if kept else AppealPolicy()


def set_policy(session: Session, chosen: AppealPolicy) -> None:
    """Put rules in force; appeals that are filed already keep their dates."""
    session.merge(ReviewSetting(name=_SETTING, value=to_dict(chosen)))
    session.flush()


def of_call(session: Session, call_id: int) -> list[Appeal]:
    """A call's appeals, oldest first."""
    query = select(Appeal).where(Appeal.call_id == call_id).order_by(Appeal.id)
    return list(session.scalars(query))


def why_not(
    session: Session, call: Call, alert_id: int, now: datetime, filed: Sequence[Appeal]
) -> str:
    """Why an agent may not contest this alert now; empty when they may."""
    states = [AppealState(appeal.state) for appeal in filed]
    own = [AppealState(appeal.state) for appeal in filed if appeal.alert_id == alert_id]
    return refusal(policy(session), call.received_at, now, own, states)


def file(
    session: Session, call: Call, alert_id: int, reason: str, author: User, now: datetime
) -> Appeal:
    """Contest a finding.

    Raises:
        UserError: not a finding of this call, no reason, too late or too often.
    """
    alert = session.get(Alert, alert_id)
    if alert is None or alert.call_id != call.id:
        raise UserError(tr(f"这通电话没有发现 {alert_id}", f"this call has no finding {alert_id}"))
    if len(reason.strip()) < _SHORTEST_REASON:
        raise UserError(tr("请写明申诉理由", "say why you contest it"))
    problem = why_not(session, call, alert_id, now, of_call(session, call.id))
    if problem:
        raise UserError(problem)
    appeal = Appeal(
        call_id=call.id,
        alert_id=alert_id,
        rule=alert.rule,
        author_id=author.id,
        reason=reason.strip()[:2000],
        filed_at=now,
        answer_by=answer_by(policy(session), now),
        state=AppealState.FILED.value,
    )
    session.add(appeal)
    session.flush()
    return appeal


def withdraw(session: Session, appeal: Appeal, now: datetime) -> None:
    """Take an appeal back.

    Raises:
        UserError: it has been decided.
    """
    appeal.state = withdrawn(AppealState(appeal.state)).value
    appeal.decided_at = now
    session.flush()


def decide(
    session: Session, appeal: Appeal, upheld: bool, reason: str, reviewer: User, now: datetime
) -> None:
    """Decide an appeal. The decision is a verdict on the finding; upheld, the call is re-scored.

    Raises:
        UserError: it has been decided, or there is no reason.
    """
    state = decided(AppealState(appeal.state), upheld)
    if len(reason.strip()) < _SHORTEST_REASON:
        raise UserError(tr("请写明处理理由", "say why you decide so"))
    if reviewer.id == appeal.author_id:
        raise UserError(tr("不能处理自己的申诉", "nobody decides their own appeal"))
    call = session.get_one(Call, appeal.call_id)
    appeal.state = state.value
    appeal.reviewer_id = reviewer.id
    appeal.decision = reason.strip()[:2000]
    appeal.decided_at = now
    contested = finding(session, call, f"alert-{appeal.alert_id}")
    said = tr("申诉：", "appeal: ") + appeal.decision
    verdict = "wrong" if upheld else "right"
    verdicts.judge(session, call, contested, verdict, said, reviewer.id, now)
    session.flush()
    if upheld:
        _rescore(session, appeal, call, reviewer, now)
        _dismiss(session, call, session.get_one(Alert, appeal.alert_id))
    session.flush()


def _dismiss(session: Session, call: Call, alert: Alert) -> None:
    """From now on the finding counts nowhere: not in tables, reports, dashboards.

    Where it said that a script was missed, the script is not counted as due any more.
    """
    alert.state = "dismissed"
    missed = select(Script).where(
        Script.call_id == call.id, Script.rule == alert.rule, Script.state == "missed"
    )
    scripts = session.scalars(missed).all()
    if scripts:
        script = min(scripts, key=lambda one: abs(one.at_ms - alert.at_ms))
        script.state = "dismissed"
        call.scripts_missed = max(0, call.scripts_missed - 1)
    standing = select(func.count()).where(
        Alert.call_id == call.id,
        Alert.severity == alert.severity,
        Alert.state.not_in(NOT_COUNTED),
    )
    session.flush()
    setattr(call, f"alerts_{alert.severity}", session.scalar(standing) or 0)


def upheld_alerts(session: Session, call_id: int) -> set[int]:
    """The alerts of a call that were successfully contested."""
    query = select(Appeal.alert_id).where(
        Appeal.call_id == call_id, Appeal.state == AppealState.UPHELD.value
    )
    return set(session.scalars(query))


def listed(
    session: Session, where: Sequence[ColumnElement[bool]], limit: int
) -> list[tuple[Appeal, Call, Alert]]:
    """Appeals with their call and finding: open ones first, the most urgent on top."""
    open_first = (Appeal.state != AppealState.FILED.value, Appeal.answer_by, Appeal.id.desc())
    query = (
        select(Appeal, Call, Alert)
        .join(Call, Call.id == Appeal.call_id)
        .join(Alert, Alert.id == Appeal.alert_id)
        .where(*where)
        .order_by(*open_first)
        .limit(limit)
    )
    return [(appeal, call, alert) for appeal, call, alert in session.execute(query)]


def _rescore(session: Session, appeal: Appeal, call: Call, reviewer: User, now: datetime) -> None:
    try:
        result = rescore(session, call, upheld_alerts(session, call.id))
    except UserError as error:  # nothing was scored: the decision stands all the same
        appeal.rescore_note = str(error)
        return
    appeal.score_before, appeal.score_after = result.before, result.card.total
    appeal.rescore_note = result.note
    card = final_card(result.card, call.id, reviewer.id, "appeal", now)
    session.add(card)
    session.flush()
    appeal.scorecard_id = card.id
    settle(session, call)
