"""Whisper's words in pieces: one per Chinese character, simplified."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from monitor.asr.token_writer import Piece
from monitor.language.normalise import converter
from monitor.language.pinyin import is_han

if TYPE_CHECKING:
    from monitor.asr.whisper.hypothesis import Word


def pieces_of(words: Sequence[Word], origin_ms: int) -> list[Piece]:
    """Each character, or each Latin word or number, in simplified characters.

    Args:
        words: their times are seconds from `origin_ms`.
    """
    pieces = [piece for word in words for piece in _pieces(word, origin_ms)]
    written = simplified("".join(piece.text for piece in pieces))
    ends = accumulate(len(piece.text) for piece in pieces)
    return [
        replace(piece, text=written[end - len(piece.text) : end])
        for piece, end in zip(pieces, ends, strict=True)
    ]


def _pieces(word: Word, origin_ms: int) -> Iterator[Piece]:
    """The times of a word of several characters are shared evenly."""
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
        yield Piece(part, start, end, word.probability, marks)


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
