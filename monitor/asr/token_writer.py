"""Characters and words as tokens: syllables read in context, times that never run back.

For engines that write text; what hears syllables spells by itself. A number written in
figures becomes one token: its text as written, its syllables as said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.events import Alternative, Party, Token
from monitor.language.pinyin import OTHER_READINGS, Reading, is_han, readings
from monitor.language.spoken import ways

_CONTEXT = 6  # characters before that may settle a reading, as in 银行
_AFTER = 4  # pieces after a number that may settle how it was said: 35块6, 2026年
_SHORTEST_MS = 1
_LEAST = 1e-4  # what is left of a confidence after rounding
_AS_LIKELY = 1.0
"""Of a number's probability, what its other ways to be said get: figures do not tell 一 from 幺."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A character, or a word of other letters, with its time in ms; `marks` is the punctuation
    behind it."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    marks: str = ""


@dataclass(frozen=True, slots=True)
class _Sounds:
    """Ways to say a piece, the likeliest first, and the share of it that each other one gets."""

    ways: tuple[str, ...]
    share: float


class TokenWriter:
    """Writes down the pieces of one party's stretch in order.

    Args:
        party: who speaks.
        start_ms: where the stretch begins.
        look_ahead: what is written at once may settle its own readings. Only where it does not
            depend on the size of chunks how much that is.

    Attributes:
        free_ms: end of the last token; the next begins here or later.
    """

    def __init__(self, party: Party, start_ms: int, *, look_ahead: bool = False) -> None:
        self.free_ms = start_ms
        self._party = party
        self._look_ahead = look_ahead
        self._history = ""

    def write(self, pieces: Sequence[Piece], limit_ms: int) -> list[Token]:
        """Tokens of the next pieces, all of which end by `limit_ms`.

        What a model says after the end of the audio is moved before it.
        """
        tokens = []
        together = [pieces] if self._look_ahead else [[piece] for piece in pieces]
        before = self._history
        rows = [row for some in together for row in self._read(some)]
        for number, (piece, row) in enumerate(zip(pieces, rows, strict=True)):
            said = self._said(before, pieces[number : number + 1 + _AFTER * self._look_ahead])
            before += piece.text
            latest = limit_ms - (len(pieces) - number - 1) * _SHORTEST_MS
            start_ms = max(min(piece.start_ms, latest - _SHORTEST_MS), self.free_ms)
            end_ms = max(min(piece.end_ms, latest), start_ms + _SHORTEST_MS)
            if end_ms > limit_ms:
                break  # more characters than milliseconds: nobody said them
            tokens.append(self._token(piece, said or _by_sound(row), start_ms, end_ms))
            self.free_ms = end_ms
        return tokens

    def _read(self, pieces: Sequence[Piece]) -> list[tuple[Reading, ...]]:
        text = self._history + "".join(piece.text for piece in pieces)
        found, at = readings(text), len(self._history)
        rows: list[tuple[Reading, ...]] = []
        for piece in pieces:
            rows.append(tuple(found[at]) if is_han(piece.text) else ())
            at += len(piece.text)
        self._history = text[-_CONTEXT:]
        return rows

    def _said(self, before: str, pieces: Sequence[Piece]) -> _Sounds | None:
        """How the first of the pieces was said if it is a number; the others come after it."""
        text = pieces[0].text
        if is_han(text[0]):
            return None
        after = "".join(piece.text for piece in pieces[1:]) if not pieces[0].marks else ""
        found = [way.syllables for way in ways(text, before[-_CONTEXT:], after)]
        # Ways of another length are not the same syllables heard otherwise.
        alike = [" ".join(way) for way in found if len(way) == len(found[0])]
        return _Sounds(tuple(alike), _AS_LIKELY) if alike else None

    def _token(self, piece: Piece, sounds: _Sounds, start_ms: int, end_ms: int) -> Token:
        confidence = round(min(1.0, max(_LEAST, piece.confidence)), 4)
        share = round(confidence * sounds.share, 4)
        first, *others = sounds.ways or ("",)
        return Token(
            self._party,
            piece.text + piece.marks,
            first,
            start_ms,
            end_ms,
            confidence,
            tuple(Alternative(sound, share) for sound in others),
        )


def _by_sound(row: Sequence[Reading]) -> _Sounds:
    return _Sounds(tuple(dict.fromkeys(reading.syllable for reading in row)), OTHER_READINGS)
