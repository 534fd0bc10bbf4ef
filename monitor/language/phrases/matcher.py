"""`Matcher`: the phrases, compiled once and shared by every call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import TypeAlias

from monitor.language.phrases.cells import Line, compile_line
from monitor.language.phrases.index import Index
from monitor.language.phrases.pattern import compile_regex, is_regex, parse
from monitor.language.phrases.regular import Regular
from monitor.language.phrases.values import Phrase

Sharpen: TypeAlias = Callable[[Phrase, list[Line]], list[Line]]

SPELLINGS = 64
"""Readings of one phrase that are looked at when phrases are searched in one another."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A phrase as the stream needs it.

    `places` are its lines in the index, `cells` the half-open range of cells
    they occupy, `regex` stands instead of lines for a `/…/` pattern.
    `shields` are the phrases that protect it.
    """

    phrase: Phrase
    places: tuple[int, ...]
    cells: tuple[int, int]
    regex: Regular | None
    shields: frozenset[int]

    def same(self, other: Compiled) -> bool:
        """Whether both hear exactly the same, so that state may pass from one to the other."""
        one, two = self.phrase, other.phrase
        return (one.text, one.likeness, one.exact) == (two.text, two.likeness, two.exact)


class Matcher:
    """Immutable. `MatchStream(matcher, party)` is the light per-party state.

    `sharpen` may make syllables of a phrase's lines keen (see `contrast`).

    Raises:
        PatternError: a pattern that cannot be read.
        ValueError: two phrases with one key, or a shield that does not exist.
    """

    def __init__(self, phrases: Iterable[Phrase], sharpen: Sharpen | None = None) -> None:
        self.phrases: tuple[Phrase, ...] = tuple(phrases)
        self.number: Mapping[str, int] = {p.key: n for n, p in enumerate(self.phrases)}
        if len(self.number) != len(self.phrases):
            raise ValueError("two phrases have the same key")
        lines = [lines_of(phrase) for phrase in self.phrases]
        if sharpen is not None:
            lines = [sharpen(p, own) for p, own in zip(self.phrases, lines, strict=True)]
        self.index = Index([(n, line) for n, own in enumerate(lines) for line in own])
        shields = _shields(self.phrases, lines, self.number)
        self.compiled: list[Compiled] = []
        place = 0
        for number, (phrase, own) in enumerate(zip(self.phrases, lines, strict=True)):
            places = tuple(range(place, place + len(own)))
            place += len(own)
            self.compiled.append(
                Compiled(
                    phrase,
                    places,
                    self._range(places),
                    None if own else compile_regex(phrase.text),
                    shields[number],
                )
            )
        self.patterns = by_pattern(self.phrases)
        self.regexes = tuple(n for n, c in enumerate(self.compiled) if c.regex)

    def _range(self, places: tuple[int, ...]) -> tuple[int, int]:
        if not places:
            return (0, 0)
        return self.index.places[places[0]].first, self.index.places[places[-1]].end + 1


def by_pattern(phrases: Iterable[Phrase]) -> Mapping[str, tuple[int, ...]]:
    """The numbers of the phrases that a spotted pattern stands for."""
    found: dict[str, list[int]] = {}
    for number, phrase in enumerate(phrases):
        if not phrase.exact and phrase.role != "shield":
            found.setdefault(phrase.text, []).append(number)
    return {text: tuple(numbers) for text, numbers in found.items()}


def lines_of(phrase: Phrase) -> list[Line]:
    """All the ways to say a phrase, compiled; none for a regular expression."""
    if is_regex(phrase.text):
        return []
    return [compile_line(v, phrase.likeness, exact=phrase.exact) for v in parse(phrase.text)]


def _shields(
    phrases: tuple[Phrase, ...], lines: list[list[Line]], number: Mapping[str, int]
) -> list[frozenset[int]]:
    """What protects each alert: what it names, and every longer phrase that contains it."""
    shields: list[set[int]] = [set() for _ in phrases]
    for phrase, own in zip(phrases, shields, strict=True):
        for key in phrase.shielded_by:
            if key not in number:
                raise ValueError(
                    f"phrase {phrase.key!r} is shielded by {key!r}, which is not there"
                )
            own.add(number[key])
    inside: dict[tuple[str, ...], list[int]] = {}
    for inner, (phrase, own_lines) in enumerate(zip(phrases, lines, strict=True)):
        for line in own_lines if phrase.role == "alert" else ():
            for run in _runs(line) if not line.loose else ():
                inside.setdefault(run, []).append(inner)
    for inner, outer in _containments(inside, lines):
        shields[inner].add(outer)
    return [frozenset(own) for own in shields]


def _containments(
    inside: Mapping[tuple[str, ...], list[int]], lines: list[list[Line]]
) -> Iterator[tuple[int, int]]:
    """(shorter, longer): the first is, sound for sound, a part of the second."""
    sizes = sorted({len(sounds) for sounds in inside})
    for outer, line in ((n, line) for n, own in enumerate(lines) for line in own):
        for run in _runs(line):
            for size in (s for s in sizes if s < len(line.cells)):
                for at in range(len(run) - size + 1):
                    for inner in inside.get(run[at : at + size], ()):
                        if inner != outer:
                            yield inner, outer


def _runs(line: Line) -> list[tuple[str, ...]]:
    """The stretches of expected syllables between slots and gaps, in each of their sounds."""
    runs: list[list[tuple[str, ...]]] = [[]]
    for cell in line.cells:
        runs[-1].append(cell.sounds)
        if cell.after:
            runs.append([])
    return [spelt for run in runs if run for spelt in islice(product(*run), SPELLINGS)]
