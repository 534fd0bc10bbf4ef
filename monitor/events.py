"""The nouns of the monitor: frozen values that travel between its rooms.

Everything here is plain data. Times are integer milliseconds since the call
began. This module imports nothing of ours. Every `Event` round-trips through
one JSON line (`to_json` / `from_json`), so any call can be recorded and
replayed.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from annotated_types import Interval
from typing_extensions import TypeAliasType

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

SAMPLE_RATE = 16_000
"""Samples per second of every `Chunk`; sources resample to it."""

SAMPLES_PER_MS = SAMPLE_RATE // 1000

Samples = npt.NDArray[np.float32]

Scalar: TypeAlias = str | int | float | bool | None
Detail = TypeAliasType("Detail", "Scalar | list[Detail] | dict[str, Detail]")

Ms: TypeAlias = Annotated[int, Interval(ge=-(2**31), lt=2**31)]
"""Milliseconds since the call began; 24 days at most, so that no number is work without end."""

Count: TypeAlias = Annotated[int, Interval(ge=0, lt=2**31)]

Direction: TypeAlias = Literal["inbound", "outbound"]

T = TypeVar("T")


class Party(StrEnum):
    """Who is speaking."""

    AGENT = "agent"
    CUSTOMER = "customer"


class Severity(StrEnum):
    """How grave a finding is, from a hint to a fatal item."""

    TIP = "tip"  # 提示
    MINOR = "minor"  # 一般
    MAJOR = "major"  # 严重
    FATAL = "fatal"  # 致命


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Audio of one party: float32 mono at `SAMPLE_RATE`, nominally in [-1, 1]."""

    party: Party
    start_ms: Ms
    samples: Samples


@dataclass(frozen=True, slots=True)
class Voice:
    """How a stretch of speech sounded; None where it could not be measured.

    `pitch_hz` is the median fundamental frequency, `range_st` and `rise_st` its range and its
    rise at the end in semitones, `peak_db` the loudest tenth of a second and `noise_db` the
    background before it, in dBFS.
    """

    pitch_hz: float | None = None
    range_st: float | None = None
    rise_st: float | None = None
    peak_db: float | None = None
    noise_db: float | None = None


@dataclass(frozen=True, slots=True)
class Speech:
    """A stretch the VAD calls speech; `end_ms` is None while it is open.

    `loudness_db` is the RMS level of the closed stretch in dBFS.
    """

    party: Party
    start_ms: Ms
    end_ms: Ms | None = None
    loudness_db: float | None = None
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another syllable the recogniser considered at a token's place."""

    syllable: str
    probability: float


@dataclass(frozen=True, slots=True)
class Token:
    """One committed syllable or word. Never taken back.

    `syllable` is toneless pinyin with `v` for ü (`nv`, `lve`); empty for text
    that has no Mandarin reading. `confidence` is a probability.
    """

    party: Party
    text: str
    syllable: str
    start_ms: Ms
    end_ms: Ms
    confidence: float = 1.0
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Spotted:
    """A phrase of the rules that the recogniser found in its posteriors.

    `phrase` is the pattern as the rules have it, `start_ms`/`end_ms` span the
    committed tokens it lies on. `at_ms` is the party's settled time at which it
    was certain: every token that starts before it has been committed. `score`
    is in nats per syllable, 0 at best; `limit` is the least that counts.
    """

    party: Party
    phrase: str
    start_ms: Ms
    end_ms: Ms
    at_ms: Ms
    score: float
    limit: float


@dataclass(frozen=True, slots=True)
class Partial:
    """The recogniser's tentative tail. For the screen only, never for rules."""

    party: Party
    text: str
    at_ms: Ms


@dataclass(frozen=True, slots=True)
class Utterance:
    """The tokens of one finished turn, and the phrases spotted in it."""

    party: Party
    start_ms: Ms
    end_ms: Ms
    tokens: tuple[Token, ...]
    spotted: tuple[Spotted, ...] = ()

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


