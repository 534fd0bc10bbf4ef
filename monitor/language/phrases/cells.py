"""From a pattern's variant to the cells of the dynamic programme, and its budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from monitor.language.phrases.costs import (
    EDGE,
    EDIT,
    FAR,
    NEGATIONS,
    NEVER,
    PARTICLES,
    REPEAT,
    TONE,
)
from monitor.language.phrases.pattern import Gap, Slot, Variant
from monitor.language.phrases.slots import SLOTS
from monitor.language.pinyin import ANY_TONE, readings
from monitor.language.words import split, surprise

NEGATION_WEIGHT = 1.5
PARTICLE_WEIGHT = 0.25
LIGHTEST, HEAVIEST = 0.8, 1.3

SHORT = 3
"""Phrases of up to this many syllables must stand on word boundaries."""
CURT = 4
"""Alerts of up to this many syllables give way to a courtesy said right before them."""
COURTESY = ("请", "您", "麻烦")

BUDGET = (0.0, 0.0, 0.1, 0.4, 0.7, 1.0, 1.8, 2.1, 2.4)
"""Edits allowed by the number of expected syllables; longer ones get `BUDGET_RATIO` each."""
BUDGET_RATIO = 0.3
BUDGET_MOST = 12.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One expected syllable.

    `sounds` are the accepted readings and `chars` the character of each,
    `tones` a bit set (bit t = tone t accepted; 0 = any). `weight` scales what a
    wrong syllable costs, `skip` is what leaving it out costs in sixteenths.
    `after` are the slots and gaps between this syllable and the next. A `keen`
    syllable carries a difference in meaning: only what sounds nearly like it will do.
    """

    chars: tuple[str, ...]
    sounds: tuple[str, ...]
    tones: int
    weight: float
    skip: int
    after: tuple[Gap | Slot, ...] = ()
    keen: bool = False

    @property
    def text(self) -> str:
        """The accepted characters as one would write them: 了, or 了|过."""
        return "|".join(dict.fromkeys(self.chars))


