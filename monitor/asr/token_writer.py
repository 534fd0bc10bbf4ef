"""Characters and words as tokens: syllables read in context, times that never run back.

For engines that write text; what hears syllables spells by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.events import Alternative, Party, Token
from monitor.language.pinyin import OTHER_READINGS, Reading, is_han, readings

_CONTEXT = 6  # characters before that may settle a reading, as in 银行
_SHORTEST_MS = 1
_LEAST = 1e-4  # what is left of a confidence after rounding


@dataclass(frozen=True, slots=True)
class Piece:
    """A character, or a word of other letters, with its time in ms; `marks` is the punctuation
    behind it."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    marks: str = ""


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
        rows = [row for some in together for row in self._read(some)]
        for number, (piece, row) in enumerate(zip(pieces, rows, strict=True)):
            latest = limit_ms - (len(pieces) - number - 1) * _SHORTEST_MS
            start_ms = max(min(piece.start_ms, latest - _SHORTEST_MS), self.free_ms)
            end_ms = max(min(piece.end_ms, latest), start_ms + _SHORTEST_MS)
            if end_ms > limit_ms:
                break  # more characters than milliseconds: nobody said them
            tokens.append(self._token(piece, row, start_ms, end_ms))
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

    def _token(self, piece: Piece, row: Sequence[Reading], start_ms: int, end_ms: int) -> Token:
        confidence = round(min(1.0, max(_LEAST, piece.confidence)), 4)
        sounds = list(dict.fromkeys(reading.syllable for reading in row))
        share = round(confidence * OTHER_READINGS, 4)
        return Token(
            self._party,
            piece.text + piece.marks,
            sounds[0] if sounds else "",
            start_ms,
            end_ms,
            confidence,
            tuple(Alternative(sound, share) for sound in sounds[1:]),
        )
