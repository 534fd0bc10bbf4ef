"""What a recogniser is to the rest of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from monitor.events import Chunk, Party, Samples, Spotted, Token

if TYPE_CHECKING:
    from monitor.language.phrases.keywords import Keyword


class RecognizerStream(Protocol):
    """Recognises one party. Tokens are append-only: none is ever changed or taken back."""

    @property
    def settled_ms(self) -> int:
        """Every token that starts before this time has been returned."""

    @property
    def partial(self) -> str:
        """Tentative words after the committed ones; for the screen only."""

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next audio of the open speech stretch.

        The chunks of a stretch follow each other without a gap and may have
        any length from one sample; the tokens do not depend on how the audio
        was cut up, nor do their times. Only the start of a stretch's first
        chunk is used, so rounding in later ones does no harm.
        """

    def end_turn(self) -> list[Token]:
        """The speech stretch is over (or the call): returns all that is still to come.

        The next `feed` begins a new stretch.
        """


@runtime_checkable
class Spots(Protocol):
    """A stream that can also look for phrases below the words, in what the network heard."""

    def listen_for(self, phrases: tuple[Keyword, ...]) -> None:
        """Spot these phrases from now on, instead of any before."""

    def spotted(self) -> list[Spotted]:
        """What was spotted since the last time, in order of `at_ms`.

        Each is told once, when all tokens have been returned that start before
        its `at_ms`, and before `settled_ms` passes that.
        """


@dataclass(frozen=True, slots=True)
class Scored:
    """A phrase that may lie in a stretch of audio, by the network's posteriors.

    `score` is in nats per syllable, 0 at best; `limit` the least with which it is taken for said.
    """

    phrase: str
    start_ms: int
    end_ms: int
    score: float
    limit: float


@runtime_checkable
class Scores(Protocol):
    """A recogniser that can say how well phrases fit what it hears, without writing it down."""

    def score(self, chunk: Chunk, phrases: tuple[Keyword, ...]) -> tuple[list[Scored], list[Token]]:
        """The phrases that are in the audio, and what it would have written."""


class Recognizer(Protocol):
    """A loaded model."""

    @property
    def name(self) -> str:
        """Short name for reports."""

    def stream(self, party: Party) -> RecognizerStream:
        """A fresh stream for one party of one call."""

    def close(self) -> None:
        """Release memory; streams must not be used any more."""


@runtime_checkable
class Prefetches(Protocol):
    """A recogniser that hears turns of a recording best many at a time."""

    @property
    def ahead_ms(self) -> int:
        """How much speech it wants to be given at once."""

    def prefetch(self, turns: Sequence[Samples]) -> None:
        """Hear turns of one party before a stream is fed them; changes no answer."""
