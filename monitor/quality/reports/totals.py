"""The figures of dashboards and reports, each one query over the store.

Definitions, the same everywhere: a *hit* is a finding of severity 一般 or above
that was not retracted; *hits per hour* is over the length of the calls; a
*script* counts when it fell due, and *completion* is the share that was said;
scores are percent of the card; the *score* of a call is the one that counts
(`monitor.store.standing`), beside the *machine's* and the one *people* gave on
their scorecards; a *fatal call* has lost a fatal item on the card that counts
or, as long as that is the machine's, has a fatal finding; *reviewed* calls have
a final scorecard by a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Row, Subquery, case, distinct, func, select
from sqlalchemy.orm import Session

from monitor.quality.periods import Per, period
from monitor.quality.scope import Scope, local, quarter
from monitor.store.schema import NOT_COUNTED, Alert, Call, Scorecard, Script

Dimension: TypeAlias = Literal["agent", "queue", "direction", "tier", "grade"]

BINS = 10


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over some calls; what is told of them follows from these."""

    calls: int = 0
    duration_ms: int = 0
    scored: int = 0
    score_sum: float = 0.0  # percent, of the scores that count
    settled: int = 0  # calls whose score people settled
    machine_scored: int = 0
    machine_sum: float = 0.0  # percent
    reviewed: int = 0
    human_sum: float = 0.0  # percent
    compared: int = 0  # calls both scored by the machine and reviewed
    human_both: float = 0.0  # percent, over those
    machine_both: float = 0.0
    fatal_calls: int = 0
    fatal: int = 0
    major: int = 0
    minor: int = 0
    tip: int = 0
    met: int = 0
    missed: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Totals)))

    @property
    def hits(self) -> int:
        return self.fatal + self.major + self.minor

    @property
    def hours(self) -> float:
        return self.duration_ms / 3_600_000

    @property
    def hits_per_hour(self) -> float | None:
        return self.hits / self.hours if self.duration_ms else None

    @property
    def average_s(self) -> float | None:
        """Average length of a call, seconds."""
        return self.duration_ms / 1000 / self.calls if self.calls else None

    @property
    def score(self) -> float | None:
        """The average of the scores that count."""
        return self.score_sum / self.scored if self.scored else None

    @property
    def machine_score(self) -> float | None:
        return self.machine_sum / self.machine_scored if self.machine_scored else None

    @property
    def human_score(self) -> float | None:
        return self.human_sum / self.reviewed if self.reviewed else None

    @property
    def human_less_machine(self) -> float | None:
        """How much higher people score than the machine, over the calls both have judged."""
        return (self.human_both - self.machine_both) / self.compared if self.compared else None

    @property
    def completion(self) -> float | None:
        due = self.met + self.missed
        return self.met / due if due else None

    @property
    def fatal_share(self) -> float | None:
        return self.fatal_calls / self.calls if self.calls else None


def totals(session: Session, scope: Scope) -> Totals:
    """The sums over all calls of the scope."""
    return _summed(session, scope, [])[0][1]


def grouped(session: Session, scope: Scope, by: Dimension) -> list[tuple[str, Totals]]:
    """The sums per agent, queue, …; calls of which it is not known come under "". By name."""
    column = Call.final_grade if by == "grade" else getattr(Call, by)
    rows = _summed(session, scope, [func.coalesce(column, "")])
    return sorted((name[0], sums) for name, sums in rows)


def grades(session: Session, scope: Scope) -> list[tuple[str, Totals]]:
    """The sums per grade, the best first; calls without one come last, under ""."""
    rows = grouped(session, scope, "grade")
    return sorted(rows, key=lambda row: (not row[0], -(row[1].score or 0.0), row[0]))


def trend(session: Session, scope: Scope, per: Per) -> list[tuple[str, Totals]]:
    """The sums per day, ISO week or month of the scope's zone, in order, empty ones included."""
    names = _periods(scope, per)
    found = dict.fromkeys(names, Totals())
    for (quarters,), sums in _summed(session, scope, [quarter()]):
        name = period(local(quarters, scope.zone), per)
        found[name] = found[name] + sums
    return list(found.items())


def hours_of_day(session: Session, scope: Scope) -> list[Totals]:
    """The sums per hour of the day, 0 to 23, in the scope's zone."""
    found = [Totals()] * 24
    for (quarters,), sums in _summed(session, scope, [quarter()]):
        hour = local(quarters, scope.zone).hour
        found[hour] = found[hour] + sums
    return found


def distribution(session: Session, scope: Scope) -> list[int]:
    """How many scored calls lie in each tenth of the card: [0, 10), … [90, 100]."""
    percent = _percent(Call.final_score, Call.final_max)
    columns = [
        func.coalesce(func.sum(case((_within(percent, number), 1), else_=0)), 0)
        for number in range(BINS)
    ]
    row = session.execute(select(*columns).where(*scope.conditions())).one()
    return [int(value) for value in row]


def _within(percent: ColumnElement[float], number: int) -> ColumnElement[bool]:
    low = percent >= number * 100 / BINS
    return low if number == BINS - 1 else low & (percent < (number + 1) * 100 / BINS)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """One rule's findings: how many, in how many calls and of how many agents."""

    rule: str
    title: str
    family: str
    severity: str
    hits: int
    calls: int
    agents: int


