"""Phrases spotted directly in the posteriors, before anything is decoded.

All phrases form one trie of syllables. In every frame tokens (in the sense of
Young et al. 1989, "Token passing") move along it by the rules of CTC; a token
starts anew in each frame with score 0. Scores are log-likelihood ratios: per
frame the log-probability of the token's unit less that of the frame's best
unit, so a phrase spoken exactly as the network hears best costs nothing, and a
syllable that was heard as another costs what separates the two. The score of
a phrase is its best token's.

Scores only fall along a path, so a token that no phrase it may become can
afford is dropped: the work grows with what is being said, not with the number
of phrases, and nothing is missed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.asr.ctc.decode import Posteriors
from monitor.asr.ctc.keyword_paths import Path, firm, longest, syllables
from monitor.asr.ctc.keyword_trie import Floats, Ints, Trie

FLOOR = -12.0
"""Least score of a frame, in nats."""

PEAK_FRAMES = 4
"""Frames without a better score after which a finding is certain."""

PROTECTION = 6.0
"""Nats by which a protecting phrase may score worse than what it protects from: one syllable
of it may hardly have been heard. It is cheaper to miss an alert than to accuse."""

HOLD_FRAMES = 33
"""Frames (1 s) that a finding waits at most for a protecting phrase under way. The rules
look back 1.5 s."""

LEAST_SYLLABLES = 4
"""Shorter phrases are left to the text, which looks at the word boundaries beside them."""

_COVERS = 4
_NEVER = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class Target:
    """A pattern as it is spotted.

    `limit` is the least score, in nats over the whole phrase, of a finding;
    None where the pattern only protects. `protected_by` are the patterns that
    take its place where they were said.
    """

    text: str
    paths: tuple[Path, ...]
    limit: float | None
    protected_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase found in a stretch: its first and last frame, counted from the beginning.

    `score` and `limit` are in nats over the `syllables` of the path that was found.
    """

    text: str
    start: int
    end: int
    score: float
    limit: float
    syllables: int

    @property
    def per_syllable(self) -> float:
        return self.score / self.syllables


class Spotter:
    """The compiled phrases; immutable, shared by streams.

    Args:
        targets: what to listen for.
        blank: index of the blank among the network's classes.
        least: syllables of the shortest phrase that is told.
    """

    def __init__(self, targets: Sequence[Target], blank: int, least: int = LEAST_SYLLABLES) -> None:
        self.blank = blank
        self.least = least
        self.targets = tuple(targets)
        floors = _floors(self.targets)
        self.paths: list[tuple[int, Path]] = [
            (number, path) for number, target in enumerate(targets) for path in target.paths
        ]
        self.longest = [longest(path) for _, path in self.paths]
        number = {target.text: at for at, target in enumerate(targets) if target.paths}
        self.protectors = [
            sorted(number[text] for text in target.protected_by if text in number)
            for target in targets
        ]
        protecting = {other for others in self.protectors for other in others}
        self.protects = [at in protecting for at in range(len(targets))]
        self.trie = Trie(self.paths, [floors[number] for number, _ in self.paths], blank)

    def stream(self) -> SpottingStream:
        """State for one stretch."""
        return SpottingStream(self)

    def best_scores(self, posteriors: Posteriors) -> Floats:
        """The best score of each target anywhere in a stretch, in nats; for calibration.

        Those below the targets' limits are not exact, but below them too.

        Args:
            posteriors: log-probabilities [frames, classes] of the whole stretch.
        """
        stream = self.stream()
        best = np.full(len(self.targets), _NEVER, dtype=np.float32)
        for row in posteriors:
            for said in stream.advance(row):
                target = self.paths[said.path][0]
                best[target] = max(best[target], said.score)
        return best

    def best(self, posteriors: Posteriors) -> list[Finding]:
        """Where each told target fits best in a few seconds, if within its limit.

        Left out where a protecting target fits about as well over half of it.

        Args:
            posteriors: log-probabilities [frames, classes].
        """
        stream = self.stream()
        found: dict[int, _Said] = {}
        covers: dict[int, list[_Said]] = {}
        for row in posteriors:
            for said in stream.advance(row):
                number, path = self.paths[said.path]
                if said.end - said.start >= self.longest[said.path]:
                    continue
                if self.protects[number]:
                    covers.setdefault(number, []).append(said)
                limit = self.targets[number].limit
                if limit is None or said.score < limit or firm(path) < self.least:
                    continue
                known = found.get(number)
                if known is None or self.per_syllable(said) > self.per_syllable(known):
                    found[number] = said
        return [
            self.finding(number, said)
            for number, said in sorted(found.items())
            if not any(
                _covers(cover, said)
                for other in self.protectors[number]
                for cover in covers.get(other, ())
            )
        ]

    def per_syllable(self, said: _Said) -> float:
        """Nats per syllable of the path that was found."""
        return said.score / syllables(self.paths[said.path][1])

    def finding(self, number: int, said: _Said) -> Finding:
        """What is told of a target that was found."""
        target = self.targets[number]
        assert target.limit is not None
        count = syllables(self.paths[said.path][1])
        return Finding(target.text, said.start, said.end, said.score, target.limit, count)


