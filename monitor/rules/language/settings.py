"""The rule language's settings: alert policy and score."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from monitor.base.i18n import tr
from monitor.rules.language.basics import Strict, complain, listed
from monitor.rules.language.values import Duration, SeverityName


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
    """The card: groups with their points, the default deductions, and the grades.

    `cap` names, by severity, the best grade that a finding leaves.
    """

    full: Annotated[float, Field(gt=0)] | None = None
    groups: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    group: str | None = None
    deduct: dict[SeverityName, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    fatal: Annotated[tuple[SeverityName, ...], BeforeValidator(listed)] = ()
    grades: dict[str, float] = Field(default_factory=dict)
    cap: dict[SeverityName, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> PackScore:
        for grade in self.cap.values():
            if self.grades and grade not in self.grades:
                names = "、".join(self.grades)
                raise complain(
                    "cap",
                    tr(
                        f"grades 里没有等级 “{grade}”；有：{names}",
                        f"grades has no {grade!r}; there are: {names}",
                    ),
                )
        return self
