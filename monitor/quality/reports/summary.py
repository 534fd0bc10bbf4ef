"""What happened in a day, a week or a month: the material of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.quality import wording
from monitor.quality.periods import Per
from monitor.quality.reports import service, totals
from monitor.quality.reports.service import Category, Delivery, Rate
from monitor.quality.reports.totals import RuleFigures, ScriptFigures, Totals
from monitor.quality.sampling import review_queue
from monitor.quality.sampling.review_queue import Coverage
from monitor.quality.scope import Scope
from monitor.store.schema import Call, Scorecard, User

TOP = 15


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a scope, beside those of the stretch before it."""

    scope: Scope
    now: Totals
    before: Totals
    trend: Sequence[tuple[str, Totals]]
    agents: Sequence[tuple[str, Totals]]
    queues: Sequence[tuple[str, Totals]]
    grades: Sequence[tuple[str, Totals]]
    distribution: Sequence[int]
    rules: Sequence[RuleFigures]
    changes: Mapping[str, int]
    common: Sequence[RuleFigures]
    scripts: Sequence[ScriptFigures]
    coverage: Sequence[Coverage]
    rates: Sequence[Rate]
    categories: Sequence[Category]


def gather(session: Session, scope: Scope) -> Summary:
    """Ask the store for everything a summary tells."""
    found = totals.rules(session, scope)
    return Summary(
        scope=scope,
        now=totals.totals(session, scope),
        before=totals.totals(session, scope.before()),
        trend=totals.trend(session, scope, step_of(scope)),
        agents=totals.grouped(session, scope, "agent"),
        queues=totals.grouped(session, scope, "queue"),
        grades=totals.grades(session, scope),
        distribution=totals.distribution(session, scope),
        rules=found[:TOP],
        changes=totals.changes(found, totals.rules(session, scope.before())),
        common=totals.spread(session, scope),
        scripts=totals.scripts(session, scope),
        coverage=review_queue.coverage(session, scope),
        rates=service.rates(session, scope),
        categories=service.categories(session, scope),
    )


def step_of(scope: Scope) -> Per:
    """Days up to two months, then weeks, then months: what a trend can be read in."""
    days = scope.span.days
    return "day" if days <= 62 else "week" if days <= 400 else "month"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A call somebody has judged."""

    call: Call
    card: Scorecard
    reviewer: str


@dataclass(frozen=True, slots=True)
class AgentReport:
    """One agent beside the whole team, and what to work on."""

    agent: str
    own: Summary
    team: Totals
    team_rates: Sequence[Rate]
    delivery: Delivery | None
    worst: Sequence[Call]
    reviewed: Sequence[Reviewed]


def gather_agent(session: Session, scope: Scope) -> AgentReport:
    """The report of the agent that the scope names."""
    assert scope.agent is not None
    everyone = Scope(scope.span, scope.zone)
    worst = select(Call).where(*scope.conditions(), Call.final_score.is_not(None))
    reviewed = (
        select(Call, Scorecard, User)
        .join(Scorecard, Scorecard.call_id == Call.id)
        .outerjoin(User, User.id == Scorecard.author_id)
        .where(*scope.conditions(), Scorecard.status == "final", Scorecard.purpose == "review")
        .order_by(Call.started_at)
    )
    spoken = service.delivery(session, scope)
    return AgentReport(
        agent=scope.agent,
        own=gather(session, scope),
        team=totals.totals(session, everyone),
        team_rates=service.rates(session, everyone),
        delivery=spoken[0] if spoken else None,
        worst=session.scalars(worst.order_by(Call.final_score, Call.id).limit(10)).all(),
        reviewed=[
            Reviewed(call, card, wording.person(user))
            for call, card, user in session.execute(reviewed)
        ],
    )
