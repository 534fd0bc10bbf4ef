"""Days with a name: public holidays and working days of China, and the lunar calendar.

The tables come from two maintained libraries (`holidays`, with the yearly
shifts the State Council announces, and `lunar_python`); nothing is kept by hand.
"""

from __future__ import annotations

import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holidays import HolidayBase

HOLIDAYS: Mapping[str, str] = MappingProxyType(
    {
        "元旦": "元旦",
        "除夕": "农历除夕",
        "春节": "春节",
        "清明节": "清明节",
        "劳动节": "劳动节",
        "端午节": "端午节",
        "中秋节": "中秋节",
        "国庆节": "国庆节",
    }
)
"""Our names of the statutory holidays → the library's."""


@lru_cache(maxsize=8)
def _china(year: int) -> HolidayBase:
    import holidays

    return holidays.country_holidays("CN", years=year, language="zh_CN")


def holidays_on(day: datetime.date) -> frozenset[str]:
    """The statutory holidays that fall on `day` itself; days off shifted to it do not count."""
    named = _china(day.year).get(day) or ""
    parts = {part.strip() for part in named.split(";")}
    return frozenset(name for name, theirs in HOLIDAYS.items() if theirs in parts)


def is_workday(day: datetime.date) -> bool:
    """Whether offices work: weekdays without holidays, and the weekends they are shifted to."""
    return bool(_china(day.year).is_working_day(day))


@lru_cache(maxsize=64)
def lunar_day(day: datetime.date) -> tuple[int, int]:
    """Lunar (month, day); a leap month has a negative number."""
    from lunar_python import Solar  # ships no type information

    lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
    return int(lunar.getMonth()), int(lunar.getDay())
