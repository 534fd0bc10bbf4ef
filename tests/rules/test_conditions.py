"""`when`: yes, no, or nobody knows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.errors import UserError
from monitor.events import CallInfo, Party
from monitor.rules.engine.calendar import HOLIDAYS, holidays_on, is_workday, lunar_day
from monitor.rules.engine.conditions import facts_of, judge, steady
from monitor.rules.language.pack import When

BEIJING = "Asia/Shanghai"


def holds(
    when: dict[str, Any], started_at: str | None = None, timezone: str = BEIJING, **facts: Any
) -> bool | None:
    direction = facts.pop("direction", None)
    info = CallInfo("c", "c", tuple(Party), started_at=started_at, direction=direction, facts=facts)
    return judge(When.model_validate(when), facts_of(info, timezone)).holds


@pytest.mark.parametrize(
    ("when", "started_at", "expected"),
    [
        ({"time": "07:00-09:00"}, "2026-03-02T07:00:00+08:00", True),
        ({"time": "07:00-09:00"}, "2026-03-02T08:59:59+08:00", True),
        ({"time": "07:00-09:00"}, "2026-03-02T09:00:00+08:00", False),
        ({"time": "19:00-24:00"}, "2026-03-02T23:59:59+08:00", True),
        ({"time": "22:00-06:00"}, "2026-03-02T02:00:00+08:00", True),
        ({"time": ["07:00-09:00", "19:00-24:00"]}, "2026-03-02T20:00:00+08:00", True),
        ({"time": "07:00-09:00"}, "2026-03-02T00:30:00+00:00", True),  # 08:30 in Beijing
        ({"weekday": "周五"}, "2026-03-06T20:00:00+08:00", True),
        ({"weekday": ["sat", "sun"]}, "2026-03-06T20:00:00+08:00", False),
        ({"weekday": "周五"}, "2026-03-05T16:30:00+00:00", True),  # already Friday in Beijing
        ({"date": "10-01..10-03"}, "2026-10-03T23:00:00+08:00", True),
        ({"date": "12-30..01-02"}, "2026-01-01T10:00:00+08:00", True),
        ({"date": "2026-10-01"}, "2027-10-01T10:00:00+08:00", False),
        ({"lunar": "01-01..01-03"}, "2026-02-17T10:00:00+08:00", True),
        ({"lunar": "01-01..01-03"}, "2026-02-20T10:00:00+08:00", False),
        ({"lunar": "01-01..01-03"}, "2026-02-16T10:00:00+08:00", False),  # 除夕
        ({"lunar": "06-01"}, "2025-07-25T10:00:00+08:00", False),  # leap sixth month
        ({"holiday": "春节"}, "2026-02-18T10:00:00+08:00", True),
        ({"holiday": "春节"}, "2026-02-20T10:00:00+08:00", False),  # a shifted day off
        ({"holiday": "any"}, "2026-09-25T10:00:00+08:00", True),
        ({"holiday": "any"}, "2026-03-02T10:00:00+08:00", False),
        ({"holiday": ["中秋节", "国庆节"]}, "2020-10-01T10:00:00+08:00", True),  # both at once
        ({"workday": True}, "2026-02-14T10:00:00+08:00", True),  # a Saturday that is worked
        ({"workday": False}, "2026-02-20T10:00:00+08:00", True),
        ({"not": {"time": "07:00-09:00"}}, "2026-03-02T10:00:00+08:00", True),
        ({"any": [{"weekday": "周一"}, {"time": "0:00-1:00"}]}, "2026-03-02T10:00:00+08:00", True),
    ],
)  # fmt: skip
def test_the_clock_and_the_calendar(when: dict[str, Any], started_at: str, expected: bool) -> None:
    assert holds(when, started_at) is expected


@pytest.mark.parametrize(
    ("when", "facts", "expected"),
    [
        ({"direction": "呼入"}, {"direction": "inbound"}, True),
        ({"direction": "outbound"}, {"direction": "inbound"}, False),
        ({"direction": "outbound"}, {}, None),
        ({"queue": "VIP"}, {"queue": "VIP"}, True),
        ({"queue": ["VIP", "SP"]}, {"queue": "普通"}, False),
        ({"tier": "金卡"}, {}, None),
        ({"facts": {"seat": [1, 2]}}, {"seat": "2"}, True),  # the command line gives text
        ({"not": {"queue": "VIP"}}, {}, None),
        ({"queue": "VIP", "direction": "inbound"}, {"direction": "outbound"}, False),
        ({"any": [{"queue": "VIP"}, {"direction": "inbound"}]}, {"direction": "inbound"}, True),
        ({"any": [{"queue": "VIP"}, {"direction": "inbound"}]}, {"direction": "outbound"}, None),
        ({"time": "07:00-09:00"}, {}, None),
        ({"holiday": "any"}, {}, None),
        ({"lunar": "01-01"}, {}, None),
        ({"workday": True}, {}, None),
        ({"tenure": {"below": "90d"}}, {}, None),
    ],
)
def test_facts_and_what_is_unknown(
    when: dict[str, Any], facts: dict[str, Any], expected: bool | None
) -> None:
    assert holds(when, **facts) is expected


def test_tenure() -> None:
    start = "2026-03-02T10:00:00+08:00"
    assert holds({"tenure": {"below": "90d"}}, start, agent_since="2026-01-15") is True
    assert holds({"tenure": {"above": "1y"}}, start, agent_since="2026-01-15") is False
    with pytest.raises(UserError, match="agent_since"):
        holds({"tenure": {"above": "1y"}}, start, agent_since="去年")


def test_a_time_that_is_none_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"started_at.*2026-02-17T10:00:00"):
        holds({"time": "07:00-09:00"}, "昨天")


def test_time_runs_on_with_the_call() -> None:
    info = CallInfo("c", "c", tuple(Party), started_at="2026-03-02T08:59:00+08:00")
    morning = When.model_validate({"time": "07:00-09:00"})
    assert judge(morning, facts_of(info, BEIJING)).holds is True
    assert judge(morning, facts_of(info, BEIJING, 61_000)).holds is False
    assert steady([morning], facts_of(info, BEIJING), 120_000).holds is None
    assert steady([morning], facts_of(info, BEIJING), 30_000).holds is True


def test_reasons_are_given() -> None:
    info = CallInfo("c", "c", tuple(Party), facts={"queue": "普通"})
    verdict = judge(When.model_validate({"queue": "VIP"}), facts_of(info, BEIJING))
    assert verdict.reason == "queue 是 普通"


@given(st.dates(date(2008, 1, 1), date(2030, 12, 31)))
def test_spring_festival_is_the_first_three_lunar_days(day: date) -> None:
    if day.year >= 2014:  # before, the days off began with the eve
        assert ("春节" in holidays_on(day)) <= (lunar_day(day)[0] == 1)
    assert holidays_on(day) <= set(HOLIDAYS)
    if holidays_on(day):
        assert not is_workday(day)


@given(st.datetimes(), st.booleans())
def test_not_turns_an_answer_round(moment: Any, known: bool) -> None:
    started = moment.replace(year=2026, microsecond=0).isoformat() + "+08:00" if known else None
    when = {"time": "07:00-09:00"}
    plain, turned = holds(when, started), holds({"not": when}, started)
    assert turned is (None if plain is None else not plain)


@pytest.mark.parametrize("day", ["2026-02-17", "20260217"])
def test_a_day_without_a_time_is_no_midnight(day: str) -> None:
    for hours in ("22:00-07:00", "00:00-24:00", "07:00-22:00"):
        assert holds({"time": hours}, day) is None
        assert holds({"not": {"time": hours}}, day) is None
    # What hangs on the day alone is known, on whatever clock.
    for timezone in (BEIJING, "America/Los_Angeles", "Pacific/Auckland"):
        assert holds({"weekday": "周二"}, day, timezone) is True
        assert holds({"date": "02-17"}, day, timezone) is True
        assert holds({"lunar": "01-01"}, day, timezone) is True
        assert holds({"holiday": "春节"}, day, timezone) is True
    # A condition that says no already decides, whatever the time was.
    assert holds({"time": "22:00-07:00", "weekday": "周五"}, day) is False