class AlertState(StrEnum):
    RAISED = "raised"
    CONFIRMED = "confirmed"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding. A later confirmation or retraction is a new event with the same `id`.

    `at_ms` is the call time at which it was raised. `quote` is what was heard,
    `evidence` explains the finding (matched phrase, alignment, span searched).
    `interrupts` says whether the alert policy lets it interrupt the agent.
    """

    id: str
    rule: str
    title: str
    family: str
    severity: Severity
    party: Party
    start_ms: Ms
    end_ms: Ms
    at_ms: Ms
    quote: str
    similarity: float
    advice: str = ""
    state: AlertState = AlertState.RAISED
    interrupts: bool = True
    evidence: Mapping[str, Detail] = field(default_factory=dict)


class ScriptStatus(StrEnum):
    PENDING = "pending"
    MET = "met"
    MISSED = "missed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class ScriptState:
    """The state of one required script; one event per change of state.

    A rule that is triggered several times in a call has one `occurrence` each
    (0, 1, …). `deadline_ms` is None while it is unknown (e.g. it hangs on the
    end of the call). When missed, `evidence` tells the span searched and what
    came nearest.
    """

    rule: str
    title: str
    status: ScriptStatus
    at_ms: Ms
    deadline_ms: Ms | None = None
    start_ms: Ms | None = None
    end_ms: Ms | None = None
    quote: str = ""
    similarity: float = 0.0
    advice: str = ""
    occurrence: Count = 0
    evidence: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured quantity over a span: `name` as in docs/call-json.md, `unit` beside it.

    A quantity that grows while the call runs (a silence) is also reported on
    its way, with `final` False, so that rules can act before it ends.
    """

    name: str
    value: int | float  # a count of milliseconds stays one on its way through JSON
    unit: str
    start_ms: Ms
    end_ms: Ms
    party: Party | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio lost or not processed."""

    party: Party
    start_ms: Ms
    end_ms: Ms
    reason: str


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What is known about a call when it begins. Unknown facts stay None.

    `started_at` is ISO 8601 with offset. `facts` holds metadata that rules may
    ask for (queue, tier, agent, agent_since, released_by, …).
    """

    id: str
    source: str
    parties: tuple[Party, ...]
    recogniser: str = ""
    packs: tuple[str, ...] = ()
    started_at: str | None = None
    direction: Direction | None = None
    facts: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallEnd:
    """The call is over; every event before it is final."""

    duration_ms: Ms
    released_by: str | None = None


Event: TypeAlias = (
    CallInfo
    | Speech
    | Token
    | Spotted
    | Partial
    | Utterance
    | Alert
    | ScriptState
    | Reading
    | Gap
    | CallEnd
)

_KINDS: Mapping[str, type] = types.MappingProxyType(
    {
        "call": CallInfo,
        "speech": Speech,
        "token": Token,
        "spotted": Spotted,
        "partial": Partial,
        "utterance": Utterance,
        "alert": Alert,
        "script": ScriptState,
        "reading": Reading,
        "gap": Gap,
        "end": CallEnd,
    }
)
_NAMES: Mapping[type, str] = types.MappingProxyType({kind: name for name, kind in _KINDS.items()})


def to_dict(value: Any) -> Any:
    """Plain JSON data of a noun (nested nouns included)."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_dict(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_dict(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_dict(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    return value


def to_json(event: Event) -> str:
    """One JSON line, without the newline; its first key `event` names the kind."""
    return json.dumps({"event": _NAMES[type(event)], **to_dict(event)}, ensure_ascii=False)


def from_json(line: str) -> Event:
    """The event of one JSON line.

    Raises:
        ValueError: not JSON, an unknown kind, missing or unknown fields, or a value that is not
            what its field holds.
    """
    try:
        data = json.loads(line)
    except RecursionError:
        raise ValueError(f"nested too deeply: {line[:80]!r}") from None
    kind = data.pop("event", None) if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"not an event: {line[:80]!r}")
    return typing.cast("Event", from_dict(_KINDS[kind], data))


def from_dict(kind: type[T], data: Mapping[str, Any]) -> T:
    """Build the noun `kind` from what `to_dict` made of it.

    Raises:
        ValueError: missing or unknown fields, or a value that is not what its field holds.
    """
    from pydantic import ValidationError
    from pydantic_core import to_json as encoded

    try:
        # JSON on the way: there a list may be a tuple, but a text is never a number.
        made = _door(typing.cast("Hashable", kind)).validate_json(encoded([data]))
        return typing.cast("T", made[0])
    except ValidationError as error:
        raise ValueError(_complaint(kind, error)) from None


def _complaint(kind: type, error: ValidationError) -> str:
    """One line; a field that nobody knows comes first, as it explains others that are missing."""
    found = error.errors(include_url=False, include_context=False)
    wrong = next((e for e in found if e["type"] == "unexpected_keyword_argument"), found[0])
    where = ".".join(str(part) for part in wrong["loc"][1:])
    match wrong["type"]:
        case "unexpected_keyword_argument":
            return f"{kind.__name__} has no field {where!r}"
        case "missing":
            return f"{kind.__name__}: {where} is missing"
        case _:
            return f"{kind.__name__}: {where or 'it'}: {wrong['msg']}: {wrong['input']!r:.60}"


@lru_cache
def _door(kind: Hashable) -> TypeAdapter[Any]:
    """What checks data that claims to be a noun, those within it included."""
    from pydantic import ConfigDict, TypeAdapter

    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return TypeAdapter(tuple[kind], config=strict)  # type: ignore[valid-type]  # it is a type
