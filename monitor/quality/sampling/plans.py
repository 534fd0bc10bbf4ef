"""Sampling plans: which calls people review.

A plan is a value, a draw a pure function of the plan, the calls and what was
drawn before. Every call has a fixed number in [0, 1) under a plan's seed (a
hash of both), so a draw can be repeated, does not depend on the order of the
calls, and goes on where the last one stopped when new calls have come in.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.quality.periods import Per, period


class _Plan(BaseModel):
    """What all plans share: which calls they look at. Empty filters let every call through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    queues: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    direction: Literal["inbound", "outbound"] | None = None
    least_s: Annotated[int, Field(ge=0)] = 0
    """Shorter calls are left out, in seconds."""


class All(_Plan):
    """Every call (全量质检)."""

    kind: Literal["all"] = "all"


class Ratio(_Plan):
    """A share of the calls (比例抽检)."""

    kind: Literal["ratio"] = "ratio"
    share: Annotated[float, Field(gt=0, le=1)]


class PerAgent(_Plan):
    """So many calls of every agent (按人抽检): by default one a week and four a month.

    An agent whose weeks brought fewer than `per_month` is topped up when the
    month is over; None: no such count.
    """

    kind: Literal["agent"] = "agent"
    per_week: Annotated[int, Field(ge=1)] | None = 1
    per_month: Annotated[int, Field(ge=1)] | None = 4


class ByRisk(_Plan):
    """The riskiest calls of every day, week or month (按风险抽检)."""

    kind: Literal["risk"] = "risk"
    count: Annotated[int, Field(ge=1)]
    per: Per = "day"
    least: Annotated[float, Field(ge=0)] = 1.0
    """Calls of a lower risk are left out."""


Plan: TypeAlias = Annotated[All | Ratio | PerAgent | ByRisk, Field(discriminator="kind")]

_ADAPTER: TypeAdapter[All | Ratio | PerAgent | ByRisk] = TypeAdapter(Plan)


def plan_of(settings: Mapping[str, Any]) -> All | Ratio | PerAgent | ByRisk:
    """The plan that settings describe.

    Raises:
        UserError: an unknown setting or a value out of range, named.
    """
    try:
        return _ADAPTER.validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise UserError(
            tr(f"抽样方案：{where}:{first['msg']}", f"sampling plan: {where}: {first['msg']}")
        ) from error


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that may be drawn. `key` is its lasting name, `started_at` local time."""

    id: int
    key: str
    agent: str | None
    queue: str | None
    direction: str | None
    started_at: datetime
    duration_ms: int
    risk: float


@dataclass(frozen=True, slots=True)
class Draw:
    """A call drawn, why, and how urgent it is."""

    id: int
    reason: str
    priority: float


@dataclass(frozen=True, slots=True)
class RiskWeights:
    """What a finding of each kind adds to a call's risk; lost points add a tenth each."""

    fatal: float = 10.0
    major: float = 3.0
    minor: float = 1.0
    missed: float = 2.0
    gap: float = 0.5
    lost_points: float = 0.1


def risk(
    fatal: int,
    major: int,
    minor: int,
    missed: int,
    gaps: int,
    score: float | None,
    weights: RiskWeights | None = None,
) -> float:
    """How much a call asks to be looked at; 0 for one without any finding."""
    w = weights or RiskWeights()
    lost = 100.0 - score if score is not None else 0.0
    found = w.fatal * fatal + w.major * major + w.minor * minor
    return round(found + w.missed * missed + w.gap * gaps + w.lost_points * lost, 2)


