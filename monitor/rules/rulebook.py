"""`Rulebook`: the rules of all loaded packs, compiled once and shared by every call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.events import CallInfo, Party
from monitor.rules.ready import (
    Listeners,
    PackName,
    ReadyRule,
    ReadySituation,
    ReadySlot,
)

if TYPE_CHECKING:
    from monitor.rules.load import ResolvedPack
    from monitor.rules.match import Matcher
    from monitor.rules.session import RuleSession


@dataclass(frozen=True)
class Rulebook:
    """Immutable. `rules`, `situations` and `slots` are keyed by id or `pack/name`.

    `phrases` are the texts (in pattern syntax) a recogniser should know.
    """

    packs: tuple[PackName, ...]
    resolved: tuple[ResolvedPack, ...]
    rules: Mapping[str, ReadyRule]
    situations: Mapping[str, ReadySituation]
    slots: Mapping[str, ReadySlot]
    matchers: Mapping[Party, Matcher]
    listeners: Listeners
    phrases: tuple[str, ...]

    def session(self, call: CallInfo) -> RuleSession:
        """The rules' view of one call; light, one per call."""
        from monitor.rules.session import RuleSession

        return RuleSession(self, call)
