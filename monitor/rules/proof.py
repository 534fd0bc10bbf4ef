"""Has what was said met a requirement? A pure function of the hits in a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.language.phrases import Match
from monitor.rules.ready import Requirement


@dataclass(frozen=True, slots=True)
class Hit:
    """One phrase of a requirement, heard: which step of which case."""

    case: int
    step: int
    match: Match

    @property
    def at_ms(self) -> int:
        """The moment a phrase counts: when its last syllable ends."""
        return self.match.end_ms


def prove(requirement: Requirement, hits: Sequence[Hit], times: int = 1) -> list[Hit] | None:
    """The earliest hits that meet the requirement, or None.

    `hits` are those of this requirement in the window, in any order.
    """
    ordered = sorted(hits, key=lambda h: (h.at_ms, h.match.start_ms, h.step))
    match requirement.kind:
        case "any":
            return _several(ordered, times)
        case "all":
            first = {step: hit for hit in reversed(ordered) for step in (hit.step,)}
            if len(first) < len(requirement.steps):
                return None
            return sorted(first.values(), key=lambda h: h.at_ms)
        case "order":
            chain = _chain(ordered)
            return chain if len(chain) == len(requirement.steps) else None


def missing(requirement: Requirement, hits: Sequence[Hit]) -> list[str]:
    """The names of the steps that were not met."""
    ordered = sorted(hits, key=lambda h: (h.at_ms, h.match.start_ms, h.step))
    if requirement.kind == "order":
        return list(requirement.steps[len(_chain(ordered)) :])
    said = {hit.step for hit in ordered}
    return [name for step, name in enumerate(requirement.steps) if step not in said]


def _several(hits: Sequence[Hit], times: int) -> list[Hit] | None:
    """The first `times` hits that do not overlap (two wordings may cover the same words)."""
    chosen: list[Hit] = []
    for hit in hits:
        if not chosen or hit.match.start_ms >= chosen[-1].at_ms:
            chosen.append(hit)
            if len(chosen) == times:
                return chosen
    return None


def _chain(hits: Sequence[Hit]) -> list[Hit]:
    """Hits of the steps 0, 1, … each after the one before, as early as possible."""
    chain: list[Hit] = []
    for hit in hits:
        if hit.step == len(chain) and (not chain or hit.match.start_ms >= chain[-1].at_ms):
            chain.append(hit)
    return chain
