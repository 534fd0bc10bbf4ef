"""The small values of the rule language: durations, severities, parties, weekdays, clock spans.

Each reader takes what a supervisor writes and returns the plain value, or
raises ValueError with what to write instead. Pydantic turns that into an error
with the place in the file.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from monitor.base.i18n import tr
from monitor.events import Party, Severity

_UNIT_MS = {
    "ms": 1,
    "毫秒": 1,
    "s": 1000,
    "秒": 1000,
    "m": 60_000,
    "分": 60_000,
    "分钟": 60_000,
    "h": 3_600_000,
    "小时": 3_600_000,
    "d": 86_400_000,
    "天": 86_400_000,
    "y": 31_536_000_000,
    "年": 31_536_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(毫秒|分钟|小时|ms|[smhdy秒分天年])\s*")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–—~至]+\s*(\d{1,2}):(\d{2})")
_MONTH_DAY = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})")

_SEVERITIES = {
    "提示": Severity.TIP,
    "一般": Severity.MINOR,
    "严重": Severity.MAJOR,
    "致命": Severity.FATAL,
    **{severity.value: severity for severity in Severity},
}
_PARTIES: dict[str, Party | None] = {
    "agent": Party.AGENT,
    "客服": Party.AGENT,
    "customer": Party.CUSTOMER,
    "客户": Party.CUSTOMER,
    "either": None,
    "任一方": None,
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("mon 周一", "tue 周二", "wed 周三", "thu 周四", "fri 周五", "sat 周六", "sun 周日")
    )
    for name in names.split()
}


def duration_ms(text: object) -> int:
    """`5s`, `1m30s`, `500ms`, `2小时` → milliseconds."""
    if isinstance(text, str):
        parts = _PART.findall(text.strip())
        if parts and _PART.sub("", text.strip()) == "":
            return round(sum(float(number) * _UNIT_MS[unit] for number, unit in parts))
    raise ValueError(
        tr(
            f"“{text}” 不是时长：请写成 5s、2m、1m30s 或 500ms",
            f"{text!r} is not a duration: write 5s, 2m, 1m30s or 500ms",
        )
    )


def moment_ms(value: object) -> int:
    """A moment in an example: seconds as a number (`3.2`), or a duration."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return round(value * 1000)
    return duration_ms(value)


def amount(value: object) -> float:
    """A bound of a measure: a number in the measure's unit, or a duration (→ ms)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return float(duration_ms(value))
    except ValueError:
        raise ValueError(
            tr(
                f"“{value}” 不是数值：请写数字（如 160）或时长（如 5s）",
                f"{value!r} is no bound: write a number (160) or a duration (5s)",
            )
        ) from None


def severity(value: object) -> Severity:
    if isinstance(value, str) and value in _SEVERITIES:
        return _SEVERITIES[value]
    raise ValueError(
        tr(
            f"“{value}” 不是级别：请写 提示、一般、严重 或 致命",
            f"{value!r} is no severity: write tip, minor, major or fatal",
        )
    )


def party(value: object) -> Party | None:
    """A party, or None for either of them."""
    if isinstance(value, str) and value in _PARTIES:
        return _PARTIES[value]
    raise ValueError(
        tr(
            f"“{value}” 不是通话方：请写 agent、customer 或 either",
            f"{value!r} is no party: write agent, customer or either",
        )
    )


def weekday(value: object) -> int:
    """`周五` or `fri` → 0 (Monday) … 6 (Sunday)."""
    if isinstance(value, str) and value.lower() in _WEEKDAYS:
        return _WEEKDAYS[value.lower()]
    raise ValueError(
        tr(
            f"“{value}” 不是星期：请写 周一 … 周日（或 mon … sun）",
            f"{value!r} is no weekday: write 周一 … 周日 or mon … sun",
        )
    )


def clock_span(value: object) -> tuple[int, int]:
    """`07:00-09:00` → minutes since midnight, half-open; an end of 24:00 is midnight.

    A span whose end is before its start runs over midnight (`22:00-06:00`).
    """
    match = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        start, end = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
        if start < 1440 and end <= 1440 and start != end and int(match[2]) < 60 > int(match[4]):
            return start, end
    raise ValueError(
        tr(
            f"“{value}” 不是时间段：请写成 07:00-09:00",
            f"{value!r} is no time of day: write 07:00-09:00",
        )
    )


Day: TypeAlias = tuple[int | None, int, int]
"""(year or None for every year, month, day)."""


def day_span(value: object) -> tuple[Day, Day]:
    """`10-01`, `10-01..10-03`, `2026-02-16..2026-02-22` → first and last day, both included."""
    if isinstance(value, str):
        found = [_MONTH_DAY.fullmatch(part.strip()) for part in value.split("..")]
        if len(found) in (1, 2) and all(found):
            days = [
                (int(m[1]) if m[1] else None, int(m[2]), int(m[3])) for m in found if m is not None
            ]
            same_kind = (days[0][0] is None) == (days[-1][0] is None)
            if same_kind and all(1 <= d[1] <= 12 and 1 <= d[2] <= 31 for d in days):
                return days[0], days[-1]
    raise ValueError(
        tr(
            f"“{value}” 不是日期：请写成 05-01、10-01..10-03 或 2026-02-17",
            f"{value!r} is no date: write 05-01, 10-01..10-03 or 2026-02-17",
        )
    )


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


_DURATION = r"^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|y|毫秒|秒|分|分钟|小时|天|年)\s*)+$"

Duration: TypeAlias = Annotated[
    int,
    BeforeValidator(duration_ms),
    _schema(type="string", pattern=_DURATION, examples=["5s", "1m30s"]),
]
"""Milliseconds; written `5s`."""

Moment: TypeAlias = Annotated[
    int, BeforeValidator(moment_ms), _schema(type=["number", "string"], examples=[3.2, "3s"])
]
"""Milliseconds; written as seconds (`3.2`) or a duration."""

Bound: TypeAlias = Annotated[
    float, BeforeValidator(amount), _schema(type=["number", "string"], examples=[160, "5s"])
]
"""A number in the measure's own unit; written `160` or `5s`."""

SeverityName: TypeAlias = Annotated[
    Severity, BeforeValidator(severity), _schema(type="string", enum=list(_SEVERITIES))
]
PartyName: TypeAlias = Annotated[
    Party | None, BeforeValidator(party), _schema(type="string", enum=list(_PARTIES))
]
Weekday: TypeAlias = Annotated[
    int, BeforeValidator(weekday), _schema(type="string", enum=list(_WEEKDAYS))
]
ClockSpan: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(clock_span), _schema(type="string", examples=["07:00-09:00"])
]
DaySpan: TypeAlias = Annotated[
    tuple[Day, Day], BeforeValidator(day_span), _schema(type="string", examples=["10-01..10-03"])
]
Direction: TypeAlias = Annotated[
    Literal["inbound", "outbound"],
    BeforeValidator(
        lambda v: {"呼入": "inbound", "呼出": "outbound"}.get(v, v) if isinstance(v, str) else v
    ),
    _schema(type="string", enum=["inbound", "outbound", "呼入", "呼出"]),
]
