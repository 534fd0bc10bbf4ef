"""Per rule: how many of its findings people agreed with, and how much it passes over.

Only what people said counts: verdicts on findings (the latest on each) and
calls heard in full. The arithmetic is in `monitor.quality.rules.precision`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from monitor.quality.rules.precision import Estimate, Precision, Stratum, precision, recall, trend
from monitor.quality.tables import CallReview
from monitor.store.schema import NOT_COUNTED, Alert, Call, CallPack, Pack, Verdict


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule in a period.

    `packs` are those whose versions were judged. `hits` are its alerts
    (retracted ones apart), `missed` the findings people added and the scripts
    wrongly taken for said. `versions` holds
    the precision per pack version, in the order in which they were first
    judged. `hit` and `quiet` are the strata of `recall`.
    """

    rule: str
    title: str
    packs: tuple[str, ...]
    hits: int
    missed: int
    precision: Precision | None
    recall: Estimate | None
    hit: Stratum
    quiet: Stratum
    versions: dict[str, Precision] = field(default_factory=dict)


@dataclass(slots=True)
class _Judged:
    """What people said of one rule."""

    verdicts: dict[tuple[object, ...], tuple[str, str]] = field(default_factory=dict)
    by_call: dict[int, dict[tuple[object, ...], str]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    missed: list[int] = field(default_factory=list)  # calls
    said: dict[int, tuple[int, bool]] = field(default_factory=dict)  # script → call, truly said
    packs: set[str] = field(default_factory=set)


def rule_figures(
    session: Session,
    since: datetime | None = None,
    until: datetime | None = None,
    rules: Iterable[str] | None = None,
) -> dict[str, RuleFigures]:
    """Figures of the rules that people judged, over calls begun in the period."""
    period: list[ColumnElement[bool]] = [Call.status == "complete"]
    if since is not None:
        period.append(Call.started_at >= since)
    if until is not None:
        period.append(Call.started_at < until)
    judged = _judged(session, period, set(rules) if rules is not None else None)
    in_full = select(CallReview.call_id).join(Call, Call.id == CallReview.call_id).where(*period)
    heard = set(session.scalars(in_full))
    hits = _hits(session, period, set(judged))
    titles = _titles(session, set(judged))
    found = {}
    sizes: dict[frozenset[str], tuple[int, set[int]]] = {}
    for rule, said in judged.items():
        packs = frozenset(said.packs)
        if packs not in sizes:
            sizes[packs] = _population(session, period, packs, heard)
        calls, heard_here = sizes[packs]
        hit, quiet = _strata(said, hits.get(rule, {}), calls, heard_here)
        found[rule] = RuleFigures(
            rule=rule,
            title=titles.get(rule, rule),
            packs=tuple(sorted(said.packs)),
            hits=sum(hits.get(rule, {}).values()),
            missed=len(said.missed),
            precision=precision(verdict for verdict, _ in said.verdicts.values()),
            recall=recall(hit, quiet),
            hit=hit,
            quiet=quiet,
            versions=trend((version, verdict) for verdict, version in said.verdicts.values()),
        )
    return found


def _judged(
    session: Session, period: list[ColumnElement[bool]], rules: set[str] | None
) -> dict[str, _Judged]:
    query = (
        select(Verdict, Pack.name, Pack.version)
        .join(Call, Call.id == Verdict.call_id)
        .outerjoin(Pack, Pack.id == Verdict.pack_id)
        .where(*period)
        .order_by(Verdict.id)
    )
    if rules is not None:
        query = query.where(Verdict.rule.in_(rules))
    found: dict[str, _Judged] = defaultdict(_Judged)
    for verdict, pack, version in session.execute(query):
        said = found[verdict.rule]
        if pack is not None:
            said.packs.add(pack)
        if verdict.verdict == "missed":
            said.missed.append(verdict.call_id)
        elif verdict.script_id is not None:
            # Taken for said: no finding of the rule, but one passed over where it was not.
            said.said[verdict.script_id] = (verdict.call_id, verdict.verdict != "wrong")
        else:
            key = _same(verdict)
            said.verdicts[key] = (verdict.verdict, version or "?")
            said.by_call[verdict.call_id][key] = verdict.verdict
    for said in found.values():
        said.missed += [call_id for call_id, truly in said.said.values() if not truly]
    return dict(found)


def _same(verdict: Verdict) -> tuple[object, ...]:
    """What verdicts on one finding have in common; a finding may be gone after a re-scoring."""
    return (verdict.call_id, verdict.party, verdict.start_ms, verdict.end_ms)


def _hits(
    session: Session, period: list[ColumnElement[bool]], rules: set[str]
) -> dict[str, dict[int, int]]:
    """rule → call → number of alerts that stand."""
    query = (
        select(Alert.rule, Alert.call_id, func.count())
        .join(Call, Call.id == Alert.call_id)
        .where(Alert.rule.in_(rules), Alert.state.not_in(NOT_COUNTED), *period)
        .group_by(Alert.rule, Alert.call_id)
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for rule, call_id, count in session.execute(query):
        found[rule][call_id] = count
    return found


def _titles(session: Session, rules: set[str]) -> dict[str, str]:
    query = select(Alert.rule, func.max(Alert.title)).where(Alert.rule.in_(rules))
    return {rule: title for rule, title in session.execute(query.group_by(Alert.rule))}  # noqa: C416


def _population(
    session: Session, period: list[ColumnElement[bool]], packs: frozenset[str], heard: set[int]
) -> tuple[int, set[int]]:
    """How many calls packs of these names judged, and which of those were heard in full."""
    if not packs:
        count = session.scalar(select(func.count()).select_from(Call).where(*period)) or 0
        return count, heard
    of_packs = (
        select(CallPack.call_id).join(Pack, Pack.id == CallPack.pack_id).where(Pack.name.in_(packs))
    )
    inside = [*period, Call.id.in_(of_packs)]
    count = session.scalar(select(func.count()).select_from(Call).where(*inside)) or 0
    known = select(Call.id).where(*inside, Call.id.in_(select(CallReview.call_id)))
    return count, set(session.scalars(known))


def _strata(
    said: _Judged, hits: dict[int, int], calls: int, heard: set[int]
) -> tuple[Stratum, Stratum]:
    """Calls with and without a hit; of both, those that people settled.

    A call with hits is settled when every one of them was judged right or
    wrong; a call without, when somebody heard all of it.
    """
    missed = set(said.missed)
    settled = {
        call_id
        for call_id, count in hits.items()
        if sum(v in ("right", "wrong") for v in said.by_call.get(call_id, {}).values()) >= count
    }
    broken = {
        call_id
        for call_id in settled
        if call_id in missed or "right" in said.by_call[call_id].values()
    }
    quiet = heard - hits.keys()
    return (
        Stratum(len(hits), len(settled), len(broken)),
        Stratum(max(calls - len(hits), len(quiet)), len(quiet), len(quiet & missed)),
    )
