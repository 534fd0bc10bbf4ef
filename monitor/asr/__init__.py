"""Speech recognition: audio of one party in, committed tokens out.

A `Recognizer` is heavy and shared; a `RecognizerStream` is light and belongs
to one party of one call. `load` finds a recogniser by name or folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from monitor.errors import UserError
from monitor.events import Chunk, Party, Samples, Token
from monitor.i18n import tr

DEFAULT = "embedded"
"""Name of the model that is used when none is asked for."""

SEARCH_PATH = "MONITOR_MODELS"
"""Environment variable: folders that hold model folders, separated as in PATH."""


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
    if isinstance(name, str) and ":" in name:
        from monitor.asr import engines

        spec = engines.split(name)
        if spec.engine:
            from monitor import models

            wanted = engines.Wanted(tuple(phrases), tuple(hotwords), live, spec.options)
            return engines.load(spec, models.find(spec.model, spec.engine), wanted)
    path = find(DEFAULT if name is None else name)
    from monitor.asr import folder  # heavy imports only when a model is wanted
    from monitor.asr.ctc import CtcRecognizer

    return CtcRecognizer(folder.read(path), phrases)


def find(name: str | Path) -> Path:
    """The folder of a model given by path or by name.

    Raises:
        UserError: not found; the message says where it was looked for.
    """
    given = Path(name)
    if given.is_dir() and (len(given.parts) > 1 or isinstance(name, Path)):
        return given
    if isinstance(name, Path) or len(given.parts) != 1:
        raise UserError(
            tr(
                f"找不到识别模型目录 {given}，请检查 --asr 的路径",
                f"no model folder at {given}; check the path given to --asr",
            )
        )
    searched = list(_search_path())
    for place in searched:
        if (place / given).is_dir():
            return place / given
    if given.is_dir():
        return given
    places = "、".join(str(place) for place in searched)
    raise UserError(
        tr(
            f"找不到识别模型 {name}（找过：{places}）；"
            f"请给出模型目录的路径，或把它所在的目录加入 {SEARCH_PATH}",
            f"no recogniser called {name} (looked in: {places.replace('、', ', ')}); "
            f"give the path of a model folder, or add the folder that holds it to {SEARCH_PATH}",
        )
    )


def _search_path() -> Iterator[Path]:
    from monitor import resources

    for place in os.environ.get(SEARCH_PATH, "").split(os.pathsep):
        if place:
            yield Path(place)
    yield resources.models_dir()