@dataclass(frozen=True, slots=True)
class Line:
    """A compiled variant: its cells, what stands before the first, its budget in sixteenths."""

    before: tuple[Gap | Slot, ...]
    cells: tuple[Cell, ...]
    budget: int
    text: str
    exact: bool
    words: tuple[tuple[int, ...], ...] = ()  # the cells of each word of several syllables

    @property
    def allowances(self) -> tuple[int, ...]:
        """For each cell, what its stretch between slots and gaps may cost in sixteenths.

        Each stretch must be recognisable by itself: half an edit, or what a phrase of
        its length may cost. Empty for a line of one stretch.
        """
        if not any(cell.after for cell in self.cells[:-1]):
            return ()
        found: list[int] = []
        stretch: list[Cell] = []
        for number, cell in enumerate(self.cells, start=1):
            stretch.append(cell)
            if cell.after or number == len(self.cells):
                spare = sum(c.skip for c in stretch if c.weight == PARTICLE_WEIGHT)
                own = max(EDIT // 2, _budget(_firm(stretch), 0.0, None, exact=False)) + spare
                found += [min(own, self.budget)] * len(stretch)
                stretch = []
        return tuple(found)

    @property
    def firm(self) -> int:
        """Syllables that must really be said."""
        return _firm(self.cells)

    @property
    def short(self) -> bool:
        """Whether it must stand on word boundaries."""
        return self.firm <= SHORT

    @property
    def curt(self) -> bool:
        """Whether a courtesy right before it (请问您…) makes it another sentence."""
        return self.firm <= CURT and not self.text.startswith(COURTESY)

    @property
    def loose(self) -> bool:
        """Whether slots or gaps leave something for the alignment to verify."""
        return bool(self.before) or any(cell.after for cell in self.cells)

    @property
    def trailing(self) -> tuple[Gap | Slot, ...]:
        return self.cells[-1].after

    @property
    def reach(self) -> int:
        """How many units the slots and gaps after the last syllable may take."""
        return sum(SLOTS[p.name].most if isinstance(p, Slot) else p.most for p in self.trailing)

    def similarity(self, cost: int) -> float:
        """0–1 for a cost in sixteenths."""
        return round(max(0.0, 1.0 - cost / EDIT / self.length), 4)

    @property
    def length(self) -> float:
        """Weighted number of expected syllables: the denominator of the similarity."""
        return sum(cell.weight for cell in self.cells)


def compile_line(variant: Variant, likeness: float | None, *, exact: bool) -> Line:
    """Readings in context, weights and the budget of one variant."""
    said = "".join(piece[0] for piece in variant if isinstance(piece, str))
    weights = _weights(said)
    before: list[Gap | Slot] = []
    cells: list[Cell] = []
    at = 0
    for piece in variant:
        if isinstance(piece, str):
            cells.append(_cell(piece, said, at, weights[at]))
            at += 1
        elif not cells:
            before.append(piece)
        else:
            cells[-1] = replace(cells[-1], after=(*cells[-1].after, piece))
    _edges(cells)
    length = sum(cell.weight for cell in cells)
    return Line(
        tuple(before),
        tuple(cells),
        _budget(_firm(cells), length, likeness, exact=exact),
        said,
        exact,
        _word_cells(said),
    )


def sharpen(line: Line, keen: Iterable[int]) -> Line:
    """The line with these cells (by number) keen: never left out, never another syllable."""
    cells = list(line.cells)
    for at in keen:
        cells[at] = replace(cells[at], keen=True, skip=NEVER)
    return replace(line, cells=tuple(cells))


def _cell(choice: str, said: str, at: int, weight: float) -> Cell:
    """The cell of the syllable at `at`, read in the context of the rest."""
    chars: dict[str, str] = {}
    tones, toned = 0, True
    for char in choice:
        row = readings(said[:at] + char + said[at + 1 :])[at]
        for reading in row:
            chars.setdefault(reading.syllable, char)
            if reading.syllable == row[0].syllable:  # of the likeliest reading
                tones |= 1 << reading.tone
        if not row:
            chars.setdefault(char, char)
        toned = toned and bool(row) and all(r.tone != ANY_TONE for r in row)
    # A letter (5G, VIP) is the name of something: no other syllable will do.
    keen = choice[0].isascii() and choice[0].isalpha()
    skip = NEVER if keen else min(NEVER, round(EDIT * weight))
    return Cell(tuple(chars.values()), tuple(chars), tones if toned else 0, weight, skip, keen=keen)


def _edges(cells: list[Cell]) -> None:
    """Leaving out the first or last syllable that matters is dear; a reduplication is cheap."""
    for at, (left, cell) in enumerate(pairwise(cells), start=1):
        if left.sounds == cell.sounds and not left.after and cell.weight > PARTICLE_WEIGHT:
            cells[at] = replace(cell, skip=REPEAT)
    solid = [at for at, cell in enumerate(cells) if cell.weight > PARTICLE_WEIGHT]
    for at in {solid[0], solid[-1]} if solid else set():
        if cells[at].skip > REPEAT:
            cells[at] = replace(cells[at], skip=min(NEVER, round(EDGE * cells[at].weight)))


def _weights(text: str) -> list[float]:
    """How much each character matters: rarer words more, negations most, final particles little.

    The evidence a heard syllable gives for a phrase is the information in it;
    a common word (你 有没有) proves little. Scaled to a mean of one.
    """
    words = split(text)
    bits = [surprise(word) / len(word) for word in words for _ in word]
    homes = [word for word in words for _ in word]
    mean = sum(bits) / len(bits)
    weights: list[float] = []
    for char, bit, word in zip(text, bits, homes, strict=True):
        weight = min(HEAVIEST, max(LIGHTEST, bit / mean))
        if char in PARTICLES and word == char and len(text) > 1:
            weight = PARTICLE_WEIGHT
        elif char in NEGATIONS and (char in "不没" or word == char):
            weight = max(weight, NEGATION_WEIGHT)
        weights.append(weight if weight == PARTICLE_WEIGHT else round(weight, 1))
    if sum(weight > PARTICLE_WEIGHT for weight in weights) <= SHORT:
        # A short phrase has nothing to spare: no syllable of it is light.
        return [w if w == PARTICLE_WEIGHT else max(1.0, w) for w in weights]
    return weights


def _word_cells(text: str) -> tuple[tuple[int, ...], ...]:
    """The cells of each word of two or three syllables; longer ones are two words and more."""
    found: list[tuple[int, ...]] = []
    at = 0
    for word in split(text):
        cells = range(at, at + len(word))
        if len(word) in (2, 3):
            found.append(tuple(cells))
        elif len(word) > 3:
            found += [tuple(cells[n : n + 2]) for n in range(0, len(word) - 1, 2)]
        at += len(word)
    return tuple(found)


def _firm(cells: Sequence[Cell]) -> int:
    """Syllables that must really be said: particles and reduplications do not count."""
    return sum(cell.weight > PARTICLE_WEIGHT and cell.skip > REPEAT for cell in cells)


def _budget(count: int, length: float, likeness: float | None, *, exact: bool) -> int:
    tones = TONE * count  # homophones in any tone are always allowed
    if exact:
        return tones  # `align.faithful` refuses the rest
    if likeness is not None:
        edits = (1.0 - likeness) * length
        return min(FAR - 1, max(tones, round(EDIT * min(edits, BUDGET_MOST))))
    edits = BUDGET[count] if count < len(BUDGET) else BUDGET_RATIO * count
    return min(FAR - 1, round(EDIT * min(edits, BUDGET_MOST)))
