"""Phrases spotted directly in the posteriors, before anything is decoded.

All phrases form one trie of syllables. In every frame tokens (in the sense of
Young et al. 1989, "Token passing") move along it by the rules of CTC; a token
starts anew in each frame with score 0. Scores are log-likelihood ratios: per
frame the log-probability of the token's unit less that of the frame's best
unit, so a phrase spoken exactly as the network hears best costs nothing, and a
syllable that was heard as another costs what separates the two. The score of
a phrase is its best token's, divided by its syllables.

Patterns are those of the matcher: optional parts, alternatives, gaps and
slots. A gap or slot passes anything over for a bounded time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from monitor.asr.decode import Posteriors
from monitor.asr.inventory import Inventory
from monitor.rules.match.pattern import Gap, Slot, Variant, is_regex, parse
from monitor.rules.match.values import Phrase
from monitor.text.pinyin import readings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

FLOOR = -12.0
"""Least score of a frame, in nats: what a syllable costs that was not heard at all.
On Common Voice dev with the FSMN model, recall of 4-syllable phrases at 0.05 false alarms
per hour and phrase: 0.80 with a floor of -5, 0.84 with -7, 0.90 with -9 and -12."""

GAP_FRAMES = 10
"""Frames per syllable that a gap or slot may last (300 ms at 30 ms per frame)."""

SLOT_SYLLABLES = 12
"""Most syllables of a slot; its content is checked by whoever reads the tokens."""

SLOWEST = 25
"""Frames per syllable above which a phrase has not been said in one go (750 ms)."""

PEAK_FRAMES = 4
"""Frames without a better score after which a finding is reported."""

_THRESHOLDS = (0.0, -0.2, -0.5, -0.9, -1.4, -1.9, -2.35)
"""By syllables. Four and six measured for 0.05 false alarms per hour and phrase with the
embedded model (`benchmarks/spotting.py`); `calibrate` finds better ones for a model and its
phrases. Below four, cautious: so short a phrase is found in any talk."""

_MOST_PATHS = 256
_NEVER = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a path: the classes that will do, or a gap of so many frames."""

    classes: tuple[int, ...]
    characters: str = ""
    sound: str = ""
    gap_frames: int = 0
    slot: str = ""


Path = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Spotted:
    """A phrase found in a stretch; frames count from its beginning.

    `score` is in nats per syllable, 0 at best; `spans` are the first and last
    frame of each step of the `path` that was found.
    """

    phrase: Phrase
    path: Path
    score: float
    threshold: float
    spans: tuple[tuple[int, int], ...]
    scores: tuple[float, ...]  # of each step in its best frame

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]


@dataclass(slots=True)
class _Rising:
    """The best so far of a phrase that is being said."""

    path: int
    start: int
    end: int
    score: float


