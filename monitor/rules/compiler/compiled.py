"""What the engine runs: rules, situations and slots with words expanded and names resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.events import Party
from monitor.rules.language.pack import Policy, Rule, Situation, When

BUILT_IN = frozenset(
    {
        "call.start",
        "call.end",
        "agent.starts",
        "agent.stops",
        "customer.starts",
        "customer.stops",
    }
)
"""Situations that need no definition."""


@dataclass(frozen=True, slots=True)
class Span:
    """A window with its situations as keys of the rulebook. Empty: the whole call."""

    after: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be said: `kind` of combination over named steps, and the advice."""

    kind: Literal["any", "all", "order"]
    steps: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]  # the phrases of each step, for evidence
    when: When | None = None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule of a loaded pack, ready to run.

    `depends` are the keys of all situations it hangs on, in any way.
    """

    rule: Rule
    pack: str
    timezone: str
    conditions: tuple[When, ...]
    policy: Policy
    gap_ms: int
    span: Span
    excepts: tuple[Span, ...]
    requirements: tuple[Requirement, ...]
    avoids: tuple[str, ...]
    slot: str
    listens: tuple[tuple[str, tuple[int, int]], ...]  # (phrase key, (case, step))
    depends: frozenset[str]
    slot_span: Span = Span()  # where the slot's bare values count

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def advice(self) -> str:
        return self.rule.say_instead


@dataclass(frozen=True, slots=True)
class CompiledSituation:
    """A situation under its key `pack/name`."""

    key: str
    name: str
    situation: Situation
    span: Span
    members: tuple[str, ...]  # of `any`
    listens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompiledSlot:
    """A value to catch under its key `pack/name`."""

    key: str
    name: str
    party: Party | None
    listens: tuple[str, ...]
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class PackName:
    """A loaded pack."""

    id: str
    version: str
    title: str

    def __str__(self) -> str:
        return f"{self.id} {self.version}"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to know when a phrase was heard: a rule, a situation or a slot.

    The same phrase is matched once for all who listen; each hears only what
    was said by its `party` (None: by either).
    """

    kind: Literal["rule", "situation", "slot"]
    key: str
    tag: tuple[int, int] = (0, 0)
    party: Party | None = None


Listeners = Mapping[str, tuple[Listener, ...]]
"""By key of the phrase."""
