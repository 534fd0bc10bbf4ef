"""The rule language as data: what a pack file may say, and nothing else.

Every class is frozen and refuses unknown keys. The classes mirror the YAML one
to one; `compile.py` turns them into what the engine runs. `docs/rules.md`
explains each key with an example, and a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from monitor.events import Party, Severity
from monitor.i18n import tr
from monitor.rules.units import (
    Bound,
    ClockSpan,
    DaySpan,
    Direction,
    Duration,
    Moment,
    PartyName,
    SeverityName,
    Weekday,
)


class Strict(BaseModel):
    """Frozen, and every key must be known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=False, str_strip_whitespace=True
    )


def _listed(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) or value is None else [value]


Names: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)
]
"""One name or a list of names."""


def complain(key: str, message: str) -> PydanticCustomError:
    """An error that points at `key` of the mapping being read."""
    return PydanticCustomError("rule", "{message}", {"message": message, "key": key})


class Phrase(Strict):
    """A phrase to find, as plain text or with its own settings."""

    say: Annotated[str, Field(min_length=1)]
    likeness: Annotated[float, Field(gt=0, le=1)] | None = None
    exact: bool = False
    unless: Phrases = ()


def _phrase(value: Any) -> Any:
    return {"say": value} if isinstance(value, str | int | float) else value


def _phrases(value: Any) -> Any:
    if value is None:
        return value
    return [_phrase(item) for item in _listed(value)]


def _spoken(value: Any) -> Any:
    """YAML reads `10010` as a number; what is said is text."""
    if isinstance(value, Mapping) and isinstance(value.get("say"), int | float):
        return {**value, "say": str(value["say"])}
    return value


Phrases: TypeAlias = Annotated[
    tuple[Annotated[Phrase, BeforeValidator(_spoken)], ...], BeforeValidator(_phrases)
]


def _steps(value: Any) -> Any:
    """Steps may be a mapping name → phrases, or a plain list (each names itself)."""
    if isinstance(value, list | tuple):
        return {_step_name(item, number): item for number, item in enumerate(value, 1)}
    return value


def _step_name(item: Any, number: int) -> str:
    first = item[0] if isinstance(item, list | tuple) and item else item
    text = first.get("say", "") if isinstance(first, Mapping) else first
    return f"{number} {text}"


Steps: TypeAlias = Annotated[dict[str, Phrases], BeforeValidator(_steps)]


HolidayName: TypeAlias = Literal[
    "元旦", "除夕", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节", "any"
]


class When(Strict):
    """Conditions on the call's metadata; all that are given must hold.

    A condition whose fact is unknown makes the rule not applicable.
    """

    time: Annotated[tuple[ClockSpan, ...], BeforeValidator(_listed)] = ()
    weekday: Annotated[tuple[Weekday, ...], BeforeValidator(_listed)] = ()
    date: Annotated[tuple[DaySpan, ...], BeforeValidator(_listed)] = ()
    lunar: Annotated[tuple[DaySpan, ...], BeforeValidator(_listed)] = ()
    holiday: Annotated[tuple[HolidayName, ...], BeforeValidator(_listed)] = ()
    workday: bool | None = None
    direction: Direction | None = None
    queue: Names = ()
    tier: Names = ()
    tenure: Tenure | None = None
    facts: dict[str, Annotated[tuple[str | int | float | bool, ...], BeforeValidator(_listed)]] = {}
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
    tuple[Annotated[Window, BeforeValidator(_window)], ...], BeforeValidator(_listed)
]

MEASURES: Mapping[str, str] = {
    "silence": "ms",
    "response_delay": "ms",
    "interruption": "ms",
    "overlap": "ms",
    "speech_rate": "字/分",
    "loudness": "dBFS",
    "loudness_change": "dB",
    "monologue": "ms",
    "talk_share": "0–1",
    "call_length": "ms",
}
"""What can be measured, and the unit of its bound. `call_length` comes from the engine."""

Measure: TypeAlias = Literal[
    "silence",
    "response_delay",
    "interruption",
    "overlap",
    "speech_rate",
    "loudness",
    "loudness_change",
    "monologue",
    "talk_share",
    "call_length",
]


class Situation(Strict):
    """Something that happens in a call at a moment other rules can hang on.

    Exactly one of `said`, `silent`, `measure`, `released_by`, `event`, `any`.
    `after`/`until`/`within` narrow where it counts.
    """

    title: str = ""
    said: Phrases = ()
    unless: Phrases = ()
    silent: Duration | None = None
    measure: Measure | None = None
    above: Bound | None = None
    below: Bound | None = None
    released_by: PartyName | None = None
    event: str | None = None
    any_: Annotated[Names, Field(alias="any")] = ()
    party: PartyName = None
    times: Annotated[int, Field(ge=1)] = 1
    likeness: Annotated[float, Field(gt=0, le=1)] | None = None
    exact: bool = False
    after: Names = ()
    until: Names = ()
    within: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Situation:
        kinds = [key for key in _SITUATIONS if _given(self, key)]
        if len(kinds) != 1:
            raise complain(
                kinds[1] if kinds else "",
                tr(
                    f"一个情况只写其中一个:{'、'.join(_SITUATIONS)}",
                    f"a situation has exactly one of {', '.join(_SITUATIONS)}",
                ),
            )
        _refuse(self, kinds[0], _SITUATIONS)
        if self.said and "party" not in self.model_fields_set:
            raise complain(
                "said",
                tr(
                    "请写明是谁说的:party: agent、customer 或 either",
                    "say who says it: party: agent, customer or either",
                ),
            )
        _bounded(self, self.measure)
        return self


