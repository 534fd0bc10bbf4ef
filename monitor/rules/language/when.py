"""The rule language's conditions: which calls, which part of a call, what is measured."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from monitor.base.i18n import tr
from monitor.rules.language.basics import Names, Strict, complain, listed
from monitor.rules.language.values import ClockSpan, DaySpan, Direction, Duration, Weekday

HolidayName: TypeAlias = Literal[
    "元旦", "除夕", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节", "any"
]


class When(Strict):
    """Conditions on the call's metadata; all that are given must hold.

    A condition whose fact is unknown makes the rule not applicable.
    """

    time: Annotated[tuple[ClockSpan, ...], BeforeValidator(listed)] = ()
    weekday: Annotated[tuple[Weekday, ...], BeforeValidator(listed)] = ()
    date: Annotated[tuple[DaySpan, ...], BeforeValidator(listed)] = ()
    lunar: Annotated[tuple[DaySpan, ...], BeforeValidator(listed)] = ()
    holiday: Annotated[tuple[HolidayName, ...], BeforeValidator(listed)] = ()
    workday: bool | None = None
    direction: Direction | None = None
    queue: Names = ()
    tier: Names = ()
    tenure: Tenure | None = None
    facts: dict[str, Annotated[tuple[str | int | float | bool, ...], BeforeValidator(listed)]] = (
        Field(default_factory=dict)
    )
    any_: Annotated[tuple[When, ...], Field(alias="any")] = ()
    not_: Annotated[When | None, Field(alias="not")] = None


class Tenure(Strict):
    """How long the agent has been with us when the call begins."""

    above: Duration | None = None
    below: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Tenure:
        if self.above is None and self.below is None:
            raise complain(
                "tenure", tr("tenure 需要 above 或 below", "tenure needs above or below")
            )
        return self


class Window(Strict):
    """A stretch of the call between situations."""

    after: Names = ()
    until: Names = ()
    within: Duration | None = None


def _window(value: Any) -> Any:
    return {"after": [value]} if isinstance(value, str) else value


Windows: TypeAlias = Annotated[
    tuple[Annotated[Window, BeforeValidator(_window)], ...], BeforeValidator(listed)
]

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "silence": "ms",
        "response_delay": "ms",
        "interruption": "ms",
        "overlap": "ms",
        "speech_rate": "字/分",
        "loudness": "dBFS",
        "loudness_change": "dB",
        "shout": "dB",
        "pitch": "Hz",
        "pitch_change": "st",
        "pitch_range": "st",
        "pitch_rise": "st",
        "noise": "dBFS",
        "clarity": "0–1",
        "clarity_change": "0–1",
        "cut_off": "ms",
        "agitation": "0–1",
        "monologue": "ms",
        "talk_share": "0–1",
        "rate_difference": "字/分",
        "call_length": "ms",
    }
)
"""What can be measured, and the unit of its bound. `call_length` comes from the engine."""

Measure: TypeAlias = Literal[
    "silence",
    "response_delay",
    "interruption",
    "overlap",
    "speech_rate",
    "loudness",
    "loudness_change",
    "shout",
    "pitch",
    "pitch_change",
    "pitch_range",
    "pitch_rise",
    "noise",
    "clarity",
    "clarity_change",
    "cut_off",
    "agitation",
    "monologue",
    "talk_share",
    "rate_difference",
    "call_length",
]


When.model_rebuild()
