"""All paths of a spotter as one trie, in the arrays that token passing needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from monitor.asr.ctc.keyword_paths import Node, Path

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Trie:
    """Immutable. Nodes are numbered level by level; number `count` stands for the root.

    Args:
        paths: each with the number of its owner.
        floors: for each path the score, in nats, below which it is of no interest.
        blank: index of the blank among the network's classes.

    Attributes:
        parents: node → its parent.
        first_kid, kids: node → the first of its children, and how many there are.
        roots: the nodes that begin a path.
        sound: node → which set of classes it is heard as; `sounds` gives their scores.
        gap_frames, least: as in `Node`.
        repeats: node → whether a blank must part it from its parent.
        bounds: node → the least score with which it is worth being in.
        ending: node → the paths that end there; `is_end` whether there are any.
        last: path → its last node.
        passing: owner → the nodes of its paths but the last ones.
    """

    def __init__(
        self, paths: Sequence[tuple[int, Path]], floors: Sequence[float], blank: int
    ) -> None:
        children: list[dict[Node, int]] = [{}]  # of the root, then of each node + 1
        parents: list[int] = []
        steps: list[Node] = []
        ends: list[int] = []
        for _, path in paths:
            at = 0
            for step in path:
                if step not in children[at]:
                    children[at][step] = len(children)
                    children.append({})
                    parents.append(at - 1)
                    steps.append(step)
                at = children[at][step]
            ends.append(at - 1)
        order = _by_level(children)
        moved = {old: new for new, old in enumerate(order)}
        moved[-1] = self.count = len(order)
        steps = [steps[old] for old in order]
        kids = [[moved[kid - 1] for kid in children[old + 1].values()] for old in order]
        self.parents = _ints(moved[parents[old]] for old in order)
        self.first_kid = _ints(min(own, default=0) for own in kids)
        self.kids = _ints(len(own) for own in kids)
        self.roots = _ints(range(len(children[0])))
        self.gap_frames = _ints(step.gap_frames for step in steps)
        self.least = np.array([step.least for step in steps], dtype=np.float32)
        # A unit repeated must be separated by a blank, or CTC joins the two.
        self.repeats = np.array(
            [
                parent < self.count and bool(set(step.classes) & set(steps[parent].classes))
                for parent, step in zip(self.parents.tolist(), steps, strict=True)
            ],
            dtype=bool,
        )
        sets: dict[tuple[int, ...], int] = {}
        self.sound = _ints(sets.setdefault(step.classes or (blank,), len(sets)) for step in steps)
        self._flat = _ints(index for row in sets for index in row)
        self._offsets = np.cumsum([0, *[len(row) for row in sets][:-1]], dtype=np.int64)
        self.last = [moved[end] for end in ends]
        self.ending: dict[int, list[int]] = {}
        self.bounds = np.zeros(self.count, dtype=np.float32)
        passing: dict[int, set[int]] = {owner: set() for owner, _ in paths}
        for number, ((owner, _), floor) in enumerate(zip(paths, floors, strict=True)):
            node = self.last[number]
            self.ending.setdefault(node, []).append(number)
            self.bounds[node] = min(self.bounds[node], floor)
            while (node := int(self.parents[node])) < self.count:
                self.bounds[node] = min(self.bounds[node], floor)
                passing[owner].add(node)
        self.passing = {owner: _ints(sorted(nodes)) for owner, nodes in passing.items()}
        self.is_end = np.zeros(self.count, dtype=bool)
        self.is_end[list(self.ending)] = True

    def sounds(self, row: Floats) -> Floats:
        """The scores of all sets of classes in a frame [classes]."""
        scores: Floats = np.maximum.reduceat(row[self._flat], self._offsets)
        return scores


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int64)


def _by_level(children: Sequence[dict[Node, int]]) -> list[int]:
    """The nodes in an order in which those of one parent stand side by side."""
    order: list[int] = []
    level = [0]
    while level:
        following = [kid for at in level for kid in children[at].values()]
        order += [kid - 1 for kid in following]
        level = following
    return order
