"""A server's `verbose_json` as pieces: characters, and words of other letters, with their times."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.asr.token_writer import Piece
from monitor.language.normalise import converter
from monitor.language.pinyin import is_han

UNKNOWN = 0.8
"""Confidence of words whose server says nothing about it."""

_NO_SPEECH, _LOGPROB = 0.6, -1.0
"""Thresholds of openai/whisper: where nobody spoke and the text is unlikely it is not believed."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Some text between two times, in ms of the turn."""

    text: str
    start_ms: float
    end_ms: float
    confidence: float


def pieces(answer: Mapping[str, Any], start_ms: int, end_ms: int) -> list[Piece]:
    """What was said in a turn, in simplified characters.

    Words with times are taken where there are any, else segments, else the text is
    spread over the turn.

    Args:
        answer: the server's; times in it are seconds from the beginning of the turn.
        start_ms: where the turn lies in the call; `end_ms` its end.
    """
    spans = list(_words(answer)) or list(_segments(answer))
    if not spans and not answer.get("segments"):
        length = float(end_ms - start_ms)
        spans = [_Span(str(answer.get("text") or ""), 0.0, length, UNKNOWN)]
    found: list[Piece] = []
    for span in spans:
        _spread(span, start_ms, found)
    return found


def _words(answer: Mapping[str, Any]) -> Iterator[_Span]:
    dropped = [span for span in _rows(answer, "segments", "text") if not _believed(span)]
    for word in _rows(answer, "words", "word"):
        middle = (_number(word, "start") + _number(word, "end")) / 2
        if not any(_number(s, "start") <= middle <= _number(s, "end") for s in dropped):
            yield _span(word, "word", _number(word, "probability", UNKNOWN))


def _segments(answer: Mapping[str, Any]) -> Iterator[_Span]:
    for segment in _rows(answer, "segments", "text"):
        if _believed(segment):
            likely = _number(segment, "avg_logprob", math.log(UNKNOWN))
            yield _span(segment, "text", math.exp(min(0.0, likely)))


def _rows(answer: Mapping[str, Any], key: str, text: str) -> list[Mapping[str, Any]]:
    rows = answer.get(key)
    return [
        row for row in rows if isinstance(row, dict) and isinstance(row.get(text), str)
    ] if isinstance(rows, list) else []  # fmt: skip


def _believed(segment: Mapping[str, Any]) -> bool:
    return not (
        _number(segment, "no_speech_prob") > _NO_SPEECH
        and _number(segment, "avg_logprob") < _LOGPROB
    )


def _span(row: Mapping[str, Any], text: str, confidence: float) -> _Span:
    start = 1000 * _number(row, "start")
    return _Span(str(row[text]), start, max(start, 1000 * _number(row, "end")), confidence)


def _number(row: Mapping[str, Any], key: str, default: float = 0.0) -> float:
    value = row.get(key, default)
    usable = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if usable else default


def _spread(span: _Span, start_ms: int, found: list[Piece]) -> None:
    """Add the characters of a span, its time shared evenly among them; marks go with the one
    before."""
    parts: list[list[str]] = []
    open_word = False
    for char in _simplified(span.text):
        if char.isspace():
            open_word = False
        elif not char.isalnum() and not (char in "%％" and parts and parts[-1][0][-1:].isdigit()):
            mark = unicodedata.category(char)[0] in "PS"
            inside = open_word and char in ".:" and parts[-1][0].isdigit()
            if inside:
                parts[-1][0] += char
            elif mark and parts:
                parts[-1][1] += char
                open_word = False
            elif mark and found:
                last = found.pop()
                found.append(
                    Piece(last.text, last.start_ms, last.end_ms, last.confidence, last.marks + char)
                )
        elif is_han(char):
            parts.append([char, ""])
            open_word = False
        elif open_word:
            parts[-1][0] += char
        else:
            parts.append([char, ""])
            open_word = True
    step = (span.end_ms - span.start_ms) / max(1, len(parts))
    for number, (text, marks) in enumerate(parts):
        end = text.rstrip(".:")
        begin = start_ms + round(span.start_ms + step * number)
        until = start_ms + round(span.start_ms + step * (number + 1))
        found.append(Piece(end, begin, until, span.confidence, text[len(end) :] + marks))


def _simplified(text: str) -> str:
    converted: str = text if text.isascii() else converter().convert(text)
    return converted
