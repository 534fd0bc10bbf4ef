"""What goes in and what comes out of the matcher: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from monitor.events import Party, Spotted

Role: TypeAlias = Literal["alert", "script", "shield"]


class PatternError(Exception):
    """Bad pattern syntax: `text`, 1-based `column`, and what to do about it."""

    def __init__(self, text: str, column: int, message: str) -> None:
        super().__init__(f"{message} (column {column} of {text!r})")
        self.text = text
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing to listen for.

    `text` is in the pattern syntax of docs/matching.md. `likeness` (0–1)
    replaces the threshold that follows from the length; `exact` wants every
    syllable as written. `role`: an *alert* gives way to longer and protecting
    phrases, a *script* is always reported, a *shield* only protects.
    `shielded_by` names the keys of the phrases that protect this one.
    """

    key: str
    text: str
    likeness: float | None = None
    exact: bool = False
    shielded_by: tuple[str, ...] = ()
    role: Role = "alert"


class StepKind(StrEnum):
    SAME = "same"  # the same syllable
    SIMILAR = "similar"  # one that recognisers and speakers mix up with it
    SUBSTITUTED = "substituted"  # another syllable
    INSERTED = "inserted"  # heard, not expected
    SKIPPED = "skipped"  # expected, not heard
    FILLER = "filler"  # hesitation or repetition, heard between
    SLOT = "slot"  # what a slot captured
    GAP = "gap"  # what a gap passed over


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alignment. `cost` is in edits: 1.0 is one wrong syllable.

    `heard`/`expected` are texts (characters), `heard_sound`/`expected_sound`
    toneless pinyin; all are empty where there is nothing on that side.
    `via` is the alternative of the recogniser that was used, if any.
    """

    kind: StepKind
    heard: str
    expected: str
    heard_sound: str
    expected_sound: str
    cost: float
    tone_differs: bool = False
    via: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """An occurrence of a phrase in what one party said.

    `start_ms`/`end_ms` span the matched syllables, `at_ms` is the call time at
    which it was certain enough to report. `first_token`/`last_token` count the
    party's tokens from 0. `similarity` is `1 - cost / length` over the expected
    syllables, `cost` their sum in edits, `budget` what was allowed. Where the
    recogniser spotted the phrase in its posteriors, they tell of those, at
    `NATS_PER_EDIT`; `spotted` is the find, and `alignment` tells how the text
    differs.
    """

    key: str
    pattern: str
    party: Party
    start_ms: int
    end_ms: int
    at_ms: int
    first_token: int
    last_token: int
    quote: str
    similarity: float
    cost: float
    budget: float
    alignment: tuple[Step, ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)
    spotted: Spotted | None = None
