"""Evidence: what supports an alert, and what was searched when something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.events import Detail, Gap, Token
from monitor.language.phrases import Match, StepKind, nearest
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.engine.like_match import LikeMatch

_SEARCHED_TOKENS = 600
_SEARCHED_PHRASES = 12
_SILENT = (StepKind.SAME, StepKind.GAP)


def of_match(match: Match) -> dict[str, Detail]:
    """The phrase, and how what was heard differs from it; or the examples that mean the same."""
    if isinstance(match, LikeMatch):
        return {"like": dict(match.like)}
    found: dict[str, Detail] = {"phrase": match.pattern, "cost": round(match.cost, 3)}
    differs: list[Detail] = [
        {
            "kind": step.kind.value,
            "heard": step.heard or step.heard_sound,
            "expected": step.expected or step.expected_sound,
            "cost": round(step.cost, 3),
        }
        for step in match.alignment
        if step.kind not in _SILENT or step.cost
    ]
    if differs:
        found["differs"] = differs
    if match.slots:
        found["slots"] = dict(match.slots)
    if match.spotted is not None:
        found["spotted"] = {"score": match.spotted.score, "limit": match.spotted.limit}
    return found


def of_absence(
    phrases: Sequence[str],
    tokens: Sequence[Token],
    after_ms: int,
    until_ms: int,
    gaps: Sequence[Gap],
) -> dict[str, Detail]:
    """The span searched, what was looked for, and what came nearest."""
    found: dict[str, Detail] = {
        "searched": {"from_ms": max(0, after_ms), "to_ms": until_ms, "syllables": len(tokens)},
        "expected": list(phrases[:_SEARCHED_PHRASES]),
    }
    best = _nearest(phrases, tokens[-_SEARCHED_TOKENS:])
    if best is not None:
        found["nearest"] = {
            "phrase": best.pattern,
            "quote": best.quote,
            "similarity": best.similarity,
            "start_ms": best.start_ms,
            "end_ms": best.end_ms,
        }
    if gaps:
        found["gaps"] = [{"from_ms": g.start_ms, "to_ms": g.end_ms} for g in gaps]
    return found


def similarity(evidence: Mapping[str, Detail]) -> float:
    """That of the nearest miss, 0 when nothing came near."""
    near = evidence.get("nearest")
    value = near.get("similarity") if isinstance(near, dict) else None
    return float(value) if isinstance(value, int | float) else 0.0


def _nearest(phrases: Sequence[str], tokens: Sequence[Token]) -> Match | None:
    searched = [p for p in phrases[:_SEARCHED_PHRASES] if not slot_alone(p)] if tokens else []
    found = [nearest(phrase, tokens) for phrase in searched]
    return max((m for m in found if m), key=lambda m: (m.similarity, -m.start_ms), default=None)
