"""Spells the syllables of a syllable model: a running search for the likeliest words.

What has been returned is never rewritten; later words must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.asr.ctc.trellis import Trellis
from monitor.events import Alternative, Party, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.asr.ctc.decode import Unit
    from monitor.asr.ctc.inventory import Inventory
    from monitor.asr.ctc.lexicon import Lexicon

_LONGEST_WAIT = 2
"""Syllables that may follow before a syllable must be spelt, as the word it begins
may only then be known."""

_LONGEST_WAIT_MS = 330
"""The same in time, from the syllable's end, for slow speech: alerts wait for it."""

_LONG_WORD = 3
"""Words of so many syllables are rarely mistaken and are believed as soon as they end;
words of two one syllable later. Measured on the spelling of Common Voice dev from
correct syllables: 0.207 wrong while 1.5 syllables wait on average; 0.202 while 1.9 do
because both wait one longer; 0.143 when all wait for the end of the sentence."""

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
        self._trellis = Trellis(lexicon)  # of recent syllables, the oldest are forgotten
        self._waiting: list[_Heard] = []  # those of them that are not written

    @property
    def waiting_from_ms(self) -> int | None:
        return self._waiting[0].start_ms if self._waiting else None

    def push(self, unit: Unit, start_ms: int, end_ms: int) -> list[Token]:
        syllable = self._inventory.classes[unit.index]
        judged = self._inventory.judge(unit, [syllable])
        return self.push_syllable(_Heard(syllable, start_ms, end_ms, *judged))

    def push_syllable(self, heard: _Heard) -> list[Token]:
        """Take the next syllable; returns the tokens that are decided now."""
        self._trellis.push(heard.syllable)
        self._waiting.append(heard)
        return self._return(self._decided())

    def elapse(self, now_ms: int, quiet_ms: int, coming: Sequence[Unit] = ()) -> list[Token]:
        if not self._waiting:
            return []
        if quiet_ms - self._waiting[-1].end_ms >= _PAUSE_MS:
            return self._return(len(self._trellis.syllables), coming)
        old = sum(now_ms - heard.end_ms >= _LONGEST_WAIT_MS for heard in self._waiting)
        return self._return(len(self._trellis.written) + old, coming) if old else []

    def finish(self) -> list[Token]:
        tokens = self._return(len(self._trellis.syllables))
        self._trellis = Trellis(self._lexicon)
        return tokens

    def preview(self, units: Sequence[Unit]) -> str:
        return "".join(self._letters(units)[len(self._trellis.written) :])

    def _letters(self, coming: Sequence[Unit]) -> list[str]:
        """The likeliest spelling, syllable by syllable, with what is likely to follow."""
        for unit in coming:
            self._trellis.push(self._inventory.classes[unit.index])
        letters = self._trellis.letters()
        self._trellis.pop(len(coming))
        return letters

    def _decided(self) -> int:
        """How many syllables have a spelling that is not worth waiting to change."""
        total = len(self._trellis.syllables)
        decided = total - _LONGEST_WAIT
        end = 0
        for word, length in self._trellis.path():
            end += length
            followed = total - end
            if word.phrase or length >= _LONG_WORD or (length > 1 and followed):
                decided = max(decided, end)
        return decided

    def _return(self, end: int, coming: Sequence[Unit] = ()) -> list[Token]:
        """Return the syllables up to `end` as they are spelt now, `coming` being what follows."""
        letters = self._letters(coming)[len(self._trellis.written) : end]
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
        if tokens:
            self._trellis.write(letters)
            del self._waiting[: len(tokens)]
            self._forget()
        return tokens

    def _forget(self) -> None:
        """Drop words at the front that are written and too far back to matter."""
        trellis = self._trellis
        gone = 0
        for _, length in trellis.path():
            end = gone + length
            if end > len(trellis.written) or len(trellis.syllables) - end < self._window:
                break
            gone = end
        if gone:
            trellis.forget(gone)
