"""Judging: verdicts on findings, findings the machine missed, calls heard in full.

Rows are added, never changed: the latest verdict on a finding counts, and who
said what before stays on record.
"""

from __future__ import annotations

from datetime import datetime

from rapidfuzz import fuzz, process
from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality import stored_packs
from monitor.quality.review.findings import VERDICTS, Finding
from monitor.quality.tables import CallReview
from monitor.store.schema import Call, Utterance, Verdict

_MOST_REASON = 2000


def judge(
    session: Session,
    call: Call,
    found: Finding,
    verdict: str,
    reason: str,
    reviewer_id: int,
    now: datetime,
) -> Verdict:
    """Say whether a finding is right.

    Raises:
        UserError: no such verdict, or a finding that a person added.
    """
    if verdict not in VERDICTS:
        raise UserError(
            tr(
                f"结论应为 right、wrong 或 unsure，不是 {verdict}",
                f"a verdict is right, wrong or unsure, not {verdict}",
            )
        )
    if found.kind == "missed":
        raise UserError(
            tr(
                "人工补标的发现不用再判；标错了请删除",
                "a finding that people added is not judged; delete it if it is wrong",
            )
        )
    row = Verdict(
        call_id=call.id,
        alert_id=found.id if found.kind == "alert" else None,
        script_id=found.id if found.kind == "script" else None,
        pack_id=pack_of(call, found.evidence.get("pack")),
        rule=found.rule,
        party=found.party,
        start_ms=found.start_ms,
        end_ms=found.end_ms,
        quote=found.quote,
        verdict=verdict,
        reason=_reason(reason),
        reviewer_id=reviewer_id,
        at=now,
    )
    session.add(row)
    session.flush()
    return row


def add_missed(
    session: Session,
    call: Call,
    rule: str,
    party: str,
    start_ms: int,
    end_ms: int,
    reason: str,
    reviewer_id: int,
    now: datetime,
) -> Verdict:
    """Add a finding that the machine missed; its words are those said in the span.

    `rule` is the id or the exact title of one of the rules that judged the call.

    Raises:
        UserError: no rule of this call (the message names those that come nearest), or no
            span within the call.
    """
    rule = _known_rule(call, rule.strip())
    if party not in call.parties:
        raise UserError(tr(f"这通电话没有 {party} 声道", f"this call has no {party} channel"))
    if not 0 <= start_ms < end_ms <= call.duration_ms:
        raise UserError(tr("选中的时段不在通话里", "the stretch selected is not within the call"))
    row = Verdict(
        call_id=call.id,
        pack_id=pack_of(call, None),
        rule=rule,
        party=party,
        start_ms=start_ms,
        end_ms=end_ms,
        quote=words(session, call.id, party, start_ms, end_ms),
        verdict="missed",
        reason=_reason(reason),
        reviewer_id=reviewer_id,
        at=now,
    )
    session.add(row)
    session.flush()
    return row


def rules_of(call: Call) -> dict[str, str]:
    """The rules that judged a call: id → title."""
    known: dict[str, str] = {}
    for pack in call.packs:
        for name, written in stored_packs.resolved(stored_packs.version_of(pack)).rules.items():
            known.setdefault(name, written.rule.title)
    return known


def _known_rule(call: Call, given: str) -> str:
    if not given:
        raise UserError(tr("请选择违反了哪条规则", "choose the rule that was broken"))
    known = rules_of(call)
    if given in known:
        return given
    titled = [name for name, title in known.items() if title == given]
    if len(titled) == 1:
        return titled[0]
    near = process.extract(
        given, {name: f"{name} {title}" for name, title in known.items()},
        scorer=fuzz.partial_ratio, limit=3,
    )  # fmt: skip
    names = [f"{name}（{known[name]}）" for _, _, name in near]
    raise UserError(
        tr(
            f"这通电话的规则里没有“{given}”；最接近的是：{'、'.join(names) or '（没有规则）'}",
            f"no rule of this call is called “{given}”; nearest: {', '.join(names) or 'none'}",
        )
    )


def remove_missed(session: Session, call: Call, verdict_id: int) -> None:
    """Take back a finding that a person added.

    Raises:
        UserError: there is none of that number in this call.
    """
    row = session.get(Verdict, verdict_id)
    if row is None or row.call_id != call.id or row.verdict != "missed":
        raise UserError(
            tr(f"没有补标的发现 {verdict_id}", f"there is no added finding {verdict_id}")
        )
    session.delete(row)
    session.flush()


def heard_whole(session: Session, call: Call, reviewer_id: int, heard: bool, now: datetime) -> None:
    """Note (or take back) that somebody heard the whole call and added all that was missed."""
    row = session.scalar(
        select(CallReview).where(
            CallReview.call_id == call.id, CallReview.reviewer_id == reviewer_id
        )
    )
    if heard and row is None:
        session.add(CallReview(call_id=call.id, reviewer_id=reviewer_id, at=now))
    elif not heard and row is not None:
        session.delete(row)
    session.flush()


def words(session: Session, call_id: int, party: str, start_ms: int, end_ms: int) -> str:
    """What was said in a stretch: every token of which at least half lies in it."""
    turns = session.scalars(
        select(Utterance)
        .where(
            Utterance.call_id == call_id,
            Utterance.party == party,
            Utterance.start_ms < end_ms,
            Utterance.end_ms > start_ms,
        )
        .order_by(Utterance.start_ms)
    )
    return "".join(
        str(token["text"])
        for turn in turns
        for token in turn.tokens
        if start_ms <= (token["start_ms"] + token["end_ms"]) / 2 <= end_ms
    )


def pack_of(call: Call, name: object) -> int | None:
    """The version that judged: the call's pack of that name, or its only one."""
    named = [pack for pack in call.packs if pack.name == name]
    chosen = named or list(call.packs)
    return chosen[0].id if len(chosen) == 1 else None


def _reason(text: str) -> str:
    return text.strip()[:_MOST_REASON]
