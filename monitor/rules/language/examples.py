"""The rule language's examples: small calls that must alert or must stay quiet."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from monitor.base.i18n import tr
from monitor.rules.language.basics import Strict, complain, listed
from monitor.rules.language.values import Bound, Duration, Moment, PartyName
from monitor.rules.language.when import Measure


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
                    "请写明是谁说的：party: agent 或 customer",
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
    call: dict[str, Any] = Field(default_factory=dict)
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

    alert: Annotated[tuple[ExampleItem, ...], BeforeValidator(listed)] = ()
    quiet: Annotated[tuple[ExampleItem, ...], BeforeValidator(listed)] = ()
