"""A pack over stored calls: what it finds, and what changed against another version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from monitor.events import Alert
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.tools.replay import from_json, replay, standing

_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Precision:
    """Of `reviewed` findings `right` were right; the bounds are Wilson's at 95 %."""

    right: int
    reviewed: int

    @property
    def value(self) -> float:
        return self.right / self.reviewed

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson (1927): the interval of a proportion that behaves for few samples."""
        n, p, z = self.reviewed, self.value, _Z95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Quote:
    """A finding in a call, for reading."""

    call: str
    at_ms: int
    text: str


@dataclass(slots=True)
class RuleHistory:
    """One rule over all calls."""

    rule: str
    title: str
    calls: set[str] = field(default_factory=set)
    hits: list[Quote] = field(default_factory=list)
    new: list[Quote] = field(default_factory=list)
    lost: list[Quote] = field(default_factory=list)
    right: int = 0
    reviewed: int = 0

    @property
    def precision(self) -> Precision | None:
        return Precision(self.right, self.reviewed) if self.reviewed else None


@dataclass(frozen=True, slots=True)
class Backtest:
    """The outcome: `hours` of calls heard, and each rule's history by id."""

    calls: int
    hours: float
    rules: Mapping[str, RuleHistory]
    compared: bool


def backtest(
    rulebook: Rulebook,
    calls: Iterable[tuple[str, Mapping[str, Any]]],
    against: Rulebook | None = None,
) -> Backtest:
    """Run the rules over (name, call JSON) pairs.

    A finding of one version is the same as one of the other when it is of the
    same rule and party and their spans overlap.
    """
    rules: dict[str, RuleHistory] = {}
    for book in (against, rulebook):
        for name, ready in (book.rules if book else {}).items():
            rules[name] = RuleHistory(name, ready.rule.title)
    count, duration = 0, 0
    for name, data in calls:
        call = from_json(data)
        count += 1
        duration += call.end.duration_ms
        found = _alerts(rulebook, call)
        before = _alerts(against, call) if against is not None else []
        for alert in found:
            history = rules[alert.rule]
            history.calls.add(name)
            history.hits.append(_quote(name, alert))
            verdict = _review(alert, data)
            if verdict is not None:
                history.reviewed += 1
                history.right += verdict
        if against is not None:
            for alert in _without(found, before):
                rules[alert.rule].new.append(_quote(name, alert))
            for alert in _without(before, found):
                rules[alert.rule].lost.append(_quote(name, alert))
    return Backtest(count, duration / 3_600_000, rules, against is not None)


def _alerts(rulebook: Rulebook, call: Any) -> list[Alert]:
    return standing(replay(rulebook, call))


def _quote(call: str, alert: Alert) -> Quote:
    text = alert.quote
    near = alert.evidence.get("nearest")
    if not text and isinstance(near, dict):
        text = f"≈ {near.get('quote', '')}"
    return Quote(call, alert.start_ms, text)


def _same(one: Alert, other: Alert) -> bool:
    return (
        one.rule == other.rule
        and one.party is other.party
        and one.start_ms <= other.end_ms
        and other.start_ms <= one.end_ms
    )


def _without(alerts: Sequence[Alert], others: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if not any(_same(alert, other) for other in others)]


def _review(alert: Alert, data: Mapping[str, Any]) -> bool | None:
    """What people (or a second recogniser) said of this finding; None when nobody did.

    A call JSON may carry `reviews`: [{rule, start_ms, end_ms, correct}]; stored
    alerts that were confirmed or retracted count as well.
    """
    for review in data.get("reviews") or ():
        if review.get("rule") == alert.rule and _overlaps(alert, review):
            return bool(review.get("correct"))
    for stored in data.get("alerts") or ():
        if stored.get("rule") == alert.rule and _overlaps(alert, stored):
            state = stored.get("state")
            if state in ("confirmed", "retracted"):
                return bool(state == "confirmed")
    return None


def _overlaps(alert: Alert, span: Mapping[str, Any]) -> bool:
    return bool(alert.start_ms <= span.get("end_ms", 0) and span.get("start_ms", 0) <= alert.end_ms)
