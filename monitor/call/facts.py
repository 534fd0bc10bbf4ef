"""What a user may say of a call beforehand, and what holds when nothing is said.

Kept apart from the engine so that the command line can show its help without
loading a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from monitor.events import Detail, Direction, Party

DEFAULT_PACKS = ("unicom-10010",)
"""The packs used when none is named. The only home of this default."""

MIXED = "mixed"
Channels: TypeAlias = tuple[Party | None, ...] | Literal["mixed"] | None
"""Who is on which channel of a recording (None: nobody who matters); `mixed`: both on its only
one; None: as it sounds."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call beside its audio; see `CallInfo` for the fields."""

    started_at: str | None = None
    direction: Direction | None = None
    facts: tuple[tuple[str, Detail], ...] = ()
