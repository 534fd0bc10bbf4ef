"""The pattern language: plain text, `[optional]`, `(one|other)`, `{slot}`, `…`, `/regex/`.

A pattern is parsed to a tree and unfolded into flat `Variant`s: sequences of
expected syllables, slots and gaps. Punctuation in a pattern means nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from monitor.language.normalise import normalise
from monitor.language.phrases.letters import spellings
from monitor.language.phrases.regular import Regular, compile_regular
from monitor.language.phrases.slots import SLOTS
from monitor.language.phrases.values import PatternError

MAX_VARIANTS = 128
MAX_SYLLABLES = 120
GAP_DEFAULT = 6
GAP_MAX = 30


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to `most` syllables of anything."""

    most: int = GAP_DEFAULT


@dataclass(frozen=True, slots=True)
class Slot:
    """A captured value: `name` in the registry of slots."""

    name: str


Piece: TypeAlias = "str | Gap | Slot"
Variant: TypeAlias = tuple[Piece, ...]
"""Pieces in order; a `str` is one expected syllable: the characters any of which will do."""

_OPEN = {"[": "]", "(": ")"}
_GAP = re.compile(r"(?:…+|\.{3,})(\d{1,2})?")


def is_regex(text: str) -> bool:
    return len(text) > 2 and text.startswith("/") and text.endswith("/")


def compile_regex(text: str) -> Regular:
    """The regular expression between the slashes, for the normalised text.

    Raises:
        PatternError: see `compile_regular`.
    """
    return compile_regular(text[1:-1], text)


def parse(text: str) -> tuple[Variant, ...]:
    """All the ways to say the pattern, in the order written; optional parts present first.

    Raises:
        PatternError: unbalanced brackets, an unknown slot, nothing to say, or too many ways.
    """
    parser = _Parser(text)
    unfolded = parser.alternatives(None)
    variants: dict[Variant, None] = {}
    for variant in unfolded:
        tidy = _tidy(variant)
        if not any(isinstance(piece, str) for piece in tidy):
            raise PatternError(text, 1, "a pattern needs at least one syllable that must be said")
        if sum(isinstance(piece, str) for piece in tidy) > MAX_SYLLABLES:
            raise PatternError(text, 1, f"longer than {MAX_SYLLABLES} syllables; split it up")
        variants[tidy] = None
    return tuple(variants)


def _tidy(variant: Variant) -> Variant:
    """Gaps at the ends mean nothing; neighbouring gaps join."""
    pieces: list[Piece] = []
    for piece in variant:
        if isinstance(piece, Gap):
            if not pieces:
                continue
            if isinstance(pieces[-1], Gap):
                pieces[-1] = Gap(min(GAP_MAX, pieces[-1].most + piece.most))
                continue
        pieces.append(piece)
    while pieces and isinstance(pieces[-1], Gap):
        pieces.pop()
    return tuple(pieces)


def _merged(branches: list[Variant]) -> list[Variant]:
    """(了|过) is one syllable with a choice, not two ways to say the whole pattern."""
    single = [b for b in branches if len(b) == 1 and isinstance(b[0], str)]
    if len(single) < 2:
        return branches
    choice = "".join(dict.fromkeys("".join(str(b[0]) for b in single)))
    return [(choice,), *(b for b in branches if b not in single)]


class _Parser:
    """Recursive descent over the raw text, so that columns are the writer's own."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, message: str, at: int | None = None) -> PatternError:
        return PatternError(self.text, (self.at if at is None else at) + 1, message)

    def alternatives(self, closing: str | None) -> list[Variant]:
        """Branches separated by `|` up to `closing` (None: the end of the text)."""
        opened = self.at - 1
        branches = self.sequence(closing)
        while self.peek() == "|":
            if closing is None:
                raise self.fail("put alternatives in round brackets: (甲|乙)")
            self.at += 1
            branches = branches + self.sequence(closing)
        if closing is not None:
            if self.peek() != closing:
                raise self.fail(f"this bracket is never closed by {closing!r}", opened)
            self.at += 1
        return _merged(branches)

    def sequence(self, closing: str | None) -> list[Variant]:
        parts: list[list[Variant]] = []
        while (char := self.peek()) and char not in (closing, "|"):
            parts.append(self.part(char))
            size = 1
            for part in parts:
                size *= len(part)
            if size > MAX_VARIANTS:
                raise self.fail(f"more than {MAX_VARIANTS} ways to say it; split the phrase up")
        return [tuple(piece for run in choice for piece in run) for choice in product(*parts)]

    def part(self, char: str) -> list[Variant]:
        if char in _OPEN:
            self.at += 1
            inner = self.alternatives(_OPEN[char])
            return [*inner, ()] if char == "[" else inner
        if char in "])}":
            raise self.fail(f"{char!r} without its opening bracket")
        if char == "{":
            return [self.slot()]
        gap = _GAP.match(self.text, self.at)
        if gap:
            most = int(gap[1]) if gap[1] else GAP_DEFAULT
            if most > GAP_MAX:
                raise self.fail(f"a gap may pass over at most {GAP_MAX} syllables")
            self.at = gap.end()
            return [(Gap(most),)]
        return self.plain()

    def slot(self) -> Variant:
        closed = self.text.translate(_WIDE).find("}", self.at)
        if closed < 0:
            raise self.fail("this bracket is never closed by '}'")
        name = self.text[self.at + 1 : closed].strip()
        if name not in SLOTS:
            known = " ".join(SLOTS)
            raise self.fail(f"unknown slot {name!r}; there are: {known}")
        self.at = closed + 1
        return (Slot(name),)

    def plain(self) -> list[Variant]:
        start = self.at
        self.at += 1
        while (
            (char := self.peek())
            and char not in "[](){}|…"
            and not self.text.startswith("...", self.at)
        ):
            self.at += 1
        return list(spellings(normalise(self.text[start : self.at]).text))

    def peek(self) -> str:
        return self.text[self.at : self.at + 1].translate(_WIDE)


_WIDE = str.maketrans("【】（）［］｜｛｝", "[]()[]|{}")
