"""Patterns of the rules as paths through a network's classes, for spotting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from monitor.language.phrases.costs import NEGATIONS, PARTICLES
from monitor.language.phrases.pattern import Gap, Slot, Variant, is_regex, parse
from monitor.language.pinyin import readings

GAP_FRAMES = 10
"""Frames per syllable that a gap or slot may last (300 ms at 30 ms per frame)."""

SLOT_SYLLABLES = 12
"""Most syllables of a slot; its content is checked by whoever reads the tokens."""

SLOWEST = 25
"""Frames per syllable above which a phrase has not been said in one go (750 ms)."""

MOST_PATHS = 256

HEARD = -5.0
"""Nats behind the frame's best up to which a syllable can be taken for heard at all. On Common
Voice dev, recall of phrases of 4 / 6 / 8 syllables at 1.5 nats per syllable beside the text
matching: 0.85 / 0.91 / 0.92 without, 0.84 / 0.91 / 0.91 with it, 0.83 / 0.90 / 0.90 with -4."""

HEARD_NEGATION = -2.0
"""The same for 不, 没 and the like: a phrase must not be found where its negation was said."""


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a path: the classes that will do, or a gap of so many frames.

    `least` is how far behind the best, in nats, a class may be where it begins.
    """

    classes: tuple[int, ...]
    characters: str = ""
    gap_frames: int = 0
    least: float = HEARD


Path = tuple[Node, ...]


def paths_of(
    pattern: str, number: Mapping[str, int], heard: float = HEARD, negation: float = HEARD_NEGATION
) -> tuple[Path, ...]:
    """The ways to say a pattern, `MOST_PATHS` at most.

    None for a regular expression; a way with a syllable that the network has
    no class for is left out.

    Args:
        number: index of each class (toneless syllable).
        heard: nats behind the best up to which a syllable may be; `negation` one that negates.

    Raises:
        PatternError: bad pattern syntax.
    """
    if is_regex(pattern):
        return ()
    found: dict[Path, None] = {}
    for variant in parse(pattern):
        for path in _ways(variant, number, (heard, negation)):
            if len(found) == MOST_PATHS:
                return tuple(found)
            found[path] = None
    return tuple(found)


def syllables(path: Path) -> int:
    """How many syllables of a path must be heard."""
    return sum(not step.gap_frames for step in path)


def firm(path: Path) -> int:
    """How many of them carry it: particles at the end do not."""
    said = [step.characters for step in path if not step.gap_frames]
    while said and said[-1] in PARTICLES:
        said.pop()
    return len(said)


def longest(path: Path) -> int:
    """Frames that a path may last at most."""
    return syllables(path) * SLOWEST + sum(step.gap_frames for step in path)


def _ways(
    variant: Variant, number: Mapping[str, int], least: tuple[float, float]
) -> Iterator[Path]:
    """The ways through a variant: with and without each gap; none if a sound is unknown."""
    said = "".join(piece[0] for piece in variant if isinstance(piece, str))
    rows = readings(said)
    choices: list[tuple[tuple[Node, ...], ...]] = []
    at = 0
    for piece in variant:
        match piece:
            case Gap(most=most):
                choices.append(((), (Node((), gap_frames=most * GAP_FRAMES),)))
            case Slot():
                choices.append(((Node((), gap_frames=SLOT_SYLLABLES * GAP_FRAMES),),))
            case str():
                sounds = dict.fromkeys(
                    reading.syllable
                    for char in piece
                    for reading in (rows[at] if char == said[at] else readings(char)[0])
                )
                classes = tuple(number[sound] for sound in sounds if sound in number)
                if not classes:
                    return
                own = least[NEGATIONS.issuperset(piece)]
                choices.append(((Node(classes, piece, least=own),),))
                at += 1
    for way in product(*choices):
        path = tuple(step for part in way for step in part)
        # What lies at the ends is open: it cannot be scored, only what stands within.
        while path[-1].gap_frames:
            path = path[:-1]
        while path[0].gap_frames:
            path = path[1:]
        yield path
