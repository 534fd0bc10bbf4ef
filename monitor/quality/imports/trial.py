"""Scoring a recording in a process of its own, to see whether it is the one that takes it down.

A process may be killed by a power cut or by whoever stops the machine: that says nothing of the
recording it was at. Only a recording that takes down a process which nobody else ended is given up.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.base.errors import UserError
from monitor.base.orphans import end_with_parent
from monitor.call.facts import Channels

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Trial:
    """What a process needs to know to score a recording as this one would."""

    asr: str | None
    packs: Sequence[str]
    confirm: str | None = None
    channels: Channels = None

    def survives(self, path: Path, stopped: Callable[[], bool]) -> bool | None:
        """Whether a process that scores the recording lives; None: told to stop."""
        process = multiprocessing.get_context("spawn").Process(
            target=_score, args=(self, path), daemon=True
        )
        process.start()
        while process.is_alive():
            if stopped():
                process.terminate()
                process.join()
                return None
            process.join(_LOOK_S)
        return process.exitcode == 0


def _score(trial: Trial, path: Path) -> None:
    end_with_parent()
    from monitor.call import engine
    from monitor.call.facts import CallFacts
    from monitor.call.score_recording import Scorer

    loaded = engine.load(trial.asr, trial.packs)
    second = engine.load_second(trial.confirm, loaded) if trial.confirm else None
    with suppress(UserError):  # it is damaged, and whoever scores it next will say so
        Scorer(loaded, second, trial.channels).score(path, path.name, CallFacts())
