"""The last syllables of one party, numbered from the beginning of the call."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.language.phrases.syllables import Syllable

KEEP = 320
"""Syllables kept at least; no phrase with all its gaps and fillers is longer."""
LEFT_UNITS = 8
TURNS = 16


class History:
    """A bounded window: `units[0]` is number `base`, the next one will be number `count`."""

    def __init__(self) -> None:
        self.units: list[Syllable] = []
        self.base = 0
        self.barrier = 0  # nothing before this number belongs to a phrase in progress
        self._turns: list[int] = []  # numbers that begin a turn

    @property
    def count(self) -> int:
        return self.base + len(self.units)

    def append(self, unit: Syllable) -> None:
        self.units.append(unit)
        if len(self.units) > 2 * KEEP:
            del self.units[:KEEP]
            self.base += KEEP

    def end_turn(self) -> None:
        self._turns.append(self.count)
        del self._turns[:-TURNS]

    def span(self, first: int, last: int) -> list[Syllable]:
        """Units number `first` to `last`, both included."""
        return self.units[first - self.base : last + 1 - self.base]

    def before(self, first: int) -> list[Syllable]:
        """Up to `LEFT_UNITS` units of the same turn before number `first`."""
        start = max((turn for turn in self._turns if turn <= first), default=0)
        start = max(start, self.barrier, self.base, first - LEFT_UNITS)
        return self.span(start, first - 1)

    def after(self, last: int) -> tuple[list[Syllable], bool]:
        """The units of the same turn after number `last`, and whether the turn has ended."""
        stop = min((turn for turn in self._turns if turn > last), default=None)
        return self.span(last + 1, (self.count if stop is None else stop) - 1), stop is not None


def spelt(units: Sequence[Syllable]) -> str:
    """The text of units, one character each."""
    return "".join(unit.text or "□" for unit in units)
