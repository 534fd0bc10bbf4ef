"""Sampling plans: what is drawn, and the laws every draw keeps."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.errors import UserError
from monitor.quality.periods import Span, period, span_of
from monitor.quality.sampling.plans import (
    All,
    ByRisk,
    Candidate,
    PerAgent,
    Ratio,
    draw,
    plan_of,
    risk,
    round_robin,
)

_MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def _call(number: int, *, agent: str | None = "A01", day: int = 0, risk: float = 0.0) -> Candidate:
    began = _MONDAY + timedelta(days=day, minutes=number)
    return Candidate(number, f"call-{number}", agent, "宽带", "inbound", began, 60_000, risk)


_calls = st.lists(
    st.builds(
        _call,
        st.integers(0, 10_000),
        agent=st.sampled_from(["A01", "A02", None]),
        day=st.integers(0, 40),
        risk=st.floats(0, 50),
    ),
    unique_by=lambda call: call.id,
    max_size=60,
)
_plans = st.one_of(
    st.just(All()),
    st.builds(Ratio, share=st.floats(0.01, 1)),
    st.builds(PerAgent, per_week=st.integers(1, 3), per_month=st.integers(1, 6)),
    st.builds(ByRisk, count=st.integers(1, 4), per=st.sampled_from(["day", "week", "month"])),
)
_TODAY = date(2026, 12, 20)


def _ids(draws: object) -> list[int]:
    return [d.id for d in draws]  # type: ignore[attr-defined]


@given(plan=_plans, calls=_calls, seed=st.integers(0, 9), shuffled=st.randoms())
def test_the_order_of_the_calls_does_not_matter(plan, calls, seed, shuffled) -> None:
    plan = plan.model_copy(update={"seed": seed})
    mixed = list(calls)
    shuffled.shuffle(mixed)
    assert draw(plan, calls, [], _TODAY) == draw(plan, mixed, [], _TODAY)


@given(plan=_plans, calls=_calls)
def test_drawing_again_draws_nothing(plan, calls) -> None:
    first = set(_ids(draw(plan, calls, [], _TODAY)))
    drawn = [call for call in calls if call.id in first]
    assert draw(plan, calls, drawn, _TODAY) == []


@given(calls=_calls, cut=st.integers(0, 60), share=st.floats(0.01, 1))
def test_a_ratio_is_the_same_drawn_at_once_or_bit_by_bit(calls, cut, share) -> None:
    plan = Ratio(share=share)
    early = draw(plan, calls[:cut], [], _TODAY)
    drawn = [call for call in calls if call.id in set(_ids(early))]
    late = draw(plan, calls, drawn, _TODAY)
    assert sorted(_ids(early) + _ids(late)) == sorted(_ids(draw(plan, calls, [], _TODAY)))


def test_a_ratio_draws_about_its_share() -> None:
    calls = [_call(number) for number in range(20_000)]
    count = len(draw(Ratio(share=0.05), calls, [], _TODAY))
    # Binomial(20 000, 0.05): five standard deviations are 154.
    assert abs(count - 1000) < 154


@given(calls=_calls, per_week=st.integers(1, 3), per_month=st.integers(1, 6))
def test_no_agent_is_drawn_more_often_than_a_month_allows(calls, per_week, per_month) -> None:
    chosen = set(_ids(draw(PerAgent(per_week=per_week, per_month=per_month), calls, [], _TODAY)))
    months = Counter((c.agent, period(c.started_at, "month")) for c in calls if c.id in chosen)
    assert all(count <= per_month for count in months.values())
    assert not any(agent is None for agent, _ in months)


def test_the_manuals_plan_is_one_a_week_and_four_a_month() -> None:
    # 30 days of November 2026 from Monday the 2nd: weeks 45 to 49, five of them.
    calls = [_call(number, day=number % 28) for number in range(280)]
    chosen = set(_ids(draw(PerAgent(), calls, [], date(2026, 11, 29))))
    weeks = Counter(period(c.started_at, "week") for c in calls if c.id in chosen)
    assert weeks == {"2026-W45": 1, "2026-W46": 1, "2026-W47": 1, "2026-W48": 1}


def test_a_month_short_of_calls_is_topped_up_when_it_is_over() -> None:
    calls = [_call(number, day=number % 3) for number in range(30)]  # all in one week
    running = draw(PerAgent(), calls, [], date(2026, 11, 30))
    assert len(running) == 1
    drawn = [call for call in calls if call.id in set(_ids(running))]
    over = draw(PerAgent(), calls, drawn, date(2026, 12, 1))
    assert len(over) == 3


def test_the_riskiest_calls_of_each_day_are_drawn_first() -> None:
    calls = [_call(1, risk=3), _call(2, risk=12), _call(3, risk=0.4), _call(4, day=1, risk=2)]
    draws = draw(ByRisk(count=2), calls, [], _TODAY)
    assert _ids(draws) == [2, 1, 4]
    assert [d.priority for d in draws] == [12, 3, 2]


def test_filters_leave_calls_out() -> None:
    calls = [_call(1), _call(2, agent="A02"), replace(_call(3), queue="投诉")]
    assert _ids(draw(All(agents=("A01",), queues=("宽带",)), calls, [], _TODAY)) == [1]
    assert draw(All(least_s=61), calls, [], _TODAY) == []
    assert draw(All(direction="outbound"), calls, [], _TODAY) == []


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kind": "ratio", "share": 1.5}, "share"),
        ({"kind": "ratio"}, "share"),
        ({"kind": "agent", "per_wek": 1}, "per_wek"),
        ({"kind": "risk", "count": 0}, "count"),
        ({"kind": "lottery"}, "kind"),
        ({}, "kind"),
    ],
)
def test_a_wrong_setting_is_named(settings, named) -> None:
    with pytest.raises(UserError, match=named):
        plan_of(settings)


def test_settings_round_trip() -> None:
    plan = PerAgent(seed=7, queues=("宽带",), per_week=2)
    assert plan_of(plan.model_dump(mode="json")) == plan


def test_risk_is_zero_without_findings_and_grows_with_each() -> None:
    clean = risk(0, 0, 0, 0, 0, 100.0)
    assert clean == 0
    assert risk(1, 0, 0, 0, 0, 100.0) > risk(0, 1, 0, 0, 0, 100.0) > risk(0, 0, 1, 0, 0, 100.0) > 0
    assert risk(0, 0, 0, 0, 0, None) == 0


@given(
    agents=st.lists(st.sampled_from(["A", "B", None]), max_size=30),
    reviewers=st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from(["A", "C", None])),
        unique_by=lambda r: r[0],
        max_size=5,
    ),
    after=st.none() | st.integers(1, 9),
)
def test_round_robin_is_fair_and_gives_nobody_their_own_call(agents, reviewers, after) -> None:
    tasks = list(enumerate(agents))
    dealt = round_robin(tasks, reviewers, after)
    own = dict(reviewers)
    for task, reviewer in dealt.items():
        assert own[reviewer] is None or own[reviewer] != agents[task]
    free = [reviewer for reviewer, agent in reviewers if agent is None]
    if free and len(free) == len(reviewers):
        counts = Counter(dealt.values())
        shares = [counts[reviewer] for reviewer in free]
        assert max(shares) - min(shares) <= 1
        assert len(dealt) == len(tasks)


def test_round_robin_goes_on_where_it_stopped() -> None:
    reviewers: list[tuple[int, str | None]] = [(1, None), (2, None), (3, None)]
    assert round_robin([(10, "A"), (11, "A")], reviewers, after=2) == {10: 3, 11: 1}


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.sampled_from(["day", "week", "month"]))
def test_a_span_holds_its_day_and_follows_the_one_before(day, per) -> None:
    span = span_of(day, per)
    assert span.since <= day < span.until
    assert span.before().until == span.since
    assert span.before() == span_of(span.since - timedelta(days=1), per)
    assert {period(span.since + timedelta(days=n), per) for n in range(span.days)} == {
        period(day, per)
    }


def test_the_stretch_before_any_other_one_is_as_long() -> None:
    assert Span(date(2026, 11, 10), date(2026, 11, 15)).before() == Span(
        date(2026, 11, 5), date(2026, 11, 10)
    )
