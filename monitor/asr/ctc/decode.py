"""Streaming CTC decoding: log-posteriors in, units out, each decided once and for all.

A prefix beam search (Hannun et al. 2014, arXiv:1408.2873) with an optional
n-gram of units (`grammar.py`). A unit is returned when every likely hypothesis agrees on it,
or when it has waited `patience` frames; hypotheses that disagree with what
was returned are dropped, so nothing is ever taken back.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from monitor.asr.ctc.ngram import Ngram, Vector

Posteriors = npt.NDArray[np.float32]
"""Natural-log probabilities, shape [frames, units]."""

_NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class DecodingSettings:
    """How the search weighs and prunes.

    Attributes:
        blank_penalty: subtracted from the blank's log-probability; against deletions.
        lm_weight: exponent of the n-gram's probabilities.
        insertion_bonus: added per unit; makes up for what the n-gram takes from long results.
        beam: hypotheses kept per frame.
        beam_threshold: nats behind the best at which a hypothesis is dropped.
        sure: nats behind the best at which a hypothesis no longer delays a decision.
        candidates: units per frame that may extend a hypothesis.
        least: log-probability below which a unit is no candidate.
        patience: frames after a unit's last one that it may stay undecided.
    """

    blank_penalty: float = 0.0
    lm_weight: float = 0.0
    insertion_bonus: float = 0.0
    beam: int = 8
    beam_threshold: float = 8.0
    sure: float = 1.5
    candidates: int = 8
    least: float = -5.0
    patience: int = 8


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One decoded unit; frames count from the beginning of the stretch."""

    index: int
    first: int  # frame in which it began
    last: int  # frame in which it was last heard
    peak: int  # frame in which it was surest
    row: npt.NDArray[np.float32]  # what the network said in that frame


@dataclass(slots=True)
class _Mark:
    """Where a unit of a hypothesis lies."""

    index: int
    first: int
    last: int
    peak: int
    height: float  # log-posterior in the peak frame


@dataclass(slots=True)
class _Hypothesis:
    """A row of units not returned yet, with the probability of all paths that spell it."""

    units: tuple[int, ...]
    blank: float  # log-probability of the paths that end in the blank
    unit: float  # and of those that end in the last unit
    grammar: float = 0.0
    marks: tuple[_Mark, ...] = ()
    source: float = field(default=_NEVER)  # the best path's, decides whose marks are kept

    @property
    def acoustic(self) -> float:
        return _add(self.blank, self.unit)

    @property
    def score(self) -> float:
        return _add(self.blank, self.unit) + self.grammar