def rules(session: Session, scope: Scope, limit: int | None = None) -> list[RuleFigures]:
    """The rules by their findings, most frequent first."""
    count = func.count()
    query = (
        select(
            Alert.rule,
            func.max(Alert.title),
            func.max(Alert.family),
            func.max(Alert.severity),
            count,
            func.count(distinct(Alert.call_id)),
            func.count(distinct(Call.agent)),
        )
        .join(Call, Call.id == Alert.call_id)
        .where(*scope.conditions(), Alert.state.not_in(NOT_COUNTED))
        .group_by(Alert.rule)
        .order_by(count.desc(), Alert.rule)
    )
    if scope.rule is not None:
        query = query.where(Alert.rule == scope.rule)
    if limit is not None:
        query = query.limit(limit)
    return [RuleFigures(*row) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class ScriptFigures:
    """One required script: how often it was said and missed where it fell due."""

    rule: str
    title: str
    met: int
    missed: int

    @property
    def completion(self) -> float:
        return self.met / (self.met + self.missed)


def scripts(session: Session, scope: Scope) -> list[ScriptFigures]:
    """The scripts that fell due, least complete first."""
    met, missed = (
        func.sum(case((Script.state == state, 1), else_=0)) for state in ("met", "missed")
    )
    query = (
        select(Script.rule, func.max(Script.title), met, missed)
        .join(Call, Call.id == Script.call_id)
        .where(*scope.conditions(), Script.state.in_(("met", "missed")))
        .group_by(Script.rule)
    )
    if scope.rule is not None:
        query = query.where(Script.rule == scope.rule)
    rows = [ScriptFigures(r[0], r[1], int(r[2]), int(r[3])) for r in session.execute(query)]
    return sorted(rows, key=lambda row: (row.completion, -row.missed, row.rule))


def spread(session: Session, scope: Scope, least_agents: int = 3) -> list[RuleFigures]:
    """Common problems (共性问题): rules found with a third of the agents or more."""
    known = session.scalar(select(func.count(distinct(Call.agent))).where(*scope.conditions()))
    least = max(least_agents, -(-(known or 0) // 3))
    return [rule for rule in rules(session, scope) if rule.agents >= least]


def changes(now: Sequence[RuleFigures], then: Sequence[RuleFigures]) -> Mapping[str, int]:
    """By how many findings each rule of `now` rose since `then`."""
    before = {rule.rule: rule.hits for rule in then}
    return {rule.rule: rule.hits - before.get(rule.rule, 0) for rule in now}


def human_cards(*where: ColumnElement[bool]) -> Subquery:
    """Per call: the average, in percent, of the final scorecards that people gave it."""
    return (
        select(
            Scorecard.call_id.label("call_id"),
            func.avg(_percent(Scorecard.total, Scorecard.max)).label("percent"),
        )
        .where(
            Scorecard.status == "final",
            Scorecard.purpose == "review",
            Scorecard.total.is_not(None),
            *where,
        )
        .group_by(Scorecard.call_id)
        .subquery("human")
    )


def _summed(
    session: Session, scope: Scope, keys: Sequence[ColumnElement[Any]]
) -> list[tuple[tuple[Any, ...], Totals]]:
    human = human_cards()
    query = (
        select(*keys, *_measures(human))
        .outerjoin(human, human.c.call_id == Call.id)
        .where(*scope.conditions())
        .group_by(*keys)
    )
    return [(tuple(row[: len(keys)]), _totals(row, len(keys))) for row in session.execute(query)]


def _measures(human: Subquery) -> list[ColumnElement[Any]]:
    final = _percent(Call.final_score, Call.final_max)
    percent = _percent(Call.score, Call.score_max)
    theirs = human.c.percent
    both = theirs.is_not(None) & percent.is_not(None)
    return [
        func.count(),
        _sum(Call.duration_ms),
        func.count(final),
        _sum(final),
        func.count(Call.people_card),
        func.count(percent),
        _sum(percent),
        func.count(theirs),
        _sum(theirs),
        _sum(case((both, 1))),
        _sum(case((both, theirs))),
        _sum(case((both, percent))),
        _sum(case((Call.is_fatal, 1))),
        *(_sum(getattr(Call, f"alerts_{name}")) for name in ("fatal", "major", "minor", "tip")),
        _sum(Call.scripts_met),
        _sum(Call.scripts_missed),
    ]


def _totals(row: Row[Any], start: int) -> Totals:
    kinds = {"float": float, "int": int}
    return Totals(
        *(kinds[str(f.type)](v) for f, v in zip(fields(Totals), row[start:], strict=True))
    )


def _sum(column: Any) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _percent(score: Any, most: Any) -> ColumnElement[float]:
    share: ColumnElement[float] = score * 100.0 / func.nullif(most, 0)
    return share


def _periods(scope: Scope, per: Per) -> list[str]:
    days = (scope.span.since + timedelta(days=n) for n in range(scope.span.days))
    return list(dict.fromkeys(period(day, per) for day in days))
