"""`when`: does a rule apply to this call? Yes, no, or nobody knows.

Three-valued logic: an unknown fact makes the answer unknown unless another
condition already says no. Every answer other than yes carries its reason.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.moments import is_day
from monitor.events import CallInfo, Detail
from monitor.rules.engine.calendar import holidays_on, is_workday, lunar_day
from monitor.rules.language.pack import Tenure, When
from monitor.rules.language.values import Day


@dataclass(frozen=True, slots=True)
class Verdict:
    """`holds` is None when a needed fact is unknown."""

    holds: bool | None
    reason: str = ""


YES = Verdict(True)


@dataclass(frozen=True, slots=True)
class FactsAt:
    """What conditions may ask: the metadata and the local time in question.

    `timed` is False where only the day is known: `moment` is its noon then.
    """

    info: CallInfo
    moment: datetime.datetime | None
    timed: bool = True

    def shifted(self, ms: int) -> FactsAt:
        """The same call at a moment `ms` later (or earlier)."""
        if self.moment is None:
            return self
        return replace(self, moment=self.moment + datetime.timedelta(milliseconds=ms))


def facts_of(info: CallInfo, timezone: str, at_ms: int = 0) -> FactsAt:
    """The facts of a call, at `at_ms` into it, on the clock of `timezone`.

    Raises:
        UserError: `started_at` is not an ISO 8601 time.
    """
    if info.started_at is None:
        return FactsAt(info, None)
    if is_day(info.started_at):
        noon = datetime.datetime.fromisoformat(
            f"{datetime.date.fromisoformat(info.started_at)}T12:00"
        )
        return FactsAt(info, noon.replace(tzinfo=ZoneInfo(timezone)), timed=False)
    start = _time(info.started_at, "started_at", timezone)
    # Add on the absolute clock, then read the wall clock there.
    moment = start.astimezone(datetime.UTC) + datetime.timedelta(milliseconds=at_ms)
    return FactsAt(info, moment.astimezone(ZoneInfo(timezone)))


def _time(text: str, name: str, timezone: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
        moment.astimezone(datetime.UTC)  # the first and the last day there are have no neighbours
    except (ValueError, OverflowError):
        raise UserError(
            tr(
                f"{name}：“{text}” 不是时间；写成 2026-02-17T10:00:00+08:00",
                f"{name}: {text!r} is not a time; write 2026-02-17T10:00:00+08:00",
            )
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(timezone))


def judge_all(conditions: Iterable[When], facts: FactsAt) -> Verdict:
    """All of the conditions."""
    return _all(judge(when, facts) for when in conditions)


def judge(when: When, facts: FactsAt) -> Verdict:
    """Whether `when` holds for these facts."""
    verdicts = [check(when, facts) for check in _CHECKS]
    if when.any_:
        verdicts.append(_any([judge(choice, facts) for choice in when.any_]))
    if when.not_ is not None:
        verdicts.append(_not(judge(when.not_, facts)))
    return _all(verdicts)


def steady(conditions: Sequence[When], facts: FactsAt, grace_ms: int) -> Verdict:
    """Like `judge_all`, but unknown within `grace_ms` of a moment where the answer changes."""
    here = judge_all(conditions, facts)
    if grace_ms and any(
        judge_all(conditions, facts.shifted(shift)).holds != here.holds
        for shift in (-grace_ms, grace_ms)
    ):
        return Verdict(None, tr("离时间边界太近，不判", "too close to a boundary in time"))
    return here


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    for wanted in (False, None):
        for verdict in found:
            if verdict.holds is wanted:
                return verdict
    return YES


def _any(verdicts: Sequence[Verdict]) -> Verdict:
    for wanted in (True, None):
        for verdict in verdicts:
            if verdict.holds is wanted:
                return verdict
    return verdicts[0]


def _not(verdict: Verdict) -> Verdict:
    if verdict.holds is None:
        return verdict
    return Verdict(not verdict.holds, "" if not verdict.holds else tr("属于排除的情形", "excluded"))


def _unknown(name: str) -> Verdict:
    return Verdict(None, tr(f"不知道 {name}", f"{name} is unknown"))


def _said(holds: bool, name: str, value: object) -> Verdict:
    return Verdict(holds, "" if holds else tr(f"{name} 是 {value}", f"{name} is {value}"))


def _clock(when: When, facts: FactsAt) -> Verdict:
    if not when.time:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    if not facts.timed:
        return Verdict(None, tr("只知道日期，不知道几点", "the day is known, the time is not"))
    minute = facts.moment.hour * 60 + facts.moment.minute
    inside = any(
        start <= minute < end if start < end else minute >= start or minute < end
        for start, end in when.time
    )
    return _said(inside, "time", facts.moment.strftime("%H:%M"))


def _weekday(when: When, facts: FactsAt) -> Verdict:
    if not when.weekday:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    return _said(
        facts.moment.weekday() in when.weekday,
        "weekday",
        "周" + "一二三四五六日"[facts.moment.weekday()],
    )


def _date(when: When, facts: FactsAt) -> Verdict:
    if not when.date:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    day = facts.moment.date()
    return _said(
        any(_in_days((day.year, day.month, day.day), span) for span in when.date), "date", day
    )


def _lunar(when: When, facts: FactsAt) -> Verdict:
    if not when.lunar:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    month, day = lunar_day(facts.moment.date())
    inside = month > 0 and any(_in_days((None, month, day), span) for span in when.lunar)
    return _said(inside, "lunar", f"{abs(month):02d}-{day:02d}" + ("闰" if month < 0 else ""))


def _in_days(day: Day, span: tuple[Day, Day]) -> bool:
    first, last = span
    if first[0] is not None:
        return (first[0], *first[1:]) <= (day[0] or 0, *day[1:]) <= (last[0] or 0, *last[1:])
    here, start, end = day[1:], first[1:], last[1:]
    return start <= here <= end if start <= end else here >= start or here <= end


def _holiday(when: When, facts: FactsAt) -> Verdict:
    if not when.holiday:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    today = holidays_on(facts.moment.date())
    wanted = set(when.holiday)
    return _said(bool(today if "any" in wanted else today & wanted), "date", facts.moment.date())


def _workday(when: When, facts: FactsAt) -> Verdict:
    if when.workday is None:
        return YES
    if facts.moment is None:
        return _unknown("started_at")
    day = facts.moment.date()
    return _said(is_workday(day) == when.workday, "date", day)


def _direction(when: When, facts: FactsAt) -> Verdict:
    if when.direction is None:
        return YES
    if facts.info.direction is None:
        return _unknown("direction")
    return _said(facts.info.direction == when.direction, "direction", facts.info.direction)


def _tenure(when: When, facts: FactsAt) -> Verdict:
    if when.tenure is None:
        return YES
    worked = tenure_ms(facts)
    if worked is None:
        return _unknown("agent_since")
    return _said(_within(when.tenure, worked), "tenure", f"{worked // 86_400_000}d")


def _within(tenure: Tenure, worked: int) -> bool:
    return (tenure.above is None or worked > tenure.above) and (
        tenure.below is None or worked < tenure.below
    )


def tenure_ms(facts: FactsAt) -> int | None:
    """How long the agent has worked here (`facts.agent_since`, a date); None when unknown.

    Raises:
        UserError: `agent_since` is not a date.
    """
    since = facts.info.facts.get("agent_since")
    if since is None or facts.moment is None:
        return None
    start = _time(str(since), "agent_since", str(facts.moment.tzinfo))
    return round((facts.moment - start).total_seconds() * 1000)


def _facts(when: When, facts: FactsAt) -> Verdict:
    wanted: Mapping[str, Sequence[Detail]] = {
        **({"queue": when.queue} if when.queue else {}),
        **({"tier": when.tier} if when.tier else {}),
        **when.facts,
    }
    verdicts = []
    for name, values in wanted.items():
        value = facts.info.facts.get(name)
        if value is None:
            verdicts.append(_unknown(name))
        else:
            same = value in values or str(value) in {str(choice) for choice in values}
            verdicts.append(_said(same, name, value))
    return _all(verdicts)


_CHECKS = (_clock, _weekday, _date, _lunar, _holiday, _workday, _direction, _tenure, _facts)
