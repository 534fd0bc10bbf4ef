"""Speech recognition: audio of one party in, committed tokens out.

A `Recognizer` is heavy and shared; a `RecognizerStream` is light and belongs
to one party of one call. `load` finds a recogniser by name or folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monitor.asr.models import find
from monitor.asr.protocol import Prefetches, Recognizer, RecognizerStream, Spots

__all__ = [
    "DEFAULT",
    "Prefetches",
    "Recognizer",
    "RecognizerStream",
    "Spots",
    "load",
    "second_by_default",
]

DEFAULT = "embedded"
"""Name of the model that is used when none is asked for."""


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
            (`monitor.asr.names`); None means the package's own.
        phrases: plain texts that matter in this call; a model that hears
            syllables writes them with these characters where they were heard.
        hotwords: words that an engine may lean towards (`monitor.asr.hotwords`).
        live: the call is going on: tokens are wanted in mid-sentence, also from
            engines that hear best when a turn is over.

    Raises:
        UserError: no such model, or one that cannot be used.
    """
    if isinstance(name, str) and name != DEFAULT:
        from monitor.asr import names

        spec = names.split(name)
        if spec.engine:
            wanted = names.Wanted(tuple(phrases), tuple(hotwords), live, spec.options)
            remote = spec.engine in names.REMOTE
            place = spec.model if remote else find(spec.model, spec.engine)
            return names.load(spec, place, wanted)
    path = find(DEFAULT if name is None else name)
    from monitor.asr.ctc import model_folder  # heavy imports only when a model is wanted
    from monitor.asr.ctc.recognizer import CtcRecognizer

    return CtcRecognizer(model_folder.read(path), phrases)


def second_by_default(name: str | Path | None = None) -> str | None:
    """The recogniser that may judge the alerts of recogniser `name`: whisper-ctc where its weights
    are here. None where they are not, and where the first one hears with Whisper already."""
    from monitor.asr import models, names

    spec = names.split(name) if isinstance(name, str) else None
    if spec is not None and spec.engine in ("faster-whisper", names.SECOND):
        return None
    have_head = models.obtainable(names.SECOND, names.SECOND)
    return names.SECOND if have_head and models.obtainable(*names.SECOND_NEEDS) else None
