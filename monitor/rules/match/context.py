"""What stands around a short phrase: word boundaries, courtesies, real words that sound alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.rules.match.units import Unit
from monitor.text.words import boundaries, is_word

_COURTESY = re.compile(r"(?:请问?您?|麻烦您?|您)$")


def courteous(before: Sequence[Unit]) -> bool:
    """Whether the units right before a phrase are 请, 请问, 您, 麻烦 or their combinations."""
    sounds = tuple(unit.sound for unit in before)
    if sounds[-1:] == ("nin",) or sounds[-2:] == ("qing", "wen"):
        return True
    return bool(_COURTESY.search("".join(unit.text or "□" for unit in before)))


def on_boundaries(before: str, said: str, after: str) -> bool:
    """Whether `said` begins and ends at word boundaries of the running text around it."""
    found = boundaries(before + said + after)
    return len(before) in found and len(before) + len(said) in found


def another_word(said: str, pattern: str) -> bool:
    """Whether what was heard is a real word that merely sounds like the pattern (步行 for 不行)."""
    return len(said) > 1 and said not in pattern and is_word(said)
