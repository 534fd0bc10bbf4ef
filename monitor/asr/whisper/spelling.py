"""Whisper's words as tokens: one per Chinese character, simplified, with its syllable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from monitor.events import Alternative, Party, Token
from monitor.language.normalise import converter
from monitor.language.pinyin import is_han, readings

if TYPE_CHECKING:
    from monitor.asr.whisper.hypothesis import Word

_CONTEXT = 6  # characters before that may settle a reading, as in 银行
_SHORTEST_MS = 1
_OTHER_READINGS = 0.2
"""Share of a character's probability that its other readings get among the alternatives, as
in `monitor.asr.ctc.inventory`."""


class Scribe:
    """Writes down the words of one party's stretch in order; times never run back.

    Attributes:
        free_ms: end of the last token; the next begins here or later.
    """

    def __init__(self, party: Party, start_ms: int) -> None:
        self.free_ms = start_ms
        self._party = party
        self._history = ""

    def write(self, words: Sequence[Word], origin_ms: int, limit_ms: int) -> list[Token]:
        """Tokens of the next words.

        Args:
            words: their times are seconds from `origin_ms`.
            limit_ms: end of the audio that was heard.
        """
        pieces = [piece for word in words for piece in _pieces(word, origin_ms)]
        text = "".join(piece[0] for piece in pieces)
        written = simplified(text)
        rows = readings(self._history + written)[len(self._history) :]
        tokens: list[Token] = []
        at = 0
        for number, (raw, marks, start, end, probability) in enumerate(pieces):
            left = len(pieces) - number - 1
            room = limit_ms - left * _SHORTEST_MS
            start_ms = min(max(start, self.free_ms), room - _SHORTEST_MS)
            end_ms = max(min(end, room), start_ms + _SHORTEST_MS)
            sounds = [reading.syllable for reading in rows[at]] if len(raw) == 1 else []
            sounds = list(dict.fromkeys(sounds))
            confidence = round(min(1.0, max(0.001, probability)), 4)
            others = round(confidence * _OTHER_READINGS, 4)
            if start_ms < self.free_ms:
                break  # more characters than milliseconds: nobody said them
            tokens.append(
                Token(
                    self._party,
                    written[at : at + len(raw)] + marks,
                    sounds[0] if sounds else "",
                    start_ms,
                    end_ms,
                    confidence,
                    tuple(Alternative(sound, others) for sound in sounds[1:]),
                )
            )
            self.free_ms = end_ms
            at += len(raw)
        self._history = (self._history + written)[-_CONTEXT:]
        return tokens


def _pieces(word: Word, origin_ms: int) -> Iterator[tuple[str, str, int, int, float]]:
    """(text, marks, start, end, probability) of each character, or of each Latin word or number.

    The times of a word of several characters are shared evenly.
    """
    parts: list[str] = []
    for char in word.text:
        if parts and not is_han(char) and not is_han(parts[-1][-1]):
            parts[-1] += char
        else:
            parts.append(char)
    for number, part in enumerate(parts):
        length_s = word.end_s - word.start_s
        start = origin_ms + round(1000 * (word.start_s + length_s * number / len(parts)))
        end = origin_ms + round(1000 * (word.start_s + length_s * (number + 1) / len(parts)))
        marks = word.marks if number == len(parts) - 1 else ""
        yield part, marks, start, end, word.probability


def simplified(text: str) -> str:
    """Simplified characters, each in the place of the one it stands for."""
    if text.isascii():
        return text
    converted: str = converter().convert(text)
    if len(converted) == len(text):
        return converted
    return "".join(_one(char) for char in text)


def _one(char: str) -> str:
    converted: str = converter().convert(char)
    return converted if len(converted) == 1 else char
