"""What the network's outputs mean: characters with their readings, or syllables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from monitor.events import Alternative

if TYPE_CHECKING:
    from monitor.asr.decode import Unit

_FIRST_READING = 0.8
"""Share of a character's first reading when it has several; the others share the rest.
Only weighs alternatives against each other."""

_MOST_ALTERNATIVES = 4
_LEAST_PROBABILITY = 0.02  # below this an alternative is noise of the softmax
_LOG_NEGLIGIBLE = math.log(0.001)  # units less likely than this are not even added up


class Inventory:
    """The units of one network, seen as toneless syllables (`v` for ü)."""

    def __init__(
        self, units: Sequence[str], kind: Literal["character", "syllable"], blank: int
    ) -> None:
        self.units = tuple(units)
        self.blank = blank
        readings = [_readings(unit) if kind == "character" else (unit,) for unit in units]
        readings[blank] = ()
        self._readings = readings

    def readings(self, index: int) -> tuple[str, ...]:
        """The syllables that unit `index` can mean, likeliest first; none for a foreign unit."""
        return self._readings[index]

    def judge(self, unit: Unit, syllable: str) -> tuple[float, tuple[Alternative, ...]]:
        """How sure the network was of `syllable` at the unit's peak, and what else it considered.

        Returns:
            the probability of the syllable (of the unit itself when it has no
            reading), and other syllables, likeliest first, with theirs.
        """
        mass: dict[str, float] = {}
        for index in np.flatnonzero(unit.row > _LOG_NEGLIGIBLE).tolist():
            probability = math.exp(unit.row[index])
            for rank, reading in enumerate(self._readings[index]):
                share = _share(rank, len(self._readings[index]))
                mass[reading] = mass.get(reading, 0.0) + probability * share
        confidence = mass.pop(syllable, unit.probability)
        best = sorted(mass.items(), key=lambda item: (-item[1], item[0]))[:_MOST_ALTERNATIVES]
        others = tuple(
            Alternative(reading, _rounded(probability))
            for reading, probability in best
            if probability >= _LEAST_PROBABILITY
        )
        return _rounded(confidence), others


def _share(rank: int, count: int) -> float:
    """The part of a character's probability that its reading number `rank` of `count` gets."""
    if count == 1:
        return 1.0
    return (1 - _FIRST_READING) / (count - 1) if rank else _FIRST_READING


def _rounded(probability: float) -> float:
    return round(min(1.0, probability), 4)


def is_hanzi(character: str) -> bool:
    """Whether a character is a Chinese character of the main block."""
    return "\u4e00" <= character <= "\u9fff"


def _readings(unit: str) -> tuple[str, ...]:
    if len(unit) != 1 or not is_hanzi(unit):
        return ()
    from pypinyin import Style, pinyin  # loads a large dictionary

    (found,) = pinyin(unit, style=Style.NORMAL, heteronym=True)
    return tuple(dict.fromkeys(syllable for syllable in found if syllable.isalpha()))