_SITUATIONS: Mapping[str, frozenset[str]] = {
    "said": frozenset({"unless", "party", "times", "likeness", "exact"}),
    "silent": frozenset({"party"}),
    "measure": frozenset({"above", "below", "party", "times"}),
    "released_by": frozenset(),
    "event": frozenset({"party"}),
    "any": frozenset(),
}
_SITUATION_COMMON = frozenset({"title", "after", "until", "within"})


class Slot(Strict):
    """A value to catch: what is said around it, and by whom."""

    said: Phrases
    party: PartyName = None


class Policy(Strict):
    """When a finding becomes an alert, and whether it may interrupt the agent."""

    cooldown: Duration | None = None
    at_most: Annotated[int, Field(ge=1)] | None = None
    once: bool | None = None
    priority: int | None = None
    interrupt: bool | None = None
    quiet_after: Duration | None = None


class PackPolicy(Policy):
    """The pack's defaults, and how long one interrupting alert keeps the screen."""

    gap: Duration | None = None


class RuleScore(Strict):
    """How a rule counts on the card: `weight` points to earn, or points to `deduct`."""

    group: str | None = None
    weight: Annotated[float, Field(gt=0)] | None = None
    deduct: Annotated[float, Field(ge=0)] | None = None
    each: bool = True
    at_most: Annotated[float, Field(gt=0)] | None = None
    fatal: Literal["group", "card"] | None = None
    counts: bool = True


class PackScore(Strict):
    """The card: groups with their points, the default deductions, and the grades."""

    full: Annotated[float, Field(gt=0)] | None = None
    groups: dict[str, Annotated[float, Field(gt=0)]] = {}
    group: str | None = None
    deduct: dict[SeverityName, Annotated[float, Field(ge=0)]] = {}
    fatal: Annotated[tuple[SeverityName, ...], BeforeValidator(_listed)] = ()
    grades: dict[str, float] = {}


class Turn(Strict):
    """One step of an example: words, silence, or a reading put in by hand.

    `agent: 您好` is short for `party: agent` and `say: 您好`.
    """

    at: Moment | None = None
    party: PartyName = None
    say: str | None = None
    agent: str | None = None
    customer: str | None = None
    silence: Duration | None = None
    measure: Measure | None = None
    value: Bound | None = None

    @model_validator(mode="after")
    def _check(self) -> Turn:
        kinds = [
            key
            for key in ("say", "agent", "customer", "silence", "measure")
            if getattr(self, key) is not None
        ]
        if len(kinds) != 1:
            raise complain(
                kinds[1] if kinds else "",
                tr(
                    "例子的一步只写 agent、customer、say、silence、measure 之一",
                    "a step of an example has one of agent, customer, say, silence, measure",
                ),
            )
        if self.say is not None and self.party is None:
            raise complain(
                "say",
                tr(
                    "请写明是谁说的:party: agent 或 customer",
                    "say who speaks: party: agent or customer",
                ),
            )
        if (self.measure is None) != (self.value is None):
            raise complain(
                kinds[0], tr("measure 与 value 要一起写", "measure and value go together")
            )
        return self


class Example(Strict):
    """A small call: the metadata, who says what when, and how it ends.

    A bare text is what the rule's party says; a bare list is the turns.
    """

    text: str | None = None
    call: dict[str, Any] = {}
    turns: tuple[Turn, ...] = ()
    end: Moment | None = None
    released_by: PartyName = None
    note: str = ""


def _example(value: Any) -> Any:
    if isinstance(value, str):
        return {"text": value}
    return {"turns": value} if isinstance(value, list | tuple) else value


ExampleItem: TypeAlias = Annotated[Example, BeforeValidator(_example)]


class Examples(Strict):
    """What must alert and what must stay quiet. 【…】 marks the words of the hit."""

    alert: Annotated[tuple[ExampleItem, ...], BeforeValidator(_listed)] = ()
    quiet: Annotated[tuple[ExampleItem, ...], BeforeValidator(_listed)] = ()


class Case(Strict):
    """One branch of `cases`: the first whose `when` holds is the one required."""

    when: When | None = None
    must: Phrases = ()
    all_of: Steps = {}
    in_order: Steps = {}
    say_instead: str = ""

    @model_validator(mode="after")
    def _check(self) -> Case:
        if sum(bool(part) for part in (self.must, self.all_of, self.in_order)) != 1:
            raise complain(
                "",
                tr(
                    "每个分支写 must、all_of、in_order 之一",
                    "a case has one of must, all_of, in_order",
                ),
            )
        return self


