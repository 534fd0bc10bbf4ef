"""The case library: clips that show how it is done, or how not; and what learners said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, cast, func, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.tables import Case, CaseAnswer
from monitor.store.schema import Alert, Call, User, Utterance

KINDS = ("good", "bad")
LONGEST_MS = 5 * 60_000
"""A clip is an example, not a call."""


@dataclass(frozen=True, slots=True)
class NewCase:
    """What is kept of a case; the span is the clip's."""

    kind: str
    title: str
    rule: str
    party: str
    start_ms: int
    end_ms: int
    note: str
    shared: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A turn within a clip."""

    party: str
    start_ms: int
    text: str


def add(session: Session, call: Call, given: NewCase, author: User, now: datetime) -> Case:
    """Put a stretch of a call into the library.

    Raises:
        UserError: no title, an unknown kind, or a span outside the call or too long.
    """
    check(call, given)
    alert = session.scalars(
        select(Alert).where(
            Alert.call_id == call.id,
            Alert.rule == given.rule,
            Alert.start_ms < given.end_ms,
            Alert.end_ms > given.start_ms,
        )
    ).first()
    case = Case(
        call_id=call.id,
        alert_id=alert.id if alert else None,
        author_id=author.id,
        created_at=now,
        **_columns(given),
    )
    session.add(case)
    session.flush()
    return case


def change(session: Session, case: Case, given: NewCase) -> None:
    """Correct a case. Answers given before stay as they were.

    Raises:
        UserError: as for `add`.
    """
    check(session.get_one(Call, case.call_id), given)
    for name, value in _columns(given).items():
        setattr(case, name, value)
    session.flush()


def check(call: Call, given: NewCase) -> None:
    """Raise UserError when something is wrong with it."""
    if not given.title.strip():
        raise UserError(tr("请写标题", "give it a title"))
    if given.kind not in KINDS:
        raise UserError(
            tr(f"类型应为 good 或 bad，不是 {given.kind}", f"kind is good or bad, not {given.kind}")
        )
    if not 0 <= given.start_ms < given.end_ms <= call.duration_ms:
        raise UserError(tr("片段不在通话里", "the clip is not within the call"))
    if given.end_ms - given.start_ms > LONGEST_MS:
        raise UserError(
            tr(
                f"片段最长 {LONGEST_MS // 60_000} 分钟",
                f"a clip may last {LONGEST_MS // 60_000} minutes",
            )
        )


def listed(
    session: Session, where: Sequence[ColumnElement[bool]], limit: int
) -> list[tuple[Case, int, int]]:
    """Cases, newest first, with how many answered and how many of those were right."""
    answers = (
        select(
            CaseAnswer.case_id,
            func.count().label("given"),
            func.sum(cast(CaseAnswer.right, Integer)).label("right"),
        )
        .group_by(CaseAnswer.case_id)
        .subquery()
    )
    query = (
        select(Case, func.coalesce(answers.c.given, 0), func.coalesce(answers.c.right, 0))
        .outerjoin(answers, answers.c.case_id == Case.id)
        .where(Case.archived_at.is_(None), *where)
        .order_by(Case.id.desc())
        .limit(limit)
    )
    return [(case, given, right) for case, given, right in session.execute(query)]


def rules(session: Session) -> list[str]:
    """The rules that cases teach."""
    query = select(Case.rule).where(Case.rule != "", Case.archived_at.is_(None)).distinct()
    return sorted(session.scalars(query))


def next_for(
    session: Session, user: User, where: Sequence[ColumnElement[bool]], after: int = 0
) -> Case | None:
    """The next case this learner has not answered; then those answered wrongly, once more."""
    answered = select(CaseAnswer.case_id).where(CaseAnswer.user_id == user.id)
    right = answered.where(CaseAnswer.right)
    for seen in (answered, right):
        query = (
            select(Case)
            .where(Case.archived_at.is_(None), Case.id.not_in(seen), Case.id != after, *where)
            .order_by(Case.id)
            .limit(1)
        )
        found = session.scalars(query).first()
        if found is not None:
            return found
    return None


def answer(
    session: Session, case: Case, kind: str, rule: str, said: str, user: User, now: datetime
) -> CaseAnswer:
    """Keep what a learner said. Right is who heard whether it was good or bad and, where they
    named a rule for a bad one, named the right one.

    Raises:
        UserError: neither good nor bad.
    """
    if kind not in KINDS:
        raise UserError(tr("请先选择好或不好", "say first whether it was good or bad"))
    named = rule.strip()
    given = CaseAnswer(
        case_id=case.id,
        user_id=user.id,
        kind=kind,
        rule=named,
        said=said.strip()[:2000],
        right=kind == case.kind and (not named or not case.rule or named == case.rule),
        at=now,
    )
    session.add(given)
    session.flush()
    return given


def lines(session: Session, case: Case) -> list[Line]:
    """What is said in the clip; words of a turn that lie outside it are left out."""
    turns = session.scalars(
        select(Utterance)
        .where(
            Utterance.call_id == case.call_id,
            Utterance.start_ms < case.end_ms,
            Utterance.end_ms > case.start_ms,
        )
        .order_by(Utterance.start_ms)
    )
    found = []
    for turn in turns:
        inside = [t for t in turn.tokens if case.start_ms <= t["start_ms"] < case.end_ms]
        if inside:
            text = "".join(str(token["text"]) for token in inside)
            found.append(Line(turn.party, inside[0]["start_ms"] - case.start_ms, text))
    return found


def _columns(given: NewCase) -> dict[str, object]:
    return {
        "kind": given.kind,
        "title": given.title.strip()[:200],
        "rule": given.rule.strip()[:200],
        "party": given.party,
        "start_ms": given.start_ms,
        "end_ms": given.end_ms,
        "note": given.note.strip()[:5000],
        "shared": given.shared,
    }
