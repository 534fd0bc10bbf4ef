"""Characters and words as tokens: syllables read in context, times that never run back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.events import Alternative, Party, Token
from monitor.language.pinyin import Reading, is_han, readings

_CONTEXT = 3  # characters before that may settle a reading, as in 银行
_OTHER_READINGS = 0.2
"""Share of a character's probability that its other readings get among the alternatives, as
in `monitor.asr.ctc.inventory`."""

_LEAST_MS = 1


@dataclass(frozen=True, slots=True)
class Piece:
    """A character, or a word of other letters, with its time in ms."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Scribe:
    """Writes down the pieces of one stretch in order.

    Attributes:
        free_ms: end of the last token; the next begins here or later.
    """

    def __init__(self, party: Party, start_ms: int) -> None:
        self.free_ms = start_ms
        self._party = party
        self._history = ""

    def write(self, pieces: Sequence[Piece], limit_ms: int) -> list[Token]:
        """Tokens of the next pieces, all of which end by `limit_ms`.

        What a model says after the end of the audio is moved before it.
        """
        tokens = []
        for number, piece in enumerate(pieces):
            latest = limit_ms - (len(pieces) - number - 1) * _LEAST_MS
            start_ms = max(min(piece.start_ms, latest - _LEAST_MS), self.free_ms)
            end_ms = max(min(piece.end_ms, latest), start_ms + _LEAST_MS)
            if end_ms > limit_ms:
                break  # more characters than milliseconds: nobody said them
            tokens.append(self._token(piece, start_ms, end_ms))
            self.free_ms = end_ms
        return tokens

    def _token(self, piece: Piece, start_ms: int, end_ms: int) -> Token:
        row: tuple[Reading, ...] = ()
        if is_han(piece.text):
            self._history = (self._history + piece.text)[-_CONTEXT:]
            row = readings(self._history)[-1]
        else:
            self._history = ""
        confidence = round(min(1.0, max(1e-4, piece.confidence)), 4)
        sounds = list(dict.fromkeys(reading.syllable for reading in row))
        others = (Alternative(s, round(confidence * _OTHER_READINGS, 4)) for s in sounds[1:])
        syllable = sounds[0] if sounds else ""
        return Token(self._party, piece.text, syllable, start_ms, end_ms, confidence, tuple(others))
