"""What the network's outputs mean: syllables, or characters summed into syllables.

Decoding works on *classes*. A syllable model's classes are its units. The
characters of a character model that sound alike are one class: the network
knows the sound better than the character, and rules match sounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from monitor.events import Alternative
from monitor.language.pinyin import OTHER_READINGS

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors, Unit

FOREIGN = ""
"""The class of all units without a Mandarin reading (Latin letters, <unk>)."""

_MOST_ALTERNATIVES = 4
_LEAST_PROBABILITY = 0.02  # below this an alternative is noise of the softmax
_FLOOR = 1e-10


class Inventory:
    """The units of one network.

    Attributes:
        units: one text per output of the network.
        classes: toneless syllables (`v` for ü), and the blank's name at `blank`.
        blank: the blank's index among the classes.
        spells: whether the units are characters.
    """

    def __init__(
        self, units: Sequence[str], kind: Literal["character", "syllable"], blank: int
    ) -> None:
        self.units = tuple(units)
        self.spells = kind == "character"
        self._readings = [_readings(unit) if self.spells else (unit,) for unit in units]
        if not self.spells:
            self.classes, self.blank = self.units, blank
            return
        self._readings[blank] = ()
        sounds = [row[0] if row else FOREIGN for row in self._readings]
        self.blank = 0
        heard = {sound for index, sound in enumerate(sounds) if index != blank}
        self.classes = (units[blank], *sorted(heard))
        number = {sound: index for index, sound in enumerate(self.classes[1:], start=1)}
        home = np.array([number.get(sound, 0) for sound in sounds])
        home[blank] = self.blank
        self._order = np.argsort(home, kind="stable")  # units, class by class
        self._starts = np.searchsorted(home[self._order], np.arange(len(self.classes)))

    def fold(self, posteriors: Posteriors) -> Posteriors:
        """Log-probabilities of units [frames, units] to those of classes [frames, classes]."""
        if not self.spells or not len(posteriors):
            return posteriors
        mass = np.add.reduceat(np.exp(posteriors[:, self._order]), self._starts, axis=1)
        folded: Posteriors = np.log(np.maximum(mass, _FLOOR))
        return folded

    def spell(self, unit: Unit) -> tuple[str, tuple[str, ...]]:
        """The likeliest text of a class at its peak, and that text's readings."""
        begin = self._starts[unit.index]
        last = unit.index + 1 == len(self.classes)
        members = self._order[begin : None if last else self._starts[unit.index + 1]]
        best = int(members[np.argmax(unit.row[members])])
        return self.units[best], self._readings[best]

    def judge(self, unit: Unit, readings: Sequence[str]) -> tuple[float, tuple[Alternative, ...]]:
        """How sure the network was at the unit's peak, and what else it considered.

        Args:
            unit: a decoded class, with the log-probabilities of all units at its peak.
            readings: what it is taken for (first) and what its text could also mean.

        Returns:
            the probability of the unit's class, and other syllables with theirs,
            the likeliest first.
        """
        row = self.fold(unit.row[None])[0]
        confidence = math.exp(row[unit.index])
        chances = dict.fromkeys(readings[1:], confidence * OTHER_READINGS)
        for index in np.flatnonzero(row > math.log(_LEAST_PROBABILITY)).tolist():
            if index not in (unit.index, self.blank) and self.classes[index] != FOREIGN:
                sound = self.classes[index]
                chances[sound] = max(chances.get(sound, 0.0), math.exp(row[index]))
        chances = {s: p for s, p in chances.items() if s not in readings[:1]}
        best = sorted(chances.items(), key=_by_chance)[:_MOST_ALTERNATIVES]
        others = tuple(
            Alternative(sound, _rounded(chance))
            for sound, chance in best
            if chance >= _LEAST_PROBABILITY
        )
        return _rounded(confidence), others


def _by_chance(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def _rounded(probability: float) -> float:
    return round(min(1.0, probability), 4)


def _readings(unit: str) -> tuple[str, ...]:
    if len(unit) != 1 or not "\u4e00" <= unit <= "\u9fff":
        return ()
    from pypinyin import Style, pinyin  # loads a large dictionary

    (found,) = pinyin(unit, style=Style.NORMAL, heteronym=True)
    return tuple(dict.fromkeys(syllable for syllable in found if syllable.isalpha()))
