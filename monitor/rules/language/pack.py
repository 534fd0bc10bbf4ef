"""The rule language as data: what a pack file may say, and nothing else.

Every class is frozen and refuses unknown keys. The classes mirror the YAML one
to one; `compile.py` turns them into what the engine runs. `docs/rules.md`
explains each key with an example, and a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from monitor.base.i18n import tr
from monitor.events import Party, Severity
from monitor.rules.language.basics import (
    Names,
    Phrase,
    Phrases,
    Steps,
    Strict,
    complain,
    given,
    listed,
    refuse,
)
from monitor.rules.language.examples import Example, Examples, Turn
from monitor.rules.language.like import Like
from monitor.rules.language.settings import PackPolicy, PackScore, Policy, RuleScore
from monitor.rules.language.values import Bound, Duration, PartyName, SeverityName
from monitor.rules.language.when import MEASURES, Measure, Tenure, When, Window, Windows

__all__ = [
    "MEASURES",
    "VERBS",
    "Case",
    "Example",
    "Examples",
    "Measure",
    "Pack",
    "PackPolicy",
    "PackScore",
    "Phrase",
    "Policy",
    "Rule",
    "RuleScore",
    "Situation",
    "Slot",
    "Tenure",
    "Turn",
    "When",
    "Window",
]


class Situation(Strict):
    """Something that happens in a call at a moment other rules can hang on.

    Exactly one of `said`, `silent`, `measure`, `released_by`, `event`, `any`.
    `after`/`until`/`within` narrow where it counts.
    """

    title: str = ""
    said: Phrases = ()
    like: Like = ()
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
        kinds = _one_of(self, _SITUATIONS, ("said",))
        if len(kinds) != 1:
            raise complain(
                kinds[1] if kinds else "",
                tr(
                    f"一个情况只写其中一个：{'、'.join(_SITUATIONS)}",
                    f"a situation has exactly one of {', '.join(_SITUATIONS)}",
                ),
            )
        refuse(self, kinds[0], _SITUATIONS)
        if (self.said or self.like) and "party" not in self.model_fields_set:
            raise complain(
                kinds[0],
                tr(
                    "请写明是谁说的：party: agent、customer 或 either",
                    "say who says it: party: agent, customer or either",
                ),
            )
        _bounded(self, self.measure)
        return self


_SITUATIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "said": frozenset({"unless", "party", "times", "likeness", "exact", "like"}),
        "like": frozenset({"like", "unless", "party", "times"}),
        "silent": frozenset({"party"}),
        "measure": frozenset({"above", "below", "party", "times"}),
        "released_by": frozenset(),
        "event": frozenset({"party"}),
        "any": frozenset(),
    }
)


class Slot(Strict):
    """A value to catch: what is said around it, and by whom.

    `after` and `within` are for phrases that are nothing but the slot: the answer to a
    question. A phrase with words of its own counts anywhere.
    """

    said: Phrases
    party: PartyName = None
    after: Names = ()
    within: Duration | None = None


class Case(Strict):
    """One branch of `cases`: the first whose `when` holds is the one required."""

    when: When | None = None
    must: Phrases = ()
    all_of: Steps = Field(default_factory=dict)
    in_order: Steps = Field(default_factory=dict)
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
    like: Like = ()
    must: Phrases = ()
    all_of: Steps = Field(default_factory=dict)
    in_order: Steps = Field(default_factory=dict)
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
        return _one_of(self, VERBS, ("never", "must", "cases"))[0]

    @property
    def forbids(self) -> bool:
        """Whether it objects to words: by their sound, by their meaning, or both."""
        return bool(self.never) or self.verb == "like"

    @model_validator(mode="after")
    def _check(self) -> Rule:
        verbs = _one_of(self, VERBS, ("never", "must", "cases"))
        if len(verbs) != 1:
            raise complain(
                verbs[1] if verbs else "",
                tr(
                    f"一条规则只写一个动词：{'、'.join(VERBS)}",
                    f"a rule has exactly one verb: {', '.join(VERBS)}",
                ),
            )
        refuse(self, verbs[0], VERBS)
        _bounded(self, self.measure)
        return self


_WINDOWED = frozenset({"after", "until", "within"})
_SPOKEN = frozenset({"likeness", "exact"})
_REQUIRED = _WINDOWED | _SPOKEN | {"lead", "trigger"}
VERBS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "never": _WINDOWED | _SPOKEN | {"unless", "allow", "like"},
        "like": _WINDOWED | {"like", "unless", "allow"},
        "must": _REQUIRED | {"times", "like"},
        "all_of": _REQUIRED,
        "in_order": _REQUIRED,
        "cases": _REQUIRED | {"like"},
        "avoid": _WINDOWED | {"allow"},
        "measure": _WINDOWED | {"above", "below", "over", "in_a_row"},
        "repeat": frozenset({"until", "within"}),
    }
)
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
            tuple[Annotated[str, Field(coerce_numbers_to_str=True)], ...], BeforeValidator(listed)
        ],
    ] = Field(default_factory=dict)
    situations: dict[str, Situation] = Field(default_factory=dict)
    slots: dict[str, Slot] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    override: dict[str, dict[str, Any]] = Field(default_factory=dict)
    off: Names = ()
    not_covered: dict[str, str] = Field(default_factory=dict)


def _one_of(
    model: Rule | Situation, kinds: Mapping[str, frozenset[str]], hosts: tuple[str, ...]
) -> list[str]:
    """The kinds that were written; `like` beside one of its hosts belongs to that one."""
    found = [kind for kind in kinds if given(model, kind)]
    return [kind for kind in found if kind != "like" or not {*hosts} & {*found}]


def _bounded(model: Rule | Situation, measure: str | None) -> None:
    if measure is not None and model.above is None and model.below is None:
        raise complain("measure", tr("measure 需要 above 或 below", "measure needs above or below"))
