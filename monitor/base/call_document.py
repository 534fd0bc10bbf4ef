"""What a call JSON has to be before anything is made of it (docs/call-json.md).

Files come from other machines and other versions: every field that is known is
checked, once, here. Fields that are not known are let through as they are.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, NotRequired

from annotated_types import Interval
from typing_extensions import TypedDict

from monitor.events import (
    AlertState,
    Count,
    Detail,
    Direction,
    Ms,
    Party,
    ScriptStatus,
    Severity,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Share = Annotated[float, Interval(ge=0, le=1)]


class PackData(TypedDict):
    id: str
    version: str


class CallData(TypedDict):
    id: str
    source: str
    parties: list[Party]
    recogniser: NotRequired[str]
    packs: NotRequired[list[PackData]]
    started_at: NotRequired[str | None]
    direction: NotRequired[Direction | None]
    facts: NotRequired[dict[str, Detail] | None]
    duration_ms: NotRequired[Ms | None]
    released_by: NotRequired[str | None]
    damage: NotRequired[str]
    remarks: NotRequired[list[str]]


class AlternativeData(TypedDict):
    syllable: str
    probability: float


class TokenData(TypedDict):
    text: str
    syllable: str
    start_ms: Ms
    end_ms: Ms
    confidence: NotRequired[float]
    alternatives: NotRequired[list[AlternativeData]]


class SpottedData(TypedDict):
    phrase: str
    start_ms: Ms
    end_ms: Ms
    at_ms: Ms
    score: float
    limit: float


class UtteranceData(TypedDict):
    party: Party
    start_ms: Ms
    end_ms: Ms
    text: NotRequired[str]
    tokens: list[TokenData]
    spotted: NotRequired[list[SpottedData]]


class ReviewData(TypedDict):
    recogniser: str
    utterances: list[UtteranceData]


class FindingData(TypedDict):
    rule: str
    title: str
    at_ms: Ms
    start_ms: Ms | None
    end_ms: Ms | None
    quote: str
    similarity: float
    advice: NotRequired[str]
    evidence: NotRequired[dict[str, Detail]]


class AlertData(FindingData):
    id: str
    family: str
    severity: Severity
    party: Party
    state: AlertState
    interrupts: NotRequired[bool]


class ScriptData(FindingData):
    state: ScriptStatus
    occurrence: NotRequired[Count]
    deadline_ms: NotRequired[Ms | None]


class ReadingData(TypedDict):
    name: str
    value: float
    unit: str
    start_ms: Ms
    end_ms: Ms
    party: NotRequired[Party | None]


class GapData(TypedDict):
    party: Party
    start_ms: Ms
    end_ms: Ms
    reason: str


class LineData(TypedDict):
    item: str
    title: str
    group: str
    status: str
    points: float
    fatal: NotRequired[bool]


class ScoreData(TypedDict):
    total: float
    max: float
    grade: str
    fatal: bool
    lines: list[LineData]


class CallDocument(TypedDict):
    version: Literal[1]
    call: CallData
    fingerprint: NotRequired[str]
    utterances: list[UtteranceData]
    review: NotRequired[ReviewData | None]
    alerts: NotRequired[list[AlertData]]
    scripts: NotRequired[list[ScriptData]]
    readings: NotRequired[list[ReadingData]]
    gaps: NotRequired[list[GapData]]
    score: NotRequired[ScoreData | None]


def parsed(text: str) -> Any:
    """JSON as the standard has it.

    Raises:
        ValueError: it is none, it is nested too deeply, or has numbers that are none.
    """

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def problem(data: Any) -> str:
    """What is wrong with the data of a call JSON, in one line; empty where nothing is."""
    from pydantic import ValidationError
    from pydantic_core import to_json

    try:
        _door().validate_json(to_json(data))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in wrong["loc"])
        return f"{where}: {wrong['msg']}"
    except ValueError as error:  # lone surrogates in a text, data too deep to write
        return str(error).splitlines()[0]
    return ""


@lru_cache(maxsize=1)
def _door() -> TypeAdapter[CallDocument]:
    from pydantic import ConfigDict, TypeAdapter

    CallDocument.__pydantic_config__ = ConfigDict(  # type: ignore[attr-defined]  # pydantic's way
        extra="allow", strict=True, allow_inf_nan=False
    )
    return TypeAdapter(CallDocument)