def _covers(cover: _Said, said: _Said) -> bool:
    """Whether a protecting pattern was said over half of it, and about as clearly."""
    common = min(cover.end, said.end) - max(cover.start, said.start) + 1
    return 2 * common >= said.end - said.start + 1 and cover.score >= said.score - PROTECTION


def _floors(targets: Sequence[Target]) -> list[float]:
    """The score below which each target is of no interest, not even as a protection."""
    floors = {t.text: (0.0 if t.limit is None else t.limit) for t in targets}
    for target in targets:
        for text in target.protected_by & floors.keys():
            if target.limit is not None:
                floors[text] = min(floors[text], target.limit - PROTECTION)
    return [floors[target.text] for target in targets]


@dataclass(frozen=True, slots=True)
class _Said:
    """A path that may end in a frame; `score` in nats."""

    path: int
    start: int
    end: int
    score: float


class SpottingStream:
    """Finds the phrases of one speech stretch."""

    def __init__(self, spotter: Spotter) -> None:
        self._spotter = spotter
        size = spotter.trie.count + 1
        self._sounding = np.full(size, _NEVER, dtype=np.float32)  # tokens within a syllable
        self._resting = np.full(size, _NEVER, dtype=np.float32)  # tokens in the blank after it
        self._began = np.zeros(size, dtype=np.int64)
        self._rest_began = np.zeros(size, dtype=np.int64)
        self._entered = np.zeros(size, dtype=np.int64)  # when a gap's token came in
        self._live = np.empty(0, dtype=np.int64)  # nodes with a token
        self._chosen = np.zeros(spotter.trie.count, dtype=bool)
        self._rising: dict[int, _Said] = {}  # by target: the best so far of what is being said
        self._reported: dict[int, int] = {}  # by target: the last frame of what was reported
        self._covers: dict[int, deque[_Said]] = {}  # by target: what may protect others
        self._frame = -1  # the one in work

    def feed(self, posteriors: Posteriors) -> list[Finding]:
        """Findings that these frames [frames, classes] settle, in order of their end."""
        found: list[Finding] = []
        if not self._spotter.paths:
            return found
        for row in posteriors:
            for said in self.advance(row):
                self._note(said)
            if self._rising:
                found += self._report(
                    [n for n, said in self._rising.items() if self._certain(n, said)]
                )
        return found

    def finish(self) -> list[Finding]:
        """The stretch is over: what was still rising."""
        return self._report(list(self._rising))

    def advance(self, row: Floats) -> list[_Said]:
        """Take one frame of log-probabilities [classes]; the paths that may end in it."""
        trie = self._spotter.trie
        self._frame += 1
        row = np.maximum(row - row.max(), np.float32(FLOOR))
        heard = trie.sounds(row)
        at = self._candidates(heard)
        if not len(at):
            return []
        sound = heard[trie.sound[at]]
        gap_frames = trie.gap_frames[at]
        gap = gap_frames > 0
        sound[gap] = 0.0
        sounding, resting, parents = self._sounding[at], self._resting[at], trie.parents[at]
        # From the parent's blank, or straight from its syllable; from the root at any time.
        self._resting[-1], self._rest_began[-1] = 0.0, self._frame
        arriving, began = self._resting[parents], self._rest_began[parents]
        direct = np.where(trie.repeats[at], _NEVER, self._sounding[parents])
        nearer = direct > arriving
        arriving = np.where(nearer, direct, arriving)
        began = np.where(nearer, self._began[parents], began)
        arriving[(sound < trie.least[at]) & ~gap] = _NEVER
        # Gaps end in time.
        worn_out = gap & (self._frame - self._entered[at] >= gap_frames)
        staying = np.where(worn_out, _NEVER, sounding)
        comes = arriving > staying
        next_sounding = np.where(comes, arriving, staying) + sound
        # The blank after a syllable. A gap needs none: it passes blanks over itself.
        next_resting = np.maximum(sounding, resting) + row[self._spotter.blank]
        next_resting[gap] = _NEVER
        bounds = trie.bounds[at]
        next_sounding[next_sounding < bounds] = _NEVER
        next_resting[next_resting < bounds] = _NEVER
        self._rest_began[at] = np.where(sounding > resting, self._began[at], self._rest_began[at])
        self._began[at] = np.where(comes, began, self._began[at])
        self._entered[at] = np.where(comes, self._frame, self._entered[at])
        self._sounding[at], self._resting[at] = next_sounding, next_resting
        alive = next_sounding > _NEVER
        self._live = at[alive | (next_resting > _NEVER)]
        return [
            _Said(path, int(self._began[node]), self._frame, float(self._sounding[node]))
            for node in at[alive & trie.is_end[at]].tolist()
            for path in trie.ending[node]
        ]

    def _candidates(self, heard: Floats) -> Ints:
        """The nodes that have a token, or may get one in this frame."""
        trie, live = self._spotter.trie, self._live
        roots = trie.roots
        sound = heard[trie.sound[roots]]
        firsts = roots[sound >= np.maximum(trie.least[roots], trie.bounds[roots])]
        if not len(live):
            return firsts
        first, count = trie.first_kid[live], trie.kids[live]
        total = int(count.sum())
        kids = np.repeat(first - np.cumsum(count) + count, count) + np.arange(total)
        chosen = self._chosen
        chosen[live] = chosen[kids] = chosen[firsts] = True
        at = np.flatnonzero(chosen)
        chosen[at] = False
        return at

    # -- from scores to findings ------------------------------------------------

    def _note(self, said: _Said) -> None:
        """Keep the best of a target."""
        spotter = self._spotter
        number, path = spotter.paths[said.path]
        if said.end - said.start >= spotter.longest[said.path]:
            return
        if spotter.protects[number]:
            self._cover(number, said)
        limit = spotter.targets[number].limit
        if limit is None or said.score < limit or firm(path) < spotter.least:
            return
        if said.start <= self._reported.get(number, -1):
            return
        known = self._rising.get(number)
        if known is None or spotter.per_syllable(said) > spotter.per_syllable(known):
            self._rising[number] = said

    def _cover(self, number: int, said: _Said) -> None:
        covers = self._covers.setdefault(number, deque(maxlen=_COVERS))
        if covers and said.start <= covers[-1].end:
            if said.score > covers[-1].score:
                covers[-1] = said
        else:
            covers.append(said)

    def _certain(self, number: int, said: _Said) -> bool:
        passed = self._frame - said.end
        if passed < PEAK_FRAMES:
            return False
        return passed >= HOLD_FRAMES or not any(
            self._under_way(other, said) for other in self._spotter.protectors[number]
        )

    def _under_way(self, number: int, said: _Said) -> bool:
        """Whether a protecting pattern has begun over half of what was said, and may go on."""
        nodes = self._spotter.trie.passing[number]
        sounding, resting = self._sounding[nodes], self._resting[nodes]
        began = np.where(sounding > resting, self._began[nodes], self._rest_began[nodes])
        likely = np.maximum(sounding, resting) >= said.score - PROTECTION
        return bool(np.any(likely & (began <= (said.start + said.end) // 2)))

    def _protected(self, number: int, said: _Said) -> bool:
        return any(
            _covers(cover, said)
            for other in self._spotter.protectors[number]
            for cover in self._covers.get(other, ())
        )

    def _report(self, certain: Sequence[int]) -> list[Finding]:
        found = []
        for number in certain:
            said = self._rising.pop(number)
            self._reported[number] = said.end
            if not self._protected(number, said):
                found.append(self._spotter.finding(number, said))
        return sorted(found, key=lambda f: (f.end, f.text))
