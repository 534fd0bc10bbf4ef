"""Where in the call the audio of one leg belongs.

Most wires carry no time: the number of samples says it, as long as the sender sends
always. Where one falls silent (silence suppression, hold) the samples are fewer than the
call is long, so the time of arrival is kept beside their count. A network that held
audio up delivers it in a burst and the count catches up; a sender that sent nothing stays
behind. The difference decides between the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from monitor.audio.resample import Resampler
from monitor.base.i18n import tr
from monitor.events import SAMPLES_PER_MS
from monitor.ingest.formats import Block
from monitor.ingest.patience import Patience

_SETTLE_MS = 2_000
"""How long a leg's least delay is looked for: the first packets may have waited for a handshake."""

_BURST_MS = 5_000
"""A sender so far ahead of the clock is no fast clock: it sends what it had recorded."""

_QUIET = 10 ** (-50 / 20)
"""Full scale at -50 dBFS: nobody speaks below it on a telephone line."""

_STEP_MS = 20  # silence is taken out in steps of a packet
_RESUMED_MS = 20
_LEAP_MS = 10_000  # a time stamp that leaps so far beyond the clock means nothing


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio at its place; `samples` has shape (n, channels), at `SAMPLE_RATE`."""

    start_ms: int
    samples: Block


@dataclass(frozen=True, slots=True)
class Hole:
    """Time without audio."""

    start_ms: int
    end_ms: int
    reason: str


Piece: TypeAlias = Sound | Hole


class Timeline:
    """Places the blocks of one leg, in the order in which they were sent.

    Args:
        rate: samples per second of the blocks.
        channels: how many.
        origin_ms: when the call began, on the receiver's clock.
        paced: the sender sends as time passes; otherwise its samples alone tell the time.
        silent: a hole is silence that the sender left out, not audio that is missing.

    Attributes:
        trimmed_ms: silence taken out because the sender's clock is fast.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        origin_ms: int,
        patience: Patience,
        *,
        paced: bool = True,
        silent: bool = False,
    ) -> None:
        self.trimmed_ms = 0
        self._rate = rate
        self._channels = channels
        self._origin_ms = origin_ms
        self._patience = patience
        self._paced = paced
        self._silent = silent
        self._segment_ms: int | None = None  # call time at which the running segment began
        self._taken = 0  # samples of the segment, at `rate`
        self._given = 0  # of them given out, at SAMPLE_RATE
        self._resampler = Resampler(rate, channels)
        self._first_arrival = 0
        self._least_ms = 0.0  # delay of the fastest packet
        self._stamp: int | None = None  # the stamp that is due
        self._held: list[tuple[Block, int, float]] = []
        self._hold = False
        self._resumed = False

    @property
    def end_ms(self) -> float:
        """Call time at which the audio so far ends, what is held not counted."""
        return (self._segment_ms or 0) + self._taken * 1000 / self._rate

    def take(
        self, block: Block, arrival_ms: int, stamp: int | None = None, missing: bool = False
    ) -> Iterator[Piece]:
        """The next block; `missing`: packets before it were lost."""
        if not len(block):
            return
        length_ms = len(block) * 1000 / self._rate
        if self._segment_ms is None:
            self._segment_ms = max(0, round(arrival_ms - self._origin_ms - length_ms))
            self._first_arrival = arrival_ms
        leap_ms = self._leap(stamp, len(block))
        if -_LEAP_MS < leap_ms < 0:  # came before, in whole or in part
            block = block[round(-leap_ms * self._rate / 1000) :]
            if not len(block):
                return
            length_ms = len(block) * 1000 / self._rate
        held_ms = sum(len(held) for held, _, _ in self._held) * 1000 / self._rate
        behind_ms = arrival_ms - self._origin_ms - (self.end_ms + held_ms + length_ms)
        # A stamp that says more than the clock, by far, was set anew.
        if 0 < leap_ms <= _LEAP_MS + (behind_ms if self._paced else 0):
            yield from self._release()
            held = self._hold or self._resumed
            reason = _held() if held else _lost() if missing else ""
            yield from self._hole(leap_ms, reason)
            behind_ms -= leap_ms
        if not self._paced:
            yield from self._push(block)
            return
        if arrival_ms - self._first_arrival <= _SETTLE_MS:
            self._least_ms = min(self._least_ms, behind_ms)
        yield from self._place(block, arrival_ms, behind_ms - self._least_ms)

    def hold(self) -> Iterator[Piece]:
        """The sender says that it will send nothing for a while."""
        yield from self._release()
        self._hold = True

    def resume(self) -> None:
        """It will send again."""
        self._resumed, self._hold = self._hold or self._resumed, False

    def ripe(self, now_ms: int) -> Iterator[Piece]:
        """What was held up long enough."""
        if self._held and now_ms - self._held[0][1] >= self._patience.confirm_ms:
            yield from self._confirm()

    def finish(self) -> Iterator[Piece]:
        """No more comes."""
        if self._held:
            yield from self._confirm()
        yield from self._flush()

    def _leap(self, stamp: int | None, size: int) -> float:
        """How much time (ms) the sender's stamps say lies before this block."""
        if stamp is None:
            return 0.0
        due = self._stamp
        leap_ms = 0.0 if due is None else (stamp - due) * 1000 / self._rate
        early = due is not None and -_LEAP_MS < leap_ms < 0
        self._stamp = max(due or 0, stamp + size) if early else stamp + size
        return leap_ms

    def _place(self, block: Block, arrival_ms: int, behind_ms: float) -> Iterator[Piece]:
        if self._resumed or self._hold:
            self._resumed = self._hold = False
            if behind_ms > _RESUMED_MS:
                yield from self._hole(behind_ms, _held())
            yield from self._push(block)
        elif self._held:
            self._held.append((block, arrival_ms, behind_ms))
            if behind_ms < self._patience.hole_ms:
                yield from self._release()  # it was a burst: the count has caught up
            else:
                yield from self.ripe(arrival_ms)
        elif behind_ms >= self._patience.hole_ms:
            self._held.append((block, arrival_ms, behind_ms))
        elif -_BURST_MS < behind_ms < -self._patience.drift_ms:
            yield from self._push(self._trimmed(block))
        else:
            yield from self._push(block)

    def _trimmed(self, block: Block) -> Block:
        """The block without its quiet steps; nothing that was said is taken out."""
        step = self._rate * _STEP_MS // 1000
        kept = []
        for start in range(0, len(block), step):
            part = block[start : start + step]
            if len(part) and float(np.sqrt(np.mean(part**2))) < _QUIET:
                self.trimmed_ms += len(part) * 1000 // self._rate
            else:
                kept.append(part)
        return np.concatenate(kept) if kept else block[:0]

    def _confirm(self) -> Iterator[Piece]:
        """The held audio is late because none was sent before it."""
        missing_ms = min(behind for _, _, behind in self._held)
        if missing_ms >= self._patience.hole_ms:
            reason = "" if self._silent else tr("线路没有送来声音", "the line sent no audio")
            yield from self._hole(missing_ms, reason)
        yield from self._release()

    def _release(self) -> Iterator[Piece]:
        held, self._held = self._held, []
        for block, _, _ in held:
            yield from self._push(block)

    def _push(self, block: Block) -> Iterator[Piece]:
        self._taken += len(block)
        yield from self._given_out(self._resampler.feed(block))

    def _flush(self) -> Iterator[Piece]:
        if self._taken:
            yield from self._given_out(self._resampler.flush())
        self._resampler = Resampler(self._rate, self._channels)

    def _given_out(self, samples: Block) -> Iterator[Piece]:
        if len(samples):
            assert self._segment_ms is not None
            start_ms = self._segment_ms + self._given // SAMPLES_PER_MS
            self._given += len(samples)
            yield Sound(start_ms, samples)

    def _hole(self, length_ms: float, reason: str) -> Iterator[Piece]:
        """Begin a new segment so much later; without a reason the time between is silence."""
        yield from self._flush()
        assert self._segment_ms is not None
        start_ms = self._segment_ms + self._given // SAMPLES_PER_MS
        end_ms = max(start_ms, round(self.end_ms + length_ms))
        if reason:
            yield Hole(start_ms, end_ms, reason)
        elif end_ms > start_ms:
            rest = (end_ms - self._segment_ms) * SAMPLES_PER_MS - self._given
            yield Sound(start_ms, np.zeros((rest, self._channels), np.float32))
        self._segment_ms, self._taken, self._given = end_ms, 0, 0


def _held() -> str:
    return tr("通话保持", "the call was on hold")


def _lost() -> str:
    return tr("网络丢包", "packets were lost")
