"""What the machine found in a call, what people said of it, and what they added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store.schema import Alert, Call, Script, User, Verdict

Kind: TypeAlias = Literal["alert", "script", "missed"]
"""An alert; a script that the machine took for said; a finding people added."""

VERDICTS = ("right", "wrong", "unsure")


@dataclass(frozen=True, slots=True)
class Judged:
    """The latest verdict of anybody on a finding."""

    verdict: str  # right, wrong, unsure, missed
    reason: str
    reviewer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to judge. `severity` is empty for what is no alert."""

    kind: Kind
    id: int
    rule: str
    title: str
    severity: str
    party: str
    start_ms: int
    end_ms: int
    quote: str
    similarity: float
    advice: str
    state: str
    evidence: Mapping[str, Any]
    judged: Judged | None

    @property
    def ref(self) -> str:
        return f"{self.kind}-{self.id}"

    @property
    def absent(self) -> bool:
        """Something that was not said: the span is where it was looked for."""
        return self.kind == "alert" and not self.quote

    @property
    def shown_ms(self) -> int:
        """Where it stands in a list: where the words begin, or where the wait for them ended."""
        return self.end_ms if self.absent else self.start_ms


def findings(session: Session, call: Call) -> list[Finding]:
    """Those of a call, by where they stand.

    A missed script stands here as the alert that it raised; only those taken
    for said stand for themselves.
    """
    judged = latest(session, call.id)
    alerts = session.scalars(select(Alert).where(Alert.call_id == call.id)).all()
    found = [_of_alert(alert, judged) for alert in alerts]
    for script in session.scalars(select(Script).where(Script.call_id == call.id)):
        if script.state == "met":
            found.append(_of_script(script, judged))
    found += _missed(session, call)
    return sorted(found, key=lambda f: (f.shown_ms, f.end_ms, f.ref))


def finding(session: Session, call: Call, ref: str) -> Finding:
    """The finding called `ref` (kind and number).

    Raises:
        UserError: this call has none of that name.
    """
    for found in findings(session, call):
        if found.ref == ref:
            return found
    raise UserError(
        tr(
            f"这通电话没有发现 {ref}，请刷新页面",
            f"this call has no finding {ref}; reload the page",
        )
    )


def latest(session: Session, call_id: int) -> dict[str, Judged]:
    """Finding's `ref` → the latest verdict on it."""
    rows = session.execute(
        select(Verdict, User.display, User.name)
        .outerjoin(User, User.id == Verdict.reviewer_id)
        .where(Verdict.call_id == call_id)
        .order_by(Verdict.id)
    )
    return {
        ref_of(verdict): Judged(verdict.verdict, verdict.reason, display or name or "", verdict.at)
        for verdict, display, name in rows
    }


def ref_of(verdict: Verdict) -> str:
    """The finding that a verdict is about."""
    if verdict.alert_id is not None:
        return f"alert-{verdict.alert_id}"
    if verdict.script_id is not None:
        return f"script-{verdict.script_id}"
    return f"missed-{verdict.id}"


def _of_alert(alert: Alert, judged: Mapping[str, Judged]) -> Finding:
    return Finding(
        kind="alert",
        id=alert.id,
        rule=alert.rule,
        title=alert.title,
        severity=alert.severity,
        party=alert.party,
        start_ms=alert.start_ms,
        end_ms=alert.end_ms,
        quote=alert.quote,
        similarity=alert.similarity,
        advice=alert.advice,
        state=alert.state,
        evidence=alert.evidence,
        judged=judged.get(f"alert-{alert.id}"),
    )


def _of_script(script: Script, judged: Mapping[str, Judged]) -> Finding:
    start = script.at_ms if script.start_ms is None else script.start_ms
    return Finding(
        kind="script",
        id=script.id,
        rule=script.rule,
        title=script.title,
        severity="",
        party="agent",
        start_ms=start,
        end_ms=start if script.end_ms is None else script.end_ms,
        quote=script.quote,
        similarity=script.similarity,
        advice=script.advice,
        state=script.state,
        evidence=script.evidence,
        judged=judged.get(f"script-{script.id}"),
    )


def _missed(session: Session, call: Call) -> list[Finding]:
    rows = session.execute(
        select(Verdict, User.display, User.name)
        .outerjoin(User, User.id == Verdict.reviewer_id)
        .where(Verdict.call_id == call.id, Verdict.verdict == "missed")
    ).all()
    titles = rule_titles(session, {verdict.rule for verdict, _, _ in rows})
    return [
        Finding(
            kind="missed",
            id=verdict.id,
            rule=verdict.rule,
            title=titles.get(verdict.rule, verdict.rule),
            severity="",
            party=verdict.party,
            start_ms=verdict.start_ms,
            end_ms=verdict.end_ms,
            quote=verdict.quote,
            similarity=0.0,
            advice="",
            state="missed",
            evidence={},
            judged=Judged("missed", verdict.reason, display or name or "", verdict.at),
        )
        for verdict, display, name in rows
    ]


def rule_titles(session: Session, rules: set[str]) -> dict[str, str]:
    """Titles as the rules' own findings had them; rules that never found anything are absent."""
    found: dict[str, str] = {}
    for table in (Script, Alert):
        query = select(table.rule, table.title).where(table.rule.in_(rules)).distinct()
        found.update((rule, title) for rule, title in session.execute(query))
    return found
