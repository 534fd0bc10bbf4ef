"""How much it costs to hear one syllable for another, in sixteenths of an edit.

The scale: 16 = one wrong syllable. Substitutions between sounds that
recognisers and speakers mix up are cheaper; `confusions.json` says by how much
(see `derive_confusions.py`). Costs are small integers so that a whole column
of the dynamic programme fits in bytes and every platform computes the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from monitor.text.pinyin import split_syllable

EDIT = 16
TONE = 1  # the same syllable in another tone
FILLER = 1  # a hesitation heard between
REPEAT = 2  # a syllable or a pair said again
EDGE = 24  # a missing first or last syllable: a prefix is not the phrase
NEVER = 50  # the dearest single step
FAR = 200  # "not reachable": no budget is larger
NATS_PER_EDIT = 3.0  # ln 20: something 20 times less likely than the best is one edit

FILLERS = frozenset("嗯啊呃额哦噢唉哎诶呀嘛呢吧哈欸")
FILLER_SOUNDS = frozenset({"en", "e", "a", "o", "ng"})
FILLER_PAIRS = frozenset(
    {("na", "ge"), ("zhe", "ge"), ("jiu", "shi"), ("ran", "hou"), ("shi", "ba")}
)
PARTICLES = frozenset("啊呀吧呢嘛哦噢哈啦吗呗儿")
NEGATIONS = frozenset("不没别无未勿甭非")


@dataclass(frozen=True, slots=True)
class Confusions:
    """Measured costs (in edits, symmetric): pairs of initials, of finals, of whole syllables."""

    initials: Mapping[tuple[str, str], float]
    finals: Mapping[tuple[str, str], float]
    syllables: Mapping[tuple[str, str], float]


@lru_cache(maxsize=1)
def confusions() -> Confusions:
    """The table of `confusions.json`; a pair is written "heard expected", "-" is no initial."""
    data = json.loads((Path(__file__).parent / "confusions.json").read_text("utf-8"))

    def table(name: str) -> dict[tuple[str, str], float]:
        pairs: dict[tuple[str, str], float] = {}
        for pair, cost in data[name].items():
            one, other = ("" if part == "-" else part for part in pair.split())
            pairs[one, other] = pairs[other, one] = float(cost)
        return pairs

    return Confusions(table("initials"), table("finals"), table("syllables"))


@lru_cache(maxsize=1 << 18)
def syllable_cost(heard: str, expected: str) -> float:
    """Edits (0–1) between two toneless syllables, or two Latin letters."""
    if heard == expected:
        return 0.0
    table = confusions()
    whole = table.syllables.get((heard, expected), 1.0)
    if len(heard) == 1 and len(expected) == 1 and heard not in "aoe":
        return whole
    (initial, final), (initial2, final2) = split_syllable(heard), split_syllable(expected)
    begin = 0.0 if initial == initial2 else table.initials.get((initial, initial2), 1.0)
    end = 0.0 if final == final2 else table.finals.get((final, final2), 1.0)
    return min(1.0, whole, begin + end)


def alternative_cost(relative: float) -> int:
    """What it costs to believe an alternative `relative` times as likely as the choice."""
    if relative >= 1.0:
        return 0
    return min(EDIT, round(EDIT * -math.log(max(relative, 1e-6)) / NATS_PER_EDIT))
