"""From the samples of a stretch to posteriors, window by window, each frame exactly once.

The encoder looks at a whole window at once, so nothing is exact chunk by chunk.
What makes the answer independent of the chunks is that windows lie at fixed
places in the audio. A turn of a recording is one window. One that goes on
longer than a window, and an open turn of a live call, is heard in windows that
overlap; of each only the frames are kept that have some audio after them, and
the cut is made where the network hears no syllable, for the next window may
place one a frame or two off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.asr.whisper_ctc.encoder import HOP
from monitor.events import SAMPLE_RATE

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.whisper_ctc.head import Frames
    from monitor.events import Samples

_BLOCK = 320
_QUIET = 2  # frames to either side of a cut that should hear nothing
_SURE_BLANK = np.log(0.7)
_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class Plan:
    """Where windows lie, in frames of 20 ms.

    `longest` is what a window may last. `step` is the audio between two windows of
    an open turn; 0: the next one comes when the window is full. Of a window whose
    turn goes on the last `ahead` frames are not kept, and the cut is sought in the
    `choice` frames before. `context` frames before the first new one are heard again.
    """

    longest: int
    step: int
    ahead: int
    choice: int
    context: int


RECORDED = Plan(longest=700, step=0, ahead=60, choice=150, context=60)
LIVE = Plan(longest=250, step=32, ahead=20, choice=24, context=100)
"""A window of 5 s every 640 ms. Costs and losses: docs/engines.md."""

Hear = Callable[["Samples"], "Posteriors"]


def level(samples: Samples) -> float:
    """Root mean square of the louder half of a window, in blocks of 20 ms; pauses do not count."""
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    power = np.sort((blocks**2).mean(axis=1)) if len(blocks) else np.zeros(1, np.float32)
    return float(np.sqrt(power[len(power) // 2 :].mean() + _SPREAD))


def hearer(
    frames: Callable[[Samples], Frames],
    posteriors: Callable[[Frames], Posteriors],
    loudness: float,
    shortest_s: float,
) -> Hear:
    """Samples of one window to its posteriors [ceil(n / 320), units].

    Args:
        frames: the encoder.
        posteriors: the head.
        loudness: what `level` of the window is brought to.
        shortest_s: windows shorter than those the head was trained on are filled up with silence.
    """
    shortest = int(shortest_s * SAMPLE_RATE)

    def hear(samples: Samples) -> Posteriors:
        scaled = np.clip(samples * np.float32(loudness / (level(samples) + 1e-5)), -1.0, 1.0)
        if len(scaled) < shortest:
            scaled = np.pad(scaled, (0, shortest - len(scaled)))
        return posteriors(frames(scaled))[: -(-len(samples) // HOP)]

    return hear


class WindowHearing:
    """One stretch (`monitor.asr.ctc.recognizer.Hearing`).

    Args:
        hear: what makes posteriors of a window.
        plan: where windows lie.
        blank: index of the blank.
    """

    def __init__(self, hear: Hear, plan: Plan, blank: int) -> None:
        self._hear = hear
        self._plan = plan
        self._blank = blank
        self._parts: list[Samples] = []
        self._origin = 0  # frame at which the samples kept begin
        self._end = 0  # samples taken, from the beginning of the stretch
        self._done = 0  # first frame not returned yet
        self._next = plan.step or plan.longest  # frames that must be here for the next window

    def feed(self, samples: Samples) -> Posteriors:
        """Posteriors of the frames that these samples settle."""
        if len(samples):
            self._parts.append(samples)
            self._end += len(samples)
        found = []
        while self._end >= self._next * HOP:
            found.append(self._listen(self._next))
        return np.concatenate(found) if found else np.empty((0, 0), np.float32)

    def finish(self) -> list[Posteriors]:
        """Those of all frames that are left."""
        last = -(-self._end // HOP)
        if last <= self._done:
            return []
        rows = self._window(last)
        return [rows[self._done - self._origin :]]

    def _listen(self, at: int) -> Posteriors:
        """Hear the window that ends at frame `at` and keep what has enough audio after it."""
        plan = self._plan
        rows = self._window(at)
        limit = at - plan.ahead
        cut = self._cut(rows, max(self._done, limit - plan.choice), limit)
        kept = rows[self._done - self._origin : max(self._done, cut) - self._origin]
        self._done = max(self._done, cut)
        self._next = at + plan.step if plan.step else self._done - plan.context + plan.longest
        return kept

    def _cut(self, rows: Posteriors, first: int, last: int) -> int:
        """The best place between frames `first` and `last` to end: the latest quiet one."""
        if last <= first:
            return first
        blank = rows[:, self._blank]
        quiet = [
            float(blank[max(0, at - _QUIET - self._origin) : at + _QUIET - self._origin].min())
            for at in range(first, last + 1)
        ]
        sure = [at for at, value in enumerate(quiet) if value >= _SURE_BLANK]
        return first + (sure[-1] if sure else int(np.argmax(quiet)))

    def _window(self, at: int) -> Posteriors:
        """Posteriors from `_origin` to frame `at`; samples before the window are let go."""
        plan = self._plan
        begin = max(self._origin, min(self._done - plan.context, at - 1), 0)
        if plan.step:
            begin = max(self._origin, min(self._done, at - plan.longest), 0)
        held = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        held = held[(begin - self._origin) * HOP :]
        self._parts, self._origin = [held], begin
        return self._hear(held[: (at - begin) * HOP])