class Spotter:
    """The compiled phrases; immutable, shared by streams.

    Args:
        phrases: regular expressions (`/…/`) among them are ignored, as are
            variants with a syllable that the network has no class for.
        inventory: the network's classes.
        thresholds: nats per syllable from which a phrase counts as found, by
            key; `threshold` gives those of the others.
    """

    def __init__(
        self,
        phrases: Iterable[Phrase],
        inventory: Inventory,
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        self.blank = inventory.blank
        self.paths: list[tuple[Phrase, Path]] = []
        limits: list[float] = []
        number = {name: index for index, name in enumerate(inventory.classes)}
        for phrase in phrases:
            if is_regex(phrase.text):
                continue
            found = dict.fromkeys(
                path for variant in parse(phrase.text) for path in _paths(variant, number)
            )
            for path in list(found)[:_MOST_PATHS]:
                self.paths.append((phrase, path))
                own = (thresholds or {}).get(phrase.key)
                limits.append(threshold(syllables(path)) if own is None else own)
        paths = [path for _, path in self.paths]
        self.thresholds = np.array(limits, dtype=np.float32)
        self.lengths = np.array([syllables(path) for path in paths], dtype=np.float32)
        self.limits = [
            syllables(path) * SLOWEST + sum(step.gap_frames for step in path) for path in paths
        ]
        self.longest = max(self.limits, default=0) + PEAK_FRAMES + 1
        self._build()

    def stream(self) -> SpottingStream:
        """State for one stretch."""
        return SpottingStream(self)

    def best_scores(self, posteriors: Posteriors) -> Floats:
        """The best score of each path anywhere in a stretch, in nats per syllable; for calibration.

        Args:
            posteriors: log-probabilities [frames, classes] of the whole stretch.
        """
        stream = self.stream()
        best = np.full(len(self.paths), _NEVER, dtype=np.float32)
        for row in posteriors:
            np.maximum(best, stream.scores(row), out=best)
        return best

    def _build(self) -> None:
        """The trie as arrays; the last entry of every array is the root's."""
        nodes: list[tuple[int, Node]] = []  # (parent, step)
        known: dict[tuple[int, Node], int] = {}
        ends: list[int] = []
        for _, path in self.paths:
            at = -1
            for step in path:
                key = (at, step)
                if key not in known:
                    known[key] = len(nodes)
                    nodes.append(key)
                at = known[key]
            ends.append(at)
        self.count = len(nodes)
        self.ends = np.array(ends, dtype=np.int64)
        self.parents = np.array([parent for parent, _ in nodes], dtype=np.int64)
        self.gap_frames = np.array([step.gap_frames for _, step in nodes], dtype=np.int64)
        classes = [step.classes or (self.blank,) for _, step in nodes]
        self.flat = np.array([c for row in classes for c in row], dtype=np.int64)
        lengths = [len(row) for row in classes]
        self.offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        # A unit repeated must be separated by a blank, or CTC joins the two.
        self.repeats = np.array(
            [
                parent >= 0 and bool(set(step.classes) & set(nodes[parent][1].classes))
                for parent, step in nodes
            ],
            dtype=bool,
        )


class SpottingStream:
    """Finds the phrases of one speech stretch."""

    def __init__(self, spotter: Spotter) -> None:
        self._spotter = spotter
        size = spotter.count + 1
        self._sounding = np.full(size, _NEVER, dtype=np.float32)  # tokens within a syllable
        self._resting = np.full(size, _NEVER, dtype=np.float32)  # tokens in the blank after it
        self._began = np.zeros(size, dtype=np.int64)
        self._rest_began = np.zeros(size, dtype=np.int64)
        self._entered = np.zeros(size, dtype=np.int64)  # when a gap's token came in
        self._rising: dict[str, _Rising] = {}  # by key
        self._reported: dict[str, int] = {}  # by key: the last frame of what was reported
        self._rows: deque[Floats] = deque(maxlen=spotter.longest)
        self._frame = -1  # the one in work

    def feed(self, posteriors: Posteriors) -> list[Spotted]:
        """Findings that these frames [frames, classes] settle, in order of their end."""
        found: list[Spotted] = []
        if not self._spotter.paths:
            return found
        for row in posteriors:
            self._rise(self.scores(row))
            found += self._report([r for r in self._rising.items() if self._has_peaked(r[1])])
        return found

    def scores(self, row: Floats) -> Floats:
        """Take one frame; the score of each path if it ended here, in nats per syllable."""
        spotter = self._spotter
        relative = np.maximum(row - row.max(), np.float32(FLOOR))
        self._rows.append(relative)
        self._frame += 1
        self._advance(relative)
        scores: Floats = self._sounding[spotter.ends] / spotter.lengths
        return scores

    def finish(self) -> list[Spotted]:
        """The stretch is over: what was still rising."""
        return self._report(list(self._rising.items()))

    def _advance(self, row: Floats) -> None:
        spotter = self._spotter
        heard = np.maximum.reduceat(row[spotter.flat], spotter.offsets)
        gap = spotter.gap_frames > 0
        heard[gap] = 0.0
        sounding, resting = self._sounding[:-1], self._resting[:-1]
        parents = spotter.parents
        # From the parent's blank, or straight from its syllable; from the root at any time.
        self._resting[-1], self._rest_began[-1] = 0.0, self._frame
        arriving = self._resting[parents]
        began = self._rest_began[parents]
        direct = np.where(spotter.repeats, _NEVER, self._sounding[parents])
        nearer = direct > arriving
        arriving = np.where(nearer, direct, arriving)
        began = np.where(nearer, self._began[parents], began)
        # Gaps end in time.
        worn_out = gap & (self._frame - self._entered[:-1] >= spotter.gap_frames)
        staying = np.where(worn_out, _NEVER, sounding)
        comes = arriving > staying
        entered = np.where(comes, self._frame, self._entered[:-1])
        next_sounding = np.where(comes, arriving, staying) + heard
        next_began = np.where(comes, began, self._began[:-1])
        # The blank after a syllable. A gap needs none: it passes blanks over itself.
        later = sounding > resting
        next_resting = np.where(later, sounding, resting) + row[spotter.blank]
        next_rest_began = np.where(later, self._began[:-1], self._rest_began[:-1])
        next_resting[gap] = _NEVER
        self._sounding[:-1], self._began[:-1] = next_sounding, next_began
        self._resting[:-1], self._rest_began[:-1] = next_resting, next_rest_began
        self._entered[:-1] = entered

    def _rise(self, scores: Floats) -> None:
        """Note phrases that end in this frame better than before."""
        spotter = self._spotter
        for number in np.flatnonzero(scores >= spotter.thresholds).tolist():
            key = spotter.paths[number][0].key
            start = int(self._began[spotter.ends[number]])
            if self._frame - start >= spotter.limits[number]:
                continue
            if start <= self._reported.get(key, -1):
                continue
            known = self._rising.get(key)
            score = float(scores[number])
            if known is None or score > known.score:
                self._rising[key] = _Rising(number, start, self._frame, score)

    def _has_peaked(self, rising: _Rising) -> bool:
        return self._frame - rising.end >= PEAK_FRAMES

    def _report(self, peaked: Sequence[tuple[str, _Rising]]) -> list[Spotted]:
        found = []
        for key, rising in peaked:
            del self._rising[key]
            self._reported[key] = rising.end
            phrase, path = self._spotter.paths[rising.path]
            oldest = self._frame + 1 - len(self._rows)
            rows = np.stack(list(self._rows)[rising.start - oldest : rising.end + 1 - oldest])
            spans = align(rows, path, self._spotter.blank)
            best = tuple(
                float(rows[first : last + 1, list(step.classes)].max()) if step.classes else 0.0
                for step, (first, last) in zip(path, spans, strict=True)
            )
            moved = tuple((first + rising.start, last + rising.start) for first, last in spans)
            limit = float(self._spotter.thresholds[rising.path])
            found.append(Spotted(phrase, path, rising.score, limit, moved, best))
        return sorted(found, key=lambda f: (f.end, f.phrase.key))


def align(rows: Floats, path: Path, blank: int) -> list[tuple[int, int]]:
    """First and last frame of each step of a path that fills `rows` from end to end.

    Args:
        rows: scores [frames, classes] of the frames from the path's first to its last.
    """
    count = len(path)
    heard = np.stack(
        [
            rows[:, list(step.classes)].max(axis=1) if step.classes else rows[:, 0] * 0
            for step in path
        ]
    )
    # States 0, 2, 4 … are the steps, 1, 3, … the blanks between them.
    score = np.full(2 * count - 1, -np.inf)
    score[0] = heard[0, 0]
    came: list[list[int]] = []
    for frame in range(1, len(rows)):
        before, score = score, np.full_like(score, -np.inf)
        back = []
        for state in range(2 * count - 1):
            step, resting = divmod(state, 2)
            sources = [state]
            if state >= 1:
                sources.append(state - 1)
            if (
                not resting
                and state >= 2
                and not set(path[step].classes) & set(path[step - 1].classes)
            ):
                sources.append(state - 2)
            best = max(sources, key=lambda source: before[source])
            own = rows[frame, blank] if resting else heard[step, frame]
            score[state] = before[best] + own
            back.append(best)
        came.append(back)
    states = [2 * count - 2]
    for back in reversed(came):
        states.append(back[states[-1]])
    states.reverse()
    spans = []
    for step in range(count):
        frames = [at for at, state in enumerate(states) if state == 2 * step]
        spans.append((frames[0], frames[-1]))
    return spans


def syllables(path: Path) -> int:
    """How many syllables of a path must be heard."""
    return sum(not step.gap_frames for step in path)


def threshold(count: int) -> float:
    """Nats per syllable from which a phrase of `count` syllables counts as found.

    Long phrases bear more doubt per syllable for the same rate of false alarms.
    """
    return _THRESHOLDS[min(count, len(_THRESHOLDS) - 1)]


def _paths(variant: Variant, number: Mapping[str, int]) -> Iterator[Path]:
    """The ways through a variant: with and without each gap; none if a sound is unknown."""
    said = "".join(piece[0] for piece in variant if isinstance(piece, str))
    rows = readings(said)
    choices: list[tuple[tuple[Node, ...], ...]] = []
    at = 0
    for piece in variant:
        match piece:
            case Gap(most=most):
                choices.append(((), (Node((), gap_frames=most * GAP_FRAMES),)))
            case Slot(name=name):
                step = Node((), gap_frames=SLOT_SYLLABLES * GAP_FRAMES, slot=name)
                choices.append(((step,),))
            case str():
                sounds = dict.fromkeys(
                    reading.syllable
                    for char in piece
                    for reading in (rows[at] if char == said[at] else readings(char)[0])
                )
                classes = tuple(number[sound] for sound in sounds if sound in number)
                if not classes:
                    return
                choices.append(((Node(classes, piece, "|".join(sounds)),),))
                at += 1
    for way in product(*choices):
        path = tuple(step for part in way for step in part)
        # What lies at the ends is open: it cannot be scored, only what stands within.
        while path[-1].gap_frames:
            path = path[:-1]
        while path[0].gap_frames:
            path = path[1:]
        yield path
