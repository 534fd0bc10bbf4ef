"""Speech recognition: audio of one party in, committed tokens out.

A `Recognizer` is heavy and shared; a `RecognizerStream` is light and belongs
to one party of one call. `load` finds a recogniser by name or folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from monitor.asr.models import find
from monitor.events import Chunk, Party, Samples, Spotted, Token

if TYPE_CHECKING:
    from monitor.language.phrases.keywords import Sought

DEFAULT = "embedded"
"""Name of the model that is used when none is asked for."""


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

    def listen_for(self, phrases: tuple[Sought, ...]) -> None:
        """Spot these phrases from now on, instead of any before."""

    def spotted(self) -> list[Spotted]:
        """What was spotted since the last time, in order of `at_ms`.

        Each is told once, when all tokens have been returned that start before
        its `at_ms`, and before `settled_ms` passes that.
        """


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


def load(
    name: str | Path | None = None,
    *,
    phrases: Sequence[str] = (),
    hotwords: Sequence[str] = (),
    live: bool = False,
) -> Recognizer:
    """Load a recogniser.

    Args:
        name: a model folder, or the name of one in a folder of `MONITOR_MODELS`
            or in the package; `ENGINE:MODEL` for a model of another engine
            (`monitor.asr.engines`); None means the package's own.
        phrases: plain texts that matter in this call; a model that hears
            syllables writes them with these characters where they were heard.
        hotwords: words that an engine may lean towards (`monitor.asr.hotwords`).
        live: the call is going on: tokens are wanted in mid-sentence, also from
            engines that hear best when a turn is over.

    Raises:
        UserError: no such model, or one that cannot be used.
    """
    if isinstance(name, str) and name != DEFAULT:
        from monitor.asr import engines

        spec = engines.split(name)
        if spec.engine:
            wanted = engines.Wanted(tuple(phrases), tuple(hotwords), live, spec.options)
            return engines.load(spec, find(spec.model, spec.engine), wanted)
    path = find(DEFAULT if name is None else name)
    from monitor.asr import folder  # heavy imports only when a model is wanted
    from monitor.asr.ctc import CtcRecognizer

    return CtcRecognizer(folder.read(path), phrases)
