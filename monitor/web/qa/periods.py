"""The period and the filters of dashboards and reports, as their addresses carry them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict

from monitor.base.i18n import tr
from monitor.base.time_zone import local_zone
from monitor.quality.periods import Per, Span, span_of
from monitor.quality.scope import UNKNOWN, Scope
from monitor.store.schema import now
from monitor.web.qa.fields import Day, Text, blank

LONGEST_DAYS = 3 * 366

Named = Literal["today", "yesterday", "week", "lastweek", "month", "lastmonth", "custom"]


class PeriodQuery(BaseModel):
    """Which calls the figures are about. `since` and `until` (inclusive) count for `custom`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    period: Annotated[Named | None, BeforeValidator(blank)] = None
    since: Day = None
    until: Day = None
    agent: Text = None
    queue: Text = None
    direction: Annotated[Literal["inbound", "outbound"] | None, BeforeValidator(blank)] = None
    tier: Text = None
    rule: Text = None

    @property
    def named(self) -> Named:
        """The period in use: dates mean a custom one, nothing means this month."""
        if self.period is not None and self.period != "custom":
            return self.period
        return "custom" if self.since or self.until else "month"

    def scope(self) -> Scope:
        """The calls that the figures are about; absurd stretches are cut to what can be drawn."""
        zone = local_zone()
        today = now().astimezone(zone).date()
        filters = {
            name: "" if getattr(self, name) == UNKNOWN else getattr(self, name)
            for name in ("agent", "queue", "direction", "tier", "rule")
        }
        return Scope(self._span(today), zone, **filters)

    def _span(self, today: date) -> Span:
        spans: dict[str, tuple[date, Per]] = {
            "today": (today, "day"),
            "yesterday": (today - timedelta(days=1), "day"),
            "week": (today, "week"),
            "lastweek": (today - timedelta(days=7), "week"),
            "month": (today, "month"),
            "lastmonth": (today.replace(day=1) - timedelta(days=1), "month"),
        }
        if self.named in spans:
            return span_of(*spans[self.named])
        last = self.until or max(today, self.since or today)
        first = self.since or last.replace(day=1)
        first, last = min(first, last), max(first, last)
        return Span(max(first, last - timedelta(days=LONGEST_DAYS)), last + timedelta(days=1))

    def address(self, **changes: Any) -> str:
        """The query string of this query with some values changed (None: taken out)."""
        values = self.model_dump(exclude_none=True, mode="json")
        values |= changes
        return urlencode({k: v for k, v in values.items() if v is not None})


def choices() -> list[tuple[str, str]]:
    """The periods that have a name."""
    return [
        ("today", tr("今天", "Today")),
        ("yesterday", tr("昨天", "Yesterday")),
        ("week", tr("本周", "This week")),
        ("lastweek", tr("上周", "Last week")),
        ("month", tr("本月", "This month")),
        ("lastmonth", tr("上月", "Last month")),
        ("custom", tr("自选", "Dates")),
    ]
