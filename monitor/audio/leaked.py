"""A call's channels without what leaked into them, and what is told of it.

| name         | unit  | party      | span and value                                      |
|--------------|-------|------------|-----------------------------------------------------|
| leaked       | ms    | whose line | the other party's voice was set aside               |
| leaked_share | ratio | whose line | of all sound on the channel; at the end, where any  |
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.audio.leak import LeakGate
from monitor.audio.vad import WINDOW_MS
from monitor.events import Party, Reading, Samples

_PAUSE_WINDOWS = 10
"""Two words of a leak that are closer than this (320 ms) are one stretch."""

_SHORTEST_MS = 160
"""A shorter stretch is no syllable, and not worth a line of its own."""


class Leaked:
    """Sets aside what leaked from one party's channel into the other's.

    Windows go in and come out in the order of `parties`. A call of one party has nothing to leak.
    """

    def __init__(self, parties: Sequence[Party]) -> None:
        self._gate = LeakGate() if len(parties) == 2 else None
        self._tallies = [_Tally(party) for party in parties]

    def without(self, windows: Sequence[Samples]) -> Sequence[Samples]:
        """The next window of each party, silent where the voice in it is the other's."""
        if self._gate is None:
            return windows
        first, second = windows
        kept = self._gate.feed(first, second)
        for tally, aside, sounding in zip(
            self._tallies, self._gate.aside, self._gate.sounding, strict=True
        ):
            tally.count(aside=aside, sounding=sounding)
        return kept

    def told(self) -> list[Reading]:
        """The stretches that were set aside and are over, each once."""
        return [reading for tally in self._tallies for reading in tally.told()]

    def finish(self, duration_ms: int) -> list[Reading]:
        """The call is over: an open stretch, and the share of each party's sound."""
        return [reading for tally in self._tallies for reading in tally.finish(duration_ms)]


class _Tally:
    """Counts one party's windows."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._window = 0
        self._sounding = 0
        self._leaked = 0
        self._start: int | None = None  # of the open stretch
        self._end = 0
        self._over: list[Reading] = []

    def count(self, *, aside: bool, sounding: bool) -> None:
        self._sounding += sounding
        if aside and sounding:
            self._leaked += 1
            self._start = self._window if self._start is None else self._start
            self._end = self._window + 1
        self._window += 1
        if self._start is not None and self._window - self._end >= _PAUSE_WINDOWS:
            self._close()

    def told(self) -> list[Reading]:
        if not self._over:
            return []
        over, self._over = self._over, []
        return over

    def finish(self, duration_ms: int) -> list[Reading]:
        if self._start is not None:
            self._close()
        if self._leaked:
            share = round(self._leaked / self._sounding, 4)
            self._over.append(Reading("leaked_share", share, "ratio", 0, duration_ms, self._party))
        return self.told()

    def _close(self) -> None:
        assert self._start is not None
        start_ms, end_ms = self._start * WINDOW_MS, self._end * WINDOW_MS
        self._start = None
        if end_ms - start_ms >= _SHORTEST_MS:
            self._over.append(
                Reading("leaked", end_ms - start_ms, "ms", start_ms, end_ms, self._party)
            )
