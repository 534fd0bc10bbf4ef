"""Days, weeks and months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias

Per: TypeAlias = Literal["day", "week", "month"]


def period(day: date, per: Per) -> str:
    """The name of the day, ISO week or month: `2026-11-22`, `2026-W47`, `2026-11`."""
    if per == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day:%Y-%m-%d}" if per == "day" else f"{day:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of calendar days in some zone: `since` inclusive, `until` exclusive."""

    since: date
    until: date

    def moments(self, zone: tzinfo) -> tuple[datetime, datetime]:
        """Its two ends as points in time."""
        first, last = (
            datetime(day.year, day.month, day.day, tzinfo=zone) for day in (self.since, self.until)
        )
        return first, last

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    def before(self) -> Span:
        """The stretch just before: the month before a whole month, else as many days."""
        if self == span_of(self.since, "month"):
            return span_of(self.since - timedelta(days=1), "month")
        return Span(self.since - timedelta(days=self.days), self.since)


def span_of(day: date, per: Per) -> Span:
    """The day, ISO week or month that a day lies in."""
    if per == "day":
        return Span(day, day + timedelta(days=1))
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        return Span(monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Span(first, (first + timedelta(days=32)).replace(day=1))


def span_named(name: str) -> Span:
    """The day, week or month that `period` gave this name."""
    if "W" in name:
        year, _, week = name.partition("-W")
        return span_of(date.fromisocalendar(int(year), int(week), 1), "week")
    if name.count("-") == 2:
        return span_of(date.fromisoformat(name), "day")
    return span_of(date.fromisoformat(f"{name}-01"), "month")
