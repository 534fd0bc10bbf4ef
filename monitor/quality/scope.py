"""Which calls a figure is about: a stretch of days and some filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Integer, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from monitor.quality.periods import Span
from monitor.store.schema import NOT_COUNTED, Alert, Call

OVER = ("complete", "interrupted")
"""States of calls that figures count: what is still running or was never heard is left out."""

UNKNOWN = "-"
"""How addresses of pages say that an agent, queue, … is not known."""

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Scope:
    """Calls that began within `span` (days of `zone`) and match every filter that is not None.

    `rule`: calls with a finding of that rule. An empty text means calls of which
    it is not known.
    """

    span: Span
    zone: tzinfo
    agent: str | None = None
    queue: str | None = None
    direction: str | None = None
    tier: str | None = None
    rule: str | None = None

    def before(self) -> Scope:
        """The same filters over the stretch just before."""
        return replace(self, span=self.span.before())

    def conditions(self) -> list[ColumnElement[bool]]:
        """What `Call` rows must meet."""
        since, until = self.span.moments(self.zone)
        found = [Call.started_at >= since, Call.started_at < until, Call.status.in_(OVER)]
        for column in (Call.agent, Call.queue, Call.direction, Call.tier):
            value = getattr(self, column.key)
            if value is not None:
                found.append(column.is_(None) if value == "" else column == value)
        if self.rule is not None:
            found.append(rule_hit(self.rule))
        return found

    def query(self, **more: Any) -> str:
        """The filters as a query string of the calls table."""
        last = self.span.until - timedelta(days=1)
        values = {"since": self.span.since.isoformat(), "until": last.isoformat(), "status": "over"}
        for name in ("agent", "queue", "direction", "tier", "rule"):
            value = getattr(self, name)
            if value is not None:
                values[name] = value
        values |= {name: value for name, value in more.items() if value is not None}
        return urlencode({name: UNKNOWN if v == "" else v for name, v in values.items()})


def rule_hit(rule: str) -> ColumnElement[bool]:
    """Calls with a finding of a rule (a missed script raises one, too)."""
    one = aliased(Alert)  # the query around it may be about alerts itself
    hit = one.call_id == Call.id, one.rule == rule, one.state.not_in(NOT_COUNTED)
    return select(one.id).where(*hit).correlate(Call).exists()


class _Quarters(GenericFunction[int]):
    """Quarters of an hour since 1970 of a UTC timestamp. Every zone on earth is a whole
    number of them away from UTC, so sums per quarter can be folded into anybody's days."""

    type = Integer()
    inherit_cache = True


@compiles(_Quarters, "sqlite")
def _sqlite(element: _Quarters, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    return f"CAST(strftime('%s', {compiler.process(column, **kw)}) AS INTEGER) / {QUARTER_S}"


@compiles(_Quarters, "postgresql")
def _postgresql(element: _Quarters, compiler: SQLCompiler, **kw: Any) -> str:
    (column,) = element.clauses
    seconds = f"EXTRACT(EPOCH FROM {compiler.process(column, **kw)})"
    return f"CAST(FLOOR({seconds} / {QUARTER_S}) AS INTEGER)"


def quarter() -> ColumnElement[int]:
    """The quarter of an hour in which a call began."""
    return _Quarters(Call.started_at)


def local(quarters: int, zone: tzinfo) -> datetime:
    """The beginning of a quarter of an hour, in `zone`."""
    return datetime.fromtimestamp(quarters * QUARTER_S, zone)
