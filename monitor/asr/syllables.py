"""Spells the syllables of a syllable model: a running search for the likeliest words.

What has been returned is never rewritten; later words must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.asr.lexicon import Word
from monitor.events import Alternative, Party, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.asr.decode import Unit
    from monitor.asr.inventory import Inventory
    from monitor.asr.lexicon import Lexicon

_LONGEST_WAIT = 2
"""Syllables that may follow before a syllable must be spelt, as the word it begins
may only then be known."""

_LONGEST_WAIT_MS = 330
"""The same in time, from the syllable's end, for slow speech: alerts wait for it."""

_LONG_WORD = 3
"""Words of so many syllables are rarely mistaken and are believed as soon as they end;
words of two one syllable later. Measured on the spelling of Common Voice dev from
correct syllables: 0.274 wrong at 1.4 syllables' mean wait, against 0.272 at 1.9 when all
wait for two, 0.333 for one and 0.538 for none."""

_PAUSE_MS = 240
"""So long after a syllable's end without a new one, a word has probably ended."""

_WINDOW = 12  # syllables of the past that the search still looks at


@dataclass(frozen=True, slots=True)
class _Heard:
    syllable: str
    start_ms: int
    end_ms: int
    confidence: float
    alternatives: tuple[Alternative, ...]


class LexiconSpeller:
    """Spells with a lexicon; shared by streams."""

    def __init__(self, inventory: Inventory, lexicon: Lexicon) -> None:
        self._inventory = inventory
        self._lexicon = lexicon

    def stream(self, party: Party) -> LexiconStream:
        return LexiconStream(party, self._inventory, self._lexicon)


class LexiconStream:
    """The words of one party."""

    def __init__(self, party: Party, inventory: Inventory, lexicon: Lexicon) -> None:
        self._party = party
        self._inventory = inventory
        self._lexicon = lexicon
        self._window = max(_WINDOW, lexicon.longest + _LONGEST_WAIT)
        self._syllables: list[str] = []  # recent ones, the oldest are forgotten
        self._written: list[str] = []  # how the first of them were returned
        self._waiting: list[_Heard] = []  # the others
        self._path: list[Word] = []  # likeliest words of `_syllables`

    @property
    def waiting_from_ms(self) -> int | None:
        return self._waiting[0].start_ms if self._waiting else None

    def push(self, unit: Unit, start_ms: int, end_ms: int) -> list[Token]:
        syllable = self._inventory.classes[unit.index]
        judged = self._inventory.judge(unit, [syllable])
        return self.push_syllable(_Heard(syllable, start_ms, end_ms, *judged))

    def push_syllable(self, heard: _Heard) -> list[Token]:
        """Take the next syllable; returns the tokens that are decided now."""
        self._syllables.append(heard.syllable)
        self._waiting.append(heard)
        self._path = self._search(self._syllables)
        return self._return(self._decided())

    def elapse(self, now_ms: int, quiet_ms: int) -> list[Token]:
        if not self._waiting:
            return []
        if quiet_ms - self._waiting[-1].end_ms >= _PAUSE_MS:
            return self._return(len(self._syllables))
        old = sum(now_ms - heard.end_ms >= _LONGEST_WAIT_MS for heard in self._waiting)
        return self._return(len(self._written) + old)

    def finish(self) -> list[Token]:
        tokens = self._return(len(self._syllables))
        self._syllables, self._written, self._path = [], [], []
        return tokens

    def preview(self, units: Sequence[Unit]) -> str:
        coming = [self._inventory.classes[unit.index] for unit in units]
        syllables = [*self._syllables, *coming]
        path = self._search(syllables)
        return "".join(_letters(path, syllables)[len(self._written) :])

    def _decided(self) -> int:
        """How many of `_syllables` have a spelling that is not worth waiting to change."""
        total = len(self._syllables)
        decided = total - _LONGEST_WAIT
        end = 0
        for word in self._path:
            length = _length(word, self._syllables[end])
            end += length
            followed = total - end
            if word.phrase or length >= _LONG_WORD or (length > 1 and followed):
                decided = max(decided, end)
        return decided

    def _return(self, end: int) -> list[Token]:
        """Return the syllables up to `end` as they are spelt now."""
        begin = len(self._written)
        letters = _letters(self._path, self._syllables)[begin:end]
        tokens = [
            Token(
                self._party,
                text,
                heard.syllable,
                heard.start_ms,
                heard.end_ms,
                heard.confidence,
                heard.alternatives,
            )
            for text, heard in zip(letters, self._waiting, strict=False)
        ]
        self._written += letters
        del self._waiting[: len(tokens)]
        self._forget()
        return tokens

    def _forget(self) -> None:
        """Drop words at the front that are written and too far back to matter."""
        while self._path:
            length = _length(self._path[0], self._syllables[0])
            if length > len(self._written) or len(self._syllables) - length < self._window:
                return
            del self._path[0], self._syllables[:length], self._written[:length]

    def _search(self, syllables: Sequence[str]) -> list[Word]:
        """The likeliest words (Viterbi over the word lattice) that agree with what is written."""
        scores = [0.0]
        arrived: list[tuple[int, Word | None]] = [(0, None)]
        for end in range(1, len(syllables) + 1):
            best_score = -float("inf")
            best: tuple[int, Word | None] = (0, None)
            for start in range(max(0, end - self._lexicon.longest), end):
                word = self._fitting(syllables[start:end], start)
                if word is not None and scores[start] + word.score > best_score:
                    best_score, best = scores[start] + word.score, (start, word)
            scores.append(best_score)
            arrived.append(best)
        path: list[Word] = []
        at = len(syllables)
        while at:
            at, word = arrived[at]
            assert word is not None
            path.append(word)
        return path[::-1]

    def _fitting(self, syllables: Sequence[str], start: int) -> Word | None:
        """The likeliest word of these syllables that agrees with what is written."""
        written = self._written[start : start + len(syllables)]
        for word in self._lexicon.words(syllables):
            if all(map(str.__eq__, written, word.text)):
                return word
        if len(syllables) > 1:
            return None
        unknown = self._lexicon.unknown(syllables[0])
        return Word(written[0], unknown.score) if written else unknown


def _letters(path: Sequence[Word], syllables: Sequence[str]) -> list[str]:
    """A spelling, syllable by syllable."""
    letters: list[str] = []
    for word in path:
        length = _length(word, syllables[len(letters)])
        letters += [word.text] if length == 1 else word.text
    return letters


def _length(word: Word, syllable: str) -> int:
    """Syllables of a word; one written as it sounds (`syllable`) has one."""
    return 1 if word.text == syllable else len(word.text)
