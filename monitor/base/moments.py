"""Moments as people and programs write them: a day with its time, or the day alone.

A day without a time is a day: nothing here makes it midnight.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo

_TIMES = (
    *("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"),
    *("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%Y.%m.%d %H:%M:%S", "%Y.%m.%d %H:%M"),
    *("%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日%H:%M"),
    *("%Y年%m月%d日 %H时%M分%S秒", "%Y年%m月%d日 %H时%M分", "%Y年%m月%d日%H时%M分%S秒"),
    "%Y年%m月%d日%H时%M分",
)
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日")
COMPACT = r"\d{4}-?\d\d-?\d\d[-_T ]?\d\d[-:_.]?\d\d(?:[-:_.]?\d\d)?"
"""A moment as file names write it."""

_YEARS = range(1970, 2200)


def read_moment(text: str, zone: tzinfo) -> datetime | date:
    """The moment, aware (in `zone` where the text names none), or the day where no time is given.

    Raises:
        ValueError: it is neither.
    """
    found = _read(text.strip())
    if found.year not in _YEARS:
        raise ValueError(f"no year of calls: {text}")
    if isinstance(found, datetime) and found.tzinfo is None:
        return found.replace(tzinfo=zone)
    return found


def _read(text: str) -> datetime | date:
    for iso in (date.fromisoformat, datetime.fromisoformat):
        try:
            return iso(text)
        except ValueError:
            continue
    layouts: tuple[str, ...] = _TIMES
    if re.fullmatch(COMPACT, text):
        text = re.sub(r"\D", "", text)
        layouts = ("%Y%m%d%H%M%S" if len(text) == 14 else "%Y%m%d%H%M",)
    for layout in layouts:
        try:
            return datetime.strptime(text, layout)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    for layout in _DAYS:
        try:
            return datetime.strptime(text, layout).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"not a moment: {text}")


def is_day(text: str) -> bool:
    """Whether an ISO 8601 text names a day without a time."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
