"""A stretch of words that means what a family's examples mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.events import Detail
from monitor.language.phrases import Match


@dataclass(frozen=True, slots=True)
class LikeMatch(Match):
    """Found by meaning: `pattern` is the nearest example, `similarity` the family's score.

    `sure`: beyond the threshold at which the family was quiet in all ordinary
    calls; a rule's alert is a tip otherwise. A script is always sure.
    """

    sure: bool = True
    like: Mapping[str, Detail] = field(default_factory=dict)
