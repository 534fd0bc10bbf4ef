"""What Whisper makes of a window of audio: words with times and the signs of doubt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from monitor.events import Samples

_JOINS = re.compile(r"[0-9A-Za-z]$"), re.compile(r"^[0-9A-Za-z]")
_POINT = re.compile(r"[0-9][.:]$")
_PERCENT = re.compile(r"[0-9]$")


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Audio to decode: float32 of shape (n,), and the tokens that it is known to begin with."""

    samples: Samples
    prefix: tuple[int, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / 16_000


@dataclass(frozen=True, slots=True)
class Word:
    """What some of Whisper's tokens spell: often one character, sometimes two or a Latin word.

    `text` is without blanks and marks; `marks` is the punctuation behind it.
    Times are seconds from the beginning of the window.
    """

    text: str
    ids: tuple[int, ...]
    start_s: float
    end_s: float
    probability: float
    marks: str = ""
    mark_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What follows the window's prefix, and Whisper's own doubts.

    `no_speech` is the probability of its no-speech token, `logprob` the mean
    log-probability of the tokens, `compression` the ratio by which zlib shrinks
    the text (text that repeats itself shrinks a lot).
    """

    words: tuple[Word, ...] = ()
    no_speech: float = 0.0
    logprob: float = 0.0
    compression: float = 0.0

    @property
    def text(self) -> str:
        return "".join(word.text + word.marks for word in self.words)


class Decoder(Protocol):
    """Whisper, or what stands in for it in a test."""

    @property
    def longest_ms(self) -> int:
        """The longest window it can hear."""

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """A hypothesis for each window."""


@dataclass(slots=True)
class _Building:
    words: list[Word] = field(default_factory=list)
    leading: tuple[int, ...] = ()  # marks with nothing before them


def gather(pieces: Sequence[Word]) -> tuple[Word, ...]:
    """Words as a reader sees them: marks go with the word before, 10 010 becomes one number.

    Args:
        pieces: what each group of tokens spells, blanks and punctuation included.
    """
    made = _Building()
    for piece in pieces:
        text = piece.text.strip()
        last = made.words[-1] if made.words else None
        if not text or all(not char.isalnum() and not _belongs(char, last) for char in text):
            if last is None:
                made.leading += piece.ids
            else:
                made.words[-1] = replace(
                    last, marks=last.marks + text, mark_ids=last.mark_ids + piece.ids
                )
            continue
        if last is not None and _joins(last, piece):
            made.words[-1] = _joined(last, piece)
            continue
        made.words.append(_stripped(piece, made.leading))
        made.leading = ()
    return tuple(made.words)


def letters(words: Sequence[Word]) -> str:
    """The words' characters in lower case, without marks: what two hypotheses are compared by."""
    return "".join(word.text for word in words).lower()


def _belongs(char: str, last: Word | None) -> bool:
    """Whether a sign is part of a number (3.5, 30%) and not punctuation."""
    return char in "%％" and last is not None and bool(_PERCENT.search(last.text))


def _joins(last: Word, piece: Word) -> bool:
    if piece.text[:1].isspace() or piece.text[:1] == "":
        return False
    if piece.text[0] in "%％":
        return not last.marks
    said = last.text + last.marks
    ends, begins = _JOINS
    return bool(begins.search(piece.text)) and bool(
        (not last.marks and ends.search(said)) or (_POINT.search(said) and piece.text[0].isdigit())
    )


def _joined(last: Word, piece: Word) -> Word:
    weight = len(last.ids), len(piece.ids)
    mean = (last.probability * weight[0] + piece.probability * weight[1]) / sum(weight)
    whole = replace(
        last,
        text=last.text + last.marks + piece.text,
        marks="",
        ids=last.ids + last.mark_ids + piece.ids,
        mark_ids=(),
        end_s=piece.end_s,
        probability=mean,
    )
    return _stripped(whole, ())


def _stripped(piece: Word, leading: tuple[int, ...]) -> Word:
    """The piece with punctuation at its end in `marks` (one token may hold both)."""
    text = piece.text.strip()
    core = text
    while core and unicodedata.category(core[-1])[0] in "PS" and core[-1] not in "%％":
        core = core[:-1]
    return replace(
        piece, text=core.lstrip("-—·、，。"), marks=text[len(core) :], ids=leading + piece.ids
    )