def number(seed: int, key: str) -> float:
    """The fixed number of a call in [0, 1)."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def draw(
    plan: All | Ratio | PerAgent | ByRisk,
    candidates: Iterable[Candidate],
    drawn: Iterable[Candidate],
    today: date,
) -> list[Draw]:
    """What the plan draws from the candidates, most urgent first.

    `drawn` are the calls drawn before by this plan: they count against its
    numbers and are not drawn again. `today` decides which months are over.
    """
    before = [call for call in drawn if _admits(plan, call)]
    known = {call.id for call in before}
    fresh = [call for call in candidates if call.id not in known and _admits(plan, call)]
    fresh.sort(key=lambda call: (number(plan.seed, call.key), call.key))
    match plan:
        case All():
            picked = [(call, tr("全量质检", "every call")) for call in fresh]
        case Ratio():
            why = tr(f"按 {plan.share:.0%} 抽检", f"{plan.share:.0%} of the calls")
            picked = [(call, why) for call in fresh if number(plan.seed, call.key) < plan.share]
        case PerAgent():
            picked = _per_agent(plan, fresh, before, today)
        case ByRisk():
            picked = _by_risk(plan, fresh, before)
    draws = [Draw(call.id, why, call.risk) for call, why in picked]
    return sorted(draws, key=lambda d: (-d.priority, d.id))


def _admits(plan: _Plan, call: Candidate) -> bool:
    return (
        (not plan.queues or call.queue in plan.queues)
        and (not plan.agents or call.agent in plan.agents)
        and (plan.direction is None or call.direction == plan.direction)
        and call.duration_ms >= plan.least_s * 1000
    )


def _per_agent(
    plan: PerAgent, fresh: Sequence[Candidate], before: Sequence[Candidate], today: date
) -> list[tuple[Candidate, str]]:
    weeks = Counter((call.agent, period(call.started_at, "week")) for call in before)
    months = Counter((call.agent, period(call.started_at, "month")) for call in before)
    picked: dict[int, tuple[Candidate, str]] = {}

    def take(call: Candidate, why: str) -> None:
        picked[call.id] = (call, why)
        weeks[call.agent, period(call.started_at, "week")] += 1
        months[call.agent, period(call.started_at, "month")] += 1

    # An agent without a name cannot be given a number of calls.
    named = [call for call in fresh if call.agent is not None]
    if plan.per_week is not None:
        for call in named:
            week, month = period(call.started_at, "week"), period(call.started_at, "month")
            full = plan.per_month is not None and months[call.agent, month] >= plan.per_month
            if weeks[call.agent, week] < plan.per_week and not full:
                count = weeks[call.agent, week] + 1
                take(call, tr(f"{week} 第 {count} 通", f"{week}, call {count}"))
    if plan.per_month is not None:
        for call in named:
            month = period(call.started_at, "month")
            over = month < period(today, "month") or plan.per_week is None
            if call.id not in picked and over and months[call.agent, month] < plan.per_month:
                count = months[call.agent, month] + 1
                take(call, tr(f"{month} 第 {count} 通", f"{month}, call {count}"))
    return list(picked.values())


def _by_risk(
    plan: ByRisk, fresh: Sequence[Candidate], before: Sequence[Candidate]
) -> list[tuple[Candidate, str]]:
    counts = Counter(period(call.started_at, plan.per) for call in before)
    by_period: dict[str, list[Candidate]] = defaultdict(list)
    for call in fresh:
        if call.risk >= plan.least:
            by_period[period(call.started_at, plan.per)].append(call)
    picked = []
    for name, calls in by_period.items():
        calls.sort(key=lambda call: -call.risk)  # stable: equal risks keep the drawn order
        for call in calls[: max(0, plan.count - counts[name])]:
            picked.append((call, tr(f"{name} 风险 {call.risk:g}", f"{name}, risk {call.risk:g}")))
    return picked


def round_robin(
    tasks: Sequence[tuple[int, str | None]],
    reviewers: Sequence[tuple[int, str | None]],
    after: int | None = None,
) -> dict[int, int]:
    """Who reviews what: tasks dealt to the reviewers in turn, beginning with the one `after`.

    A task is (id, the call's agent), a reviewer (id, their own agent name):
    nobody is given a call of their own; a task that only its own agent could
    take stays out.
    """
    if not reviewers:
        return {}
    ids = [reviewer for reviewer, _ in reviewers]
    turn = ids.index(after) + 1 if after in ids else 0
    dealt: dict[int, int] = {}
    for task, agent in tasks:
        for step in range(len(reviewers)):
            reviewer, own = reviewers[(turn + step) % len(reviewers)]
            if own is None or own != agent:
                dealt[task] = reviewer
                turn = (turn + step + 1) % len(reviewers)
                break
    return dealt
