"""What the network's outputs mean: characters with their readings, or syllables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from monitor.events import Alternative

if TYPE_CHECKING:
    from monitor.asr.decode import Unit

_FIRST_READING = 0.8
"""Share of a character's first reading when it has several; the others share the rest.
Only weighs alternatives against each other."""

_MOST_ALTERNATIVES = 4
_LEAST_PROBABILITY = 0.02  # below this an alternative is noise of the softmax


class Inventory:
    """The units of one network, seen as toneless syllables (`v` for ü).

    Attributes:
        syllables: all syllables that some unit can mean, sorted.
    """

    def __init__(
        self, units: Sequence[str], kind: Literal["character", "syllable"], blank: int
    ) -> None:
        self.units = tuple(units)
        self.blank = blank
        readings = [_readings(unit) if kind == "character" else (unit,) for unit in units]
        readings[blank] = ()
        self._readings = readings
        self.syllables = tuple(sorted({syllable for each in readings for syllable in each}))
        self._column = {syllable: column for column, syllable in enumerate(self.syllables)}
        self._weights = self._weigh()

    def readings(self, index: int) -> tuple[str, ...]:
        """The syllables that unit `index` can mean, likeliest first; none for a foreign unit."""
        return self._readings[index]

    def judge(self, unit: Unit, syllable: str) -> tuple[float, tuple[Alternative, ...]]:
        """How sure the network was of `syllable` at the unit's peak, and what else it considered.

        Returns:
            the probability of the syllable (of the unit itself when it has no
            reading), and other syllables, likeliest first, with theirs.
        """
        mass = np.exp(unit.row) @ self._weights
        confidence = unit.probability
        if syllable in self._column:
            confidence = float(mass[self._column[syllable]])
            mass[self._column[syllable]] = 0.0
        best = np.argsort(mass)[::-1][:_MOST_ALTERNATIVES]
        others = tuple(
            Alternative(self.syllables[column], _rounded(float(mass[column])))
            for column in best.tolist()
            if mass[column] >= _LEAST_PROBABILITY
        )
        return _rounded(confidence), others

    def _weigh(self) -> npt.NDArray[np.float32]:
        """Matrix [units, syllables]: the share of each unit's probability a syllable gets."""
        weights = np.zeros((len(self.units), len(self.syllables)), dtype=np.float32)
        for index, readings in enumerate(self._readings):
            others = (1 - _FIRST_READING) / max(1, len(readings) - 1)
            for rank, syllable in enumerate(readings):
                share = 1.0 if len(readings) == 1 else others if rank else _FIRST_READING
                weights[index, self._column[syllable]] = share
        return weights


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
