"""The likeliest words for a growing row of syllables: a Viterbi search over the word lattice.

Every column holds the few best ways to write the syllables up to it, told
apart by their last word, since that is what the next word depends on. What
has been written is never changed: ways that disagree with it are dropped.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from monitor.asr.ctc.vocabulary import Word

_WAYS = 8
"""Kept per column. Characters wrong on Common Voice dev, from correct syllables: 13.8 %
with 4, 13.6 % with 8, 13.6 % with 24."""


class Words(Protocol):
    """What the search asks."""

    @property
    def longest(self) -> int:
        """Syllables of the longest word."""

    def words(self, syllables: Sequence[str]) -> Sequence[Word]:
        """Spellings of exactly these syllables."""

    def step(self, before: Word | None, word: Word) -> float:
        """Natural log of the probability of a word after another."""

    def unknown(self, syllable: str) -> Word:
        """How a syllable without a word is written."""


@dataclass(slots=True, eq=False)
class _Way:
    """One way to write the syllables up to a column."""

    score: float
    word: Word | None  # the last; None at the beginning
    length: int  # its syllables
    before: _Way | None


class Trellis:
    """Grows by a syllable at a time at its end and is cut at its beginning.

    Attributes:
        syllables: those in it, toneless.
        written: the spelling of the first of them.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self.syllables: list[str] = []
        self.written: list[str] = []
        self._columns: list[list[_Way]] = [[_Way(0.0, None, 0, None)]]

    def push(self, syllable: str) -> None:
        """Take the next syllable."""
        self.syllables.append(syllable)
        end = len(self.syllables)
        best: dict[str, _Way] = {}
        for start in range(max(0, end - self._words.longest), end):
            ways = self._columns[start]
            if not ways:
                continue
            for word in self._words.words(self.syllables[start:end]):
                if self._fits(word, start):
                    self._arrive(best, ways, word, end - start)
        if not best:
            self._arrive(best, self._columns[-1], self._words.unknown(syllable), 1)
        self._columns.append(heapq.nlargest(_WAYS, best.values(), key=_score))

    def pop(self, count: int) -> None:
        """Take the last syllables back."""
        if count:
            del self.syllables[-count:], self._columns[-count:]

    def path(self) -> list[tuple[Word, int]]:
        """The likeliest words, each with the number of its syllables."""
        found: list[tuple[Word, int]] = []
        left = len(self.syllables)
        way: _Way | None = self._columns[-1][0]
        while left:
            assert way is not None
            assert way.word is not None
            found.append((way.word, way.length))
            left -= way.length
            way = way.before
        return found[::-1]

    def letters(self) -> list[str]:
        """The likeliest spelling, syllable by syllable."""
        return [letter for word, _ in self.path() for letter in _spelt(word)]

    def write(self, letters: Sequence[str]) -> None:
        """Spell the next syllables for good."""
        self.written += letters
        rest = self.syllables[len(self.written) :]
        self.pop(len(rest))
        self._settle()
        for syllable in rest:
            self.push(syllable)

    def forget(self, count: int) -> None:
        """Drop the first syllables, all written, where the likeliest path has a word's end."""
        del self.syllables[:count], self._columns[:count], self.written[:count]
        for way in self._columns[0]:
            way.before = None
        self._settle()

    def _arrive(self, best: dict[str, _Way], ways: list[_Way], word: Word, length: int) -> None:
        """Keep the best way to reach a word."""
        step = self._words.step
        for way in ways:
            score = way.score + step(way.word, word)
            known = best.get(word.text)
            if known is None or score > known.score:
                best[word.text] = _Way(score, word, length, way)

    def _fits(self, word: Word, start: int) -> bool:
        """Whether a word may stand from a syllable on."""
        written = self.written[start : start + len(word.text)]
        return not written or all(map(str.__eq__, written, _spelt(word)))

    def _settle(self) -> None:
        """Drop the ways that disagree with what is written."""
        alive = set(map(id, self._columns[0]))
        for end, column in enumerate(self._columns[1:], start=1):
            column[:] = [
                way
                for way in column
                if id(way.before) in alive and way.word and self._fits(way.word, end - way.length)
            ]
            if not column and end == len(self.syllables):
                # Written as part of a word that was expected but did not come.
                unknown = self._words.unknown(self.syllables[end - 1])
                letter = replace(unknown, text=self.written[end - 1])
                best: dict[str, _Way] = {}
                self._arrive(best, self._columns[end - 1], letter, 1)
                column[:] = best.values()
            alive.update(map(id, column))


def _spelt(word: Word) -> Sequence[str]:
    """By syllable; a syllable nobody writes stays as it sounds."""
    return word.text if word.text[0] >= "\u4e00" else [word.text]


def _score(way: _Way) -> float:
    return way.score
