"""The filters of the calls table, as its address carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import Session

from monitor.base.time_zone import local_zone
from monitor.events import Severity
from monitor.quality.periods import Span
from monitor.quality.scope import OVER, UNKNOWN
from monitor.quality.tables import Task
from monitor.store.read import SORTS, CallFilter, calls_where
from monitor.store.schema import Call, Scorecard
from monitor.web.qa.fields import Day, Number, Text, blank

PER_PAGE = 50


class CallQuery(BaseModel):
    """Which calls, in which order, which page. `until` is the last day that counts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    since: Day = None
    until: Day = None
    agent: Text = None
    queue: Text = None
    direction: Annotated[Literal["inbound", "outbound"] | None, BeforeValidator(blank)] = None
    tier: Text = None
    status: Annotated[
        Literal["over", "live", "complete", "interrupted", "failed"] | None,
        BeforeValidator(blank),
    ] = None
    score_min: Number = None
    score_max: Number = None
    severity: Annotated[Severity | None, BeforeValidator(blank)] = None
    fatal: Annotated[bool | None, BeforeValidator(blank)] = None
    rule: Text = None
    missed: Text = None
    flag: Text = None
    name: Text = None
    text: Text = None
    sound: Text = None
    review: Annotated[
        Literal["done", "drawn", "none"] | None,
        BeforeValidator(blank),
    ] = None
    sort: Annotated[str, Field(max_length=20)] = "-started_at"
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    @property
    def order(self) -> tuple[str, bool]:
        """What is sorted by, and whether downwards; what nobody knows is as if not said."""
        name = self.sort.removeprefix("-")
        return (name, self.sort.startswith("-")) if name in SORTS else ("started_at", True)

    @property
    def filters(self) -> Mapping[str, str]:
        """The filters that are set, as text."""
        values = self.model_dump(exclude_none=True, exclude={"sort", "page"}, mode="json")
        return {k: _written(v) for k, v in values.items()}

    def address(self, **changes: Any) -> str:
        """The query string of this query with some values changed (None: taken out)."""
        values = {**self.filters, "sort": self.sort, "page": self.page, **changes}
        if values["sort"] == "-started_at":
            values["sort"] = None
        if values["page"] == 1:
            values["page"] = None
        return urlencode({k: v for k, v in values.items() if v is not None})

    def where(self, session: Session) -> list[ColumnElement[bool]]:
        """The conditions on `Call`."""
        return [*calls_where(session, self._filter()), *self._more()]

    def _filter(self) -> CallFilter:
        zone = local_zone()
        first = Span(self.since, self.since).moments(zone)[0] if self.since else None
        after = self.until + timedelta(days=1) if self.until else None
        return CallFilter(
            since=first,
            until=Span(after, after).moments(zone)[0] if after else None,
            status=None if self.status == "over" else self.status,
            direction=self.direction,
            **{
                name: None if getattr(self, name) == UNKNOWN else getattr(self, name)
                for name in ("agent", "queue", "tier")
            },
            **{
                name: getattr(self, name)
                for name in (
                    "score_min",
                    "score_max",
                    "severity",
                    "fatal",
                    "rule",
                    "missed",
                    "flag",
                    "name",
                    "text",
                    "sound",
                )
            },
        )

    def _more(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        for name in ("agent", "queue", "tier"):
            if getattr(self, name) == UNKNOWN:
                found.append(getattr(Call, name).is_(None))
        if self.status == "over":
            found.append(Call.status.in_(OVER))
        if self.review is not None:
            judged = exists().where(
                Scorecard.call_id == Call.id,
                Scorecard.status == "final",
                Scorecard.purpose == "review",
            )
            drawn = exists().where(Task.call_id == Call.id, Task.status == "open")
            found.append({"done": judged, "drawn": drawn, "none": ~judged}[self.review])
        return found


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the address of the table without it."""

    text: str
    address: str
