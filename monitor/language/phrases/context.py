"""What stands around a short phrase: word boundaries, courtesies, real words that sound alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.language.phrases.costs import FILLER_SOUNDS, FILLERS, PARTICLES
from monitor.language.phrases.syllables import Syllable
from monitor.language.words import boundaries, is_word

PAUSE_MS = 400
"""So long without a syllable ends a clause."""

_BESIDE = FILLERS | PARTICLES | {"喂"}
_COURTESY = re.compile(r"(?:请问?您?|麻烦您?|您)$")


def courteous(before: Sequence[Syllable]) -> bool:
    """Whether the units right before a phrase are 请, 请问, 您, 麻烦 or their combinations."""
    sounds = tuple(unit.sound for unit in before)
    if sounds[-1:] == ("nin",) or sounds[-2:] == ("qing", "wen"):
        return True
    return bool(_COURTESY.search("".join(unit.text or "□" for unit in before)))


def on_boundaries(before: str, said: str, after: str, *, strict: bool) -> bool:
    """Whether `said` begins and ends at word boundaries of the running text around it.

    The dictionary lists some runs of two words as one (感谢您, 非常感谢). Unless
    `strict`, such a word may be cut where both parts are words (感谢|您).
    """
    start, end = len(before), len(before) + len(said)
    text = before + said + after
    found = boundaries(text)
    if start in found and end in found:
        return True
    if strict or not is_word(said):
        return False
    left = max(at for at in found if at <= start)
    right = min(at for at in found if at >= end)
    return (
        all(not part or is_word(part) for part in (text[left:start], text[end:right]))
        and right - left <= len(said) + 2
    )


def alone(before: Sequence[Syllable], after: Sequence[Syllable], said: Sequence[Syllable]) -> bool:
    """Whether a phrase is a clause of its own: nothing but hesitations, particles and 喂 beside it.

    `before` and `after` are the other units of the same turn; a pause or a
    punctuation mark also ends a clause.
    """
    later = said[0]
    for unit in reversed(before):
        if unit.stop or later.start_ms - unit.end_ms >= PAUSE_MS:
            break
        if not _beside(unit):
            return False
        later = unit
    earlier = said[-1]
    for unit in after:
        if earlier.stop or unit.start_ms - earlier.end_ms >= PAUSE_MS:
            break
        if not _beside(unit):
            return False
        earlier = unit
    return True


def _beside(unit: Syllable) -> bool:
    return unit.text in _BESIDE or unit.sound in FILLER_SOUNDS


def another_word(said: str, pattern: str) -> bool:
    """Whether what was heard is a real word that merely sounds like the pattern (步行 for 不行)."""
    return len(said) > 1 and said not in pattern and is_word(said)