class Rule(Strict):
    """One requirement. Exactly one verb: never, must, all_of, in_order, cases, avoid,
    measure or repeat."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: Annotated[str, Field(min_length=1)]
    family: str = ""
    severity: SeverityName = Severity.MINOR
    source: Names = ()
    note: str = ""
    enabled: bool = True
    party: PartyName = Party.AGENT

    never: Phrases = ()
    must: Phrases = ()
    all_of: Steps = {}
    in_order: Steps = {}
    cases: tuple[Case, ...] = ()
    avoid: Names = ()
    measure: Measure | None = None
    repeat: str | None = None

    unless: Phrases = ()
    allow: Annotated[int, Field(ge=1)] | None = None
    times: Annotated[int, Field(ge=1)] = 1
    above: Bound | None = None
    below: Bound | None = None
    over: Literal["each", "call"] = "each"
    in_a_row: Annotated[int, Field(ge=1)] = 1
    say_instead: str = ""
    likeness: Annotated[float, Field(gt=0, le=1)] | None = None
    exact: bool = False

    when: When | None = None
    as_of: Literal["call.start", "call.end"] = "call.start"
    grace: Duration | None = None
    after: Names = ()
    until: Names = ()
    within: Duration | None = None
    lead: Duration | None = None
    trigger: Literal["each", "first"] = "each"
    except_: Annotated[Windows, Field(alias="except")] = ()

    policy: Policy = Policy()
    score: RuleScore = RuleScore()
    examples: Examples = Examples()

    @property
    def verb(self) -> str:
        return next(verb for verb in VERBS if _given(self, verb))

    @model_validator(mode="after")
    def _check(self) -> Rule:
        verbs = [verb for verb in VERBS if _given(self, verb)]
        if len(verbs) != 1:
            raise complain(
                verbs[1] if verbs else "",
                tr(
                    f"一条规则只写一个动词:{'、'.join(VERBS)}",
                    f"a rule has exactly one verb: {', '.join(VERBS)}",
                ),
            )
        _refuse(self, verbs[0], VERBS)
        _bounded(self, self.measure)
        return self


_WINDOWED = frozenset({"after", "until", "within"})
_SPOKEN = frozenset({"likeness", "exact"})
_REQUIRED = _WINDOWED | _SPOKEN | {"lead", "trigger"}
VERBS: Mapping[str, frozenset[str]] = {
    "never": _WINDOWED | _SPOKEN | {"unless", "allow"},
    "must": _REQUIRED | {"times"},
    "all_of": _REQUIRED,
    "in_order": _REQUIRED,
    "cases": _REQUIRED,
    "avoid": _WINDOWED | {"allow"},
    "measure": _WINDOWED | {"above", "below", "over", "in_a_row"},
    "repeat": frozenset({"until", "within"}),
}
"""Each verb with the keys that only make sense beside it."""


class Pack(Strict):
    """One file: its name, what it builds on, its words, situations, slots and rules."""

    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(pattern=r"^\d+(\.\d+){0,2}$")]
    about: str = ""
    extends: Names = ()
    timezone: str | None = None
    when: When | None = None
    policy: PackPolicy = PackPolicy()
    score: PackScore = PackScore()
    words: dict[
        str,
        Annotated[
            tuple[Annotated[str, Field(coerce_numbers_to_str=True)], ...], BeforeValidator(_listed)
        ],
    ] = {}
    situations: dict[str, Situation] = {}
    slots: dict[str, Slot] = {}
    rules: tuple[Rule, ...] = ()
    override: dict[str, dict[str, Any]] = {}
    off: Names = ()
    not_covered: dict[str, str] = {}


def _given(model: BaseModel, key: str) -> bool:
    """Whether the author wrote `key` with something in it."""
    for name, field in type(model).model_fields.items():
        if key in (name, field.alias):
            return name in model.model_fields_set and getattr(model, name) not in (None, (), {})
    return False


def _refuse(model: BaseModel, verb: str, verbs: Mapping[str, frozenset[str]]) -> None:
    """Refuse keys that belong to other verbs only."""
    special = frozenset().union(*verbs.values())
    for name in model.model_fields_set:
        key = type(model).model_fields[name].alias or name
        if key in special - verbs[verb]:
            homes = "、".join(v for v, keys in verbs.items() if key in keys)
            raise complain(
                key,
                tr(
                    f"{key} 不能和 {verb} 一起用(它属于 {homes})",
                    f"{key} does not go with {verb} (it goes with {homes})",
                ),
            )


def _bounded(model: Rule | Situation, measure: str | None) -> None:
    if measure is not None and model.above is None and model.below is None:
        raise complain("measure", tr("measure 需要 above 或 below", "measure needs above or below"))


for _model in (Phrase, When):
    _model.model_rebuild()
