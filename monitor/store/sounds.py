"""Searching by sound: what a query asks for, and how alike an utterance is.

The costs are the matcher's (`monitor.language.phrases.costs`): a syllable that
recognisers and speakers mix up with the right one costs less than a wrong
one. Hesitations do not count at all. Tones are not compared, so that a word is
found under whatever homophone was written for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, product

from monitor.language.normalise import normalise
from monitor.language.phrases.costs import FILLER_SOUNDS, syllable_cost
from monitor.language.pinyin import is_han, readings

LIKENESS = 0.8
"""How alike is alike enough: one syllable in five may be wrong."""

_PIECE = 2
_EPSILON = 1e-9

Wanted = tuple[frozenset[str], ...]
"""What a query asks for: for each syllable, the ways it may be read."""


def wanted(query: str) -> Wanted:
    """The syllables of a query in characters (钱, 退订) or in pinyin (tui ding, tuìdìng).

    Hesitations are left out. What is neither stands for itself, letter by letter.
    """
    if any(map(is_han, query)) or not any(char.isalpha() for char in query):
        normal = normalise(query).text
        rows = readings(normal)
        asked = [
            frozenset(reading.syllable for reading in row) or frozenset({char})
            for char, row in zip(normal, rows, strict=True)
        ]
    else:
        asked = [frozenset({sound}) for sound in _spelt(query)]
    return tuple(sounds for sounds in asked if not sounds & FILLER_SOUNDS)


def allowed(query: Wanted) -> float:
    """What an utterance may cost, in wrong syllables, to be alike enough."""
    return (1.0 - LIKENESS) * len(query) + _EPSILON


def distance(query: Wanted, heard: Sequence[str]) -> float:
    """The least cost of finding the query anywhere in what was heard, in wrong syllables.

    A syllable too many or too few costs one.
    """
    column = [float(row) for row in range(len(query) + 1)]
    best = column[-1]
    for sound in heard:
        above, column[0] = column[0], 0.0
        for row, sounds in enumerate(query, 1):
            replaced = above + _cost(sounds, sound)
            above = column[row]
            column[row] = min(replaced, above + 1.0, column[row - 1] + 1.0)
        best = min(best, column[-1])
    return best


def pieces(query: Wanted) -> list[list[set[tuple[str, str]]]]:
    """What an utterance must contain to be alike enough: one of the pieces, and of a piece each
    pair in one of its forms. The second of a pair is "" where any syllable may follow.

    Nothing is missed. The query is cut into pieces; if all of it costs at most
    a fifth of its length, one of its pieces costs at most a fifth of its own.
    A piece of two or three costs less than one then, so that no syllable of it
    is missing and none comes between: its pairs stand there, in forms that
    cost no more.
    """
    cuts = [*range(0, len(query) - 1, _PIECE), len(query)] if len(query) > 1 else [0, len(query)]
    return [_pairs(query[start:end]) for start, end in pairwise(cuts)]


def _pairs(piece: Wanted) -> list[set[tuple[str, str]]]:
    limit = allowed(piece)
    near = [_near(sounds, limit) for sounds in piece]
    if len(piece) == 1:
        return [{(sound, "") for sound, _ in near[0]}]
    return [
        {
            (one, other)
            for (one, cost), (other, more) in product(first, second)
            if cost + more <= limit
        }
        for first, second in pairwise(near)
    ]


def _near(sounds: frozenset[str], limit: float) -> list[tuple[str, float]]:
    """The syllables that sound like one of these, with their costs; letters only themselves."""
    found = {sound: _cost(sounds, sound) for sound in inventory() | sounds}
    return [(sound, cost) for sound, cost in found.items() if cost <= limit]


@lru_cache(maxsize=1 << 16)
def _cost(sounds: frozenset[str], heard: str) -> float:
    return min(syllable_cost(heard, sound) for sound in sounds)


@lru_cache(maxsize=1)
def inventory() -> frozenset[str]:
    """The toneless syllables of Mandarin: the readings of the characters of GB 2312."""
    rows = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    characters = (code.decode("gb2312", errors="ignore") for code in rows)
    return frozenset(
        reading.syllable for char in characters if char for reading in readings(char)[0]
    )


def _spelt(query: str) -> list[str]:
    """Pinyin cut into syllables; other words into letters."""
    plain = _unmarked(query.lower().replace("ü", "v").replace("u:", "v"))
    sounds: list[str] = []
    for word in re.findall(r"[a-z]+|[^\W_]", plain):
        sounds += _syllables(word) or list(word)
    return sounds


def _unmarked(text: str) -> str:
    """Without tone marks and tone numbers; a ü under a tone mark is `v`."""
    found = unicodedata.normalize("NFD", text).replace("u\u0308", "v")
    letters = "".join(char for char in found if not unicodedata.combining(char))
    return re.sub(r"(?<=[a-z])[1-5]", " ", letters)


def _syllables(word: str) -> list[str] | None:
    """The word as whole syllables, as few as possible; None when it is not pinyin."""
    best: list[list[str] | None] = [[]]
    for end in range(1, len(word) + 1):
        found: list[str] | None = None
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is None or word[start:end] not in inventory():
                continue
            if found is None or len(before) + 1 < len(found):
                found = [*before, word[start:end]]
        best.append(found)
    return best[-1]
