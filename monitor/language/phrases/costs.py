"""How much it costs to hear one syllable for another, in sixteenths of an edit.

The scale: 16 = one wrong syllable. Substitutions between sounds that
recognisers and speakers mix up are cheaper; `confusions.json` says by how much
(see `derive_confusions.py`). Costs are small integers so that a whole column
of the dynamic programme fits in bytes and every platform computes the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.language.pinyin import split_syllable

EDIT = 16
TONE = 1  # the same syllable in another tone
FILLER = 1  # a hesitation heard between
REPEAT = 2  # a syllable or a pair said again
EDGE = 20  # a missing first or last syllable: a prefix is not the phrase
CHEAPEST = 0.1  # a syllable that is not the same is never cheaper, in edits
SKIP_RUN = 2  # expected syllables missing in a row, at most
NEVER = 50  # the dearest single step
ALIKE = 0.6  # syllables up to this far apart are called easily confused
FAR = 200  # "not reachable": no budget is larger
NATS_PER_EDIT = 3.0  # ln 20: something 20 times less likely than the best is one edit

FILLERS = frozenset("嗯啊呃额哦噢唉哎诶呀嘛呢吧哈欸")
FILLER_SOUNDS = frozenset({"en", "e", "a", "o", "ng"})
FILLER_PAIRS = frozenset(
    {
        *(("na", "ge"), ("zhe", "ge"), ("jiu", "shi"), ("ran", "hou"), ("shi", "ba")),
        *(("de", "hua"), ("dao", "di")),
    }
)
LIGHT = frozenset("就都也还又再可才倒你您我")
"""Adverbs and pronouns that people put in without saying anything else."""
LIGHT_COST = 6
TURNING = frozenset("不没别")
"""Said where it is not expected, it turns the meaning."""
NEGATED = 1.5
PARTICLES = frozenset("啊呀吧呢嘛哦噢哈啦吗呗儿")
NEGATIONS = frozenset("不没别无未勿甭非")


Pairs: TypeAlias = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Confusions:
    """Costs in edits, symmetric, of pairs of initials and of finals.

    A wrong syllable costs `base` plus what its initial and its final add:
    nothing for the same, the pair's entry, or `initial_apart`/`final_apart`.
    Where both parts are the same or listed in `spoken` (what speakers of many
    regions do not tell apart) the sum of those entries is enough.
    """

    base: float
    initial_apart: float
    final_apart: float
    initials: Pairs
    finals: Pairs
    spoken: Pairs


@lru_cache(maxsize=1)
def confusions() -> Confusions:
    """The table of `confusions.json`; there "-" is no initial."""
    data = json.loads((Path(__file__).parent / "confusions.json").read_text("utf-8"))

    def table(name: str) -> Pairs:
        pairs: dict[tuple[str, str], float] = {}
        for pair, cost in data[name].items():
            one, other = ("" if part == "-" else part for part in pair.split())
            pairs[one, other] = pairs[other, one] = float(cost)
        return pairs

    return Confusions(
        float(data["base"]),
        float(data["initial_apart"]),
        float(data["final_apart"]),
        table("initials"),
        table("finals"),
        table("spoken"),
    )


@lru_cache(maxsize=1 << 16)
def syllable_cost(heard: str, expected: str) -> float:
    """Edits (0–1) between two toneless syllables; two different Latin letters are one edit."""
    if heard == expected:
        return 0.0
    if not (_mandarin(heard) and _mandarin(expected)):
        return 1.0
    table = confusions()
    (initial, final), (initial2, final2) = split_syllable(heard), split_syllable(expected)
    measured = (
        table.base
        + _part(table.initials, initial, initial2, table.initial_apart)
        + _part(table.finals, final, final2, table.final_apart)
    )
    spoken = _part(table.spoken, initial, initial2, 1.0) + _part(table.spoken, final, final2, 1.0)
    return max(CHEAPEST, min(1.0, measured, spoken))


def _part(costs: Pairs, one: str, other: str, apart: float) -> float:
    return 0.0 if one == other else costs.get((one, other), apart)


class CostTable:
    """`syllable_cost` of any heard syllable against a fixed list of expected ones, fast."""

    def __init__(self, expected: Sequence[str]) -> None:
        table = confusions()
        parts = [split_syllable(s) if _mandarin(s) else None for s in expected]
        self._number = {sound: at for at, sound in enumerate(expected)}
        self._foreign = np.array([part is None for part in parts])
        initials = [part[0] if part else "" for part in parts]
        finals = [part[1] if part else "" for part in parts]
        self._initials = _Parts(initials, table.initials, table.initial_apart)
        self._finals = _Parts(finals, table.finals, table.final_apart)
        self._spoken_initials = _Parts(initials, table.spoken, 1.0)
        self._spoken_finals = _Parts(finals, table.spoken, 1.0)

    def row(self, heard: str) -> npt.NDArray[np.float64]:
        """Costs in edits, float64 [len(expected)]."""
        if _mandarin(heard):
            initial, final = split_syllable(heard)
            measured = confusions().base + self._initials.row(initial) + self._finals.row(final)
            spoken = self._spoken_initials.row(initial) + self._spoken_finals.row(final)
            row = np.clip(np.minimum(measured, spoken), CHEAPEST, 1.0)
            row[self._foreign] = 1.0
        else:
            row = np.ones(len(self._foreign))
        if heard in self._number:
            row[self._number[heard]] = 0.0
        return row


class _Parts:
    """Costs of one part (initial or final) of every expected syllable."""

    def __init__(self, parts: Sequence[str], costs: Pairs, apart: float) -> None:
        self._names = sorted(set(parts))
        number = {name: at for at, name in enumerate(self._names)}
        self._which = np.array([number[part] for part in parts], np.intp)
        self._costs, self._apart = costs, apart
        self.row = lru_cache(maxsize=64)(self._row)  # some sixty initials and finals

    def _row(self, heard: str) -> npt.NDArray[np.float64]:
        each = [_part(self._costs, heard, name, self._apart) for name in self._names]
        return np.array(each)[self._which]


def _mandarin(sound: str) -> bool:
    return sound.isascii() and sound.isalpha() and (len(sound) > 1 or sound in "aoe")


def alternative_cost(relative: float) -> int:
    """What it costs to believe an alternative `relative` times as likely as the choice."""
    if relative >= 1.0:
        return 0
    return min(EDIT, round(EDIT * -math.log(max(relative, 1e-6)) / NATS_PER_EDIT))