class CtcDecoder:
    """Decodes one stretch.

    Args:
        blank: index of the blank.
        settings: weights and limits.
        grammar: how likely a unit is after others; needed when `lm_weight` is not 0.
    """

    def __init__(
        self,
        blank: int,
        settings: DecodingSettings | None = None,
        grammar: Ngram | None = None,
    ) -> None:
        self._blank = blank
        self._settings = settings or DecodingSettings()
        self._grammar = grammar if self._settings.lm_weight else None
        self._hypotheses = [_Hypothesis((), 0.0, _NEVER)]
        # The last units returned; the blank stands for the beginning.
        self._before: tuple[int, ...] = (blank,)
        self._memory = 1 if grammar is None else max(1, grammar.order - 1)
        self.seen = 0  # frames taken
        self._free = 0  # the frame after the last unit returned
        self._rows: deque[npt.NDArray[np.float32]] = deque()  # of the frames still undecided

    @property
    def settled(self) -> int:
        """Every unit that begins before this frame has been returned."""
        return max(self._free, self._begun())

    @property
    def pending(self) -> list[Unit]:
        """The likeliest units after those returned."""
        return self._units(self._hypotheses[0].marks)

    def feed(self, posteriors: Posteriors, evidence: Posteriors | None = None) -> list[Unit]:
        """Units decided by these frames.

        Args:
            posteriors: log-probabilities, shape [frames, units], any number of frames.
            evidence: what `Unit.row` is to be taken from, if not from `posteriors`.
        """
        done: list[Unit] = []
        for row, kept in zip(posteriors, posteriors if evidence is None else evidence, strict=True):
            self._rows.append(kept)
            self._advance(row)
            self.seen += 1
            done += self._decided()
        return done

    def finish(self) -> list[Unit]:
        """The rest of the likeliest hypothesis."""
        return self._return(len(self._hypotheses[0].units))

    def _advance(self, row: npt.NDArray[np.float32]) -> None:
        """Extend every hypothesis by one frame and keep the best."""
        settings = self._settings
        blank = float(row[self._blank]) - settings.blank_penalty
        candidates = self._candidates(row)
        if not candidates:
            for hypothesis in self._hypotheses:
                hypothesis.blank = hypothesis.acoustic + blank
                hypothesis.unit = _NEVER
            return
        grown: dict[tuple[int, ...], _Hypothesis] = {}
        for old in self._hypotheses:
            total = old.acoustic
            _join(grown, old.units, total + blank, _NEVER, old.grammar, old.marks)
            last = old.units[-1] if old.units else self._before[-1]
            chances = self._chances(old.units)
            for index, heard in candidates:
                if index == last:
                    marks = _heard_again(old.marks, self.seen, heard)
                    _join(grown, old.units, _NEVER, old.unit + heard, old.grammar, marks)
                    reach = old.blank  # said again: only through a blank
                else:
                    reach = total
                if reach > _NEVER:
                    mark = _Mark(index, self.seen, self.seen, self.seen, heard)
                    grammar = old.grammar + settings.insertion_bonus
                    if chances is not None:
                        grammar += settings.lm_weight * float(chances[index])
                    units, marks = (*old.units, index), (*old.marks, mark)
                    _join(grown, units, _NEVER, reach + heard, grammar, marks)
        ranked = sorted(grown.values(), key=lambda h: (-h.score, h.units))[: settings.beam]
        least = ranked[0].score - settings.beam_threshold
        self._hypotheses = [h for h in ranked if h.score >= least]

    def _candidates(self, row: npt.NDArray[np.float32]) -> list[tuple[int, float]]:
        """Units loud enough in this frame, the likeliest first."""
        loud = np.flatnonzero(row > self._settings.least)
        found = [(int(index), float(row[index])) for index in loud if index != self._blank]
        found.sort(key=lambda item: (-item[1], item[0]))
        return found[: self._settings.candidates]

    def _chances(self, units: tuple[int, ...]) -> Vector | None:
        """Log-probabilities of all units after `units`."""
        if self._grammar is None:
            return None
        return self._grammar.after((*self._before, *units)[-self._memory :])

    def _decided(self) -> list[Unit]:
        best = self._hypotheses[0]
        least = best.score - self._settings.sure
        agreed = _agreed([h.units for h in self._hypotheses if h.score >= least])
        # A unit that sounds in this very frame is still growing.
        if agreed and best.marks[agreed - 1].last >= self.seen - 1:
            agreed -= 1
        overdue = sum(self._overdue(mark) for mark in best.marks)
        done = self._return(max(agreed, overdue))
        self._drop_overdue()
        return done

    def _overdue(self, mark: _Mark) -> bool:
        return self.seen - mark.last > self._settings.patience

    def _drop_overdue(self) -> None:
        """That there was no unit is also decided in time: forget what the best denies."""
        expected = self._hypotheses[0].units[:1]
        self._hypotheses = [
            h
            for h in self._hypotheses
            if not h.marks or h.units[:1] == expected or not self._overdue(h.marks[0])
        ]

    def _return(self, count: int) -> list[Unit]:
        """The first `count` units of the best hypothesis, which all others must share."""
        if not count:
            if not any(h.units for h in self._hypotheses):
                self._rows.clear()
            return []
        best = self._hypotheses[0]
        head = best.units[:count]
        done = self._units(best.marks[:count])
        self._before, self._free = (*self._before, *head)[-self._memory :], done[-1].last + 1
        self._hypotheses = [h for h in self._hypotheses if h.units[:count] == head]
        base = self._hypotheses[0].score
        for h in self._hypotheses:
            h.units, h.marks = h.units[count:], h.marks[count:]
            # Shared history is the same for all: keep numbers small over hours.
            h.blank, h.unit = h.blank - base, h.unit - base
        begun = self._begun()
        while self._rows and self.seen - len(self._rows) < begun:
            self._rows.popleft()
        return done

    def _begun(self) -> int:
        """The first frame that a unit not returned yet lies in, by any hypothesis."""
        return min((h.marks[0].first for h in self._hypotheses if h.marks), default=self.seen)

    def _units(self, marks: Sequence[_Mark]) -> list[Unit]:
        """What the marks stand for. Hypotheses may differ in where the units they agree on
        lie, so each is moved behind the one before."""
        oldest = self.seen - len(self._rows)
        free = self._free
        units = []
        for m in marks:
            first = max(m.first, free)
            units.append(
                Unit(m.index, first, max(m.last, first), m.peak, self._rows[m.peak - oldest])
            )
            free = units[-1].last + 1
        return units


def _join(
    grown: dict[tuple[int, ...], _Hypothesis],
    units: tuple[int, ...],
    blank: float,
    unit: float,
    grammar: float,
    marks: tuple[_Mark, ...],
) -> None:
    """Add paths that spell `units`; the likeliest ones say where the units lie."""
    paths = max(blank, unit)
    if paths == _NEVER:
        return
    known = grown.get(units)
    if known is None:
        grown[units] = _Hypothesis(units, blank, unit, grammar, marks, paths)
        return
    known.blank, known.unit = _add(known.blank, blank), _add(known.unit, unit)
    if paths > known.source:
        known.source, known.marks = paths, marks


def _heard_again(marks: tuple[_Mark, ...], frame: int, heard: float) -> tuple[_Mark, ...]:
    """The last unit goes on in this frame. (Without marks it has been returned already.)"""
    if not marks:
        return marks
    last = marks[-1]
    higher = heard > last.height
    return (
        *marks[:-1],
        _Mark(
            last.index,
            last.first,
            frame,
            frame if higher else last.peak,
            heard if higher else last.height,
        ),
    )


def _agreed(rows: Sequence[tuple[int, ...]]) -> int:
    """Length of the beginning that all rows share."""
    first, others = rows[0], rows[1:]
    for count, unit in enumerate(first):
        if any(len(row) <= count or row[count] != unit for row in others):
            return count
    return len(first)


def _add(a: float, b: float) -> float:
    """log(e^a + e^b)."""
    low, high = (a, b) if a < b else (b, a)
    return high if low == _NEVER else high + math.log1p(math.exp(low - high))
