"""How certain a finding is: what is fatal to a card must not rest on a doubtful match."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.events import Detail, Severity, Token

UNCERTAIN = "uncertain"
"""The key of the evidence that marks a fatal finding raised as a grave one."""
LIKENESS = 0.88
"""Below this similarity a match is uncertain: one other syllable in eight, or two near ones."""
CONFIDENCE = 0.6
"""Below this mean confidence of its syllables too; half of those at 0.5 are misheard."""


def doubt(similarity: float, tokens: Sequence[Token]) -> dict[str, Detail] | None:
    """What makes a finding uncertain, as its evidence shows it; None when nothing does.

    `tokens` are those of the words found; without any, only the likeness counts.
    """
    found: dict[str, Detail] = {}
    if similarity < LIKENESS:
        found["similarity"] = round(similarity, 3)
        found["needs_similarity"] = LIKENESS
    if tokens:
        confidence = sum(token.confidence for token in tokens) / len(tokens)
        if confidence < CONFIDENCE:
            found["confidence"] = round(confidence, 3)
            found["needs_confidence"] = CONFIDENCE
    return found or None


def lowered(severity: Severity) -> Severity:
    """The severity of an uncertain finding."""
    return Severity.MAJOR if severity is Severity.FATAL else severity
