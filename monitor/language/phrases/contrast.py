"""What a phrase must be told from: the syllables that carry the difference, found by trial.

Every line is laid over a body of sentences that it must not be heard in. Where
one comes within the line's budget, the syllables in which they differ are what
the meaning hangs on (还 in 还有什么可以帮您, beside 请问有什么可以帮您): one of them is made
*keen*, and from then on no other syllable will do for it, only those that sound
nearly the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from monitor.language.normalise import normalise
from monitor.language.phrases.cells import Cell, Line, sharpen
from monitor.language.phrases.costs import ALIKE, EDIT, NEVER, syllable_cost
from monitor.language.pinyin import syllables

PAD = 2
"""Syllables of nothing between two sentences: a phrase may hang over an end by so much."""
ROWS = 256
"""Rows of costs kept: the variants of one phrase share most of theirs."""
WORTH = 8
"""A line whose budget (sixteenths) is smaller forgives no whole syllable: nothing to find."""
FUNCTION = frozenset(
    "的了吗呢吧啊呀嘛哦是在有就也请您你我们他她它咱这那给为帮替和跟与同把让将会一个下部很太挺"
)
"""Syllables that carry no difference in meaning by themselves."""
ALTERNATIVES = (
    "感谢",
    "说讲",
    "搞弄",
    "等候",
    "能可",
    "来致",
    "帮为给替",
    "和跟与",
    "您你",
    "懂明",
)
"""Syllables that stand for one another in many phrases: no difference in meaning."""
_Costs = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Near:
    """A stretch of a sentence that a line would take.

    `sentence` is its number, `cost` in sixteenths, `differs` are the numbers of
    the line's cells for which another syllable, or none, was said.
    """

    sentence: int
    cost: int
    differs: frozenset[int]


class Contrasts:
    """Sentences to be told from, read once; shared by every line that is tried on them.

    What was found for a line is kept: packs are compiled again and again.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = tuple(sentences)
        numbers: dict[str, int] = {"": 0}
        heard: list[int] = [0] * PAD
        home: list[int] = [-1] * PAD
        for number, sentence in enumerate(self.sentences):
            for char, sound in zip(*_read(sentence), strict=True):
                heard.append(numbers.setdefault(sound or char, len(numbers)))
                home.append(number)
            heard += [0] * PAD
            home += [-1] * PAD
        self._sounds = tuple(numbers)
        self._heard = np.array(heard, np.intp)
        self._home = np.array(home, np.intp)
        self._rows: dict[tuple[tuple[str, ...], float], _Costs] = {}
        self._known: dict[Line, tuple[Near, ...]] = {}
        self._distances: dict[tuple[str, ...], npt.NDArray[np.float64]] = {}

    def near(self, line: Line) -> list[Near]:
        """The stretches that the line would take, a sentence's best one only.

        Lines with slots or gaps are not tried: nothing is near them.
        """
        if line.loose or line.exact or line.budget < WORTH or not self.sentences:
            return []
        known = self._known.get(line)
        if known is None:
            known = self._known[line] = self._search(line)
        return list(known)

    def _search(self, line: Line) -> tuple[Near, ...]:
        found: dict[int, Near] = {}
        for at, cost, skipped in self._windows(line):
            near = self._near(line, at, cost, skipped)
            if near is None:
                continue
            best = found.get(near.sentence)
            if best is None or near.cost < best.cost:
                found[near.sentence] = near
        return tuple(found[number] for number in sorted(found))

    def _windows(self, line: Line) -> Iterator[tuple[int, int, int | None]]:
        """(first syllable, cost, cell left out) of every stretch within the line's budget."""
        count, size = len(line.cells), len(self._heard)
        span = size - count + 1
        if span < 1:
            return
        rows = [self._row(cell) for cell in line.cells]
        whole = np.zeros(span, np.uint16)
        before: list[_Costs] = []
        for number, row in enumerate(rows):
            before.append(whole.copy())
            whole += row[number : number + span]
        for at in np.flatnonzero(whole <= line.budget):
            yield int(at), int(whole[at]), None
        behind = np.zeros(span, np.uint16)
        for number in range(count - 1, 0, -1):
            # Cells after `number` stand one syllable further left.
            cost = before[number] + behind + np.uint16(line.cells[number].skip)
            for at in np.flatnonzero((cost <= line.budget) & (cost < whole)):
                yield int(at), int(cost[at]), number
            behind = behind + rows[number][number - 1 : number - 1 + span]

    def _near(self, line: Line, at: int, cost: int, skipped: int | None) -> Near | None:
        count = len(line.cells) - (skipped is not None)
        homes = self._home[at : at + count]
        own = homes[homes >= 0]
        if not own.size or own[0] != own[-1]:
            return None
        differs = set() if skipped is None else {skipped}
        for number, cell in enumerate(line.cells):
            if number == skipped:
                continue
            place = at + number - (skipped is not None and number > skipped)
            heard = int(self._heard[place])
            if self._apart(cell.sounds)[heard] <= ALIKE:
                continue
            if not any(self._sounds[heard] in _instead().get(s, ()) for s in cell.sounds):
                differs.add(number)
        return Near(int(own[0]), cost, frozenset(differs))

    def _row(self, cell: Cell) -> _Costs:
        """What each syllable of the sentences costs where the cell is expected."""
        kind = (cell.sounds, cell.weight)
        row = self._rows.get(kind)
        if row is None:
            if len(self._rows) >= ROWS:
                self._rows.clear()
            apart = self._apart(cell.sounds)
            costs = np.minimum(NEVER, np.rint(EDIT * cell.weight * apart)).astype(np.uint16)
            row = self._rows[kind] = costs[self._heard]
        return row

    def _apart(self, expected: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """How far each distinct sound of the sentences is from the nearest expected one, 0–1."""
        known = self._distances.get(expected)
        if known is None:
            known = np.array(
                [min(_apart(heard, sound) for sound in expected) for heard in self._sounds]
            )
            self._distances[expected] = known
        return known


def keen_cells(line: Line, nears: Iterable[Near]) -> frozenset[int]:
    """The fewest cells that, made keen, tell the line from all of them, the heaviest first.

    A sentence in which nothing differs cannot be told from the line.
    """
    keen: set[int] = set()
    for near in sorted(nears, key=lambda n: (len(n.differs), n.sentence)):
        telling = [at for at in near.differs if not FUNCTION & set(line.cells[at].chars)]
        if telling and not keen & near.differs:
            keen.add(max(telling, key=lambda at: (line.cells[at].weight, -at)))
    return frozenset(keen)


def told_apart(line: Line, nears: Iterable[Near]) -> Line:
    """The line with its keen cells."""
    keen = keen_cells(line, nears)
    return sharpen(line, keen) if keen else line


def _apart(heard: str, expected: str) -> float:
    return syllable_cost(heard, expected) if heard else 1.0


@lru_cache(maxsize=1)
def _instead() -> Mapping[str, frozenset[str]]:
    groups = [frozenset(syllables(char)[0] for char in group) for group in ALTERNATIVES]
    return MappingProxyType({sound: group for group in groups for sound in group})


def _read(sentence: str) -> tuple[str, list[str]]:
    text = normalise(sentence).text
    return text, syllables(text)
