"""Reading a recording ahead of the flow, for recognisers that hear best many turns at a time.

The turns are found as the flow will find them, by the same `Channel`. The
recogniser hears them early and answers from memory when the flow comes to
them. Should the flow cut a turn differently after all, it is simply heard
then: what is read ahead changes the speed and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitor.audio.leaked import Leaked
from monitor.audio.vad import WINDOW
from monitor.base.errors import UserError
from monitor.call.channel import Channel
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Token

if TYPE_CHECKING:
    from monitor.asr.protocol import Prefetches
    from monitor.audio.vad import SileroVad

_SPAN_MS = 600_000
"""Audio read ahead at most; two parties' worth is 77 MB."""


def read_ahead(
    recognizer: Prefetches, parties: Sequence[Party], chunks: Iterable[Chunk], vad: SileroVad
) -> Iterator[Chunk]:
    """The same chunks, each yielded when the turns that end in it have been heard.

    Raises:
        UserError: what reading the recording raised, after the chunks before it.
    """
    channels = {party: _Turns(party, vad) for party in parties}
    leaked = Leaked(parties)
    source = iter(chunks)
    broken: UserError | None = None
    going = True
    while going:
        block: list[Chunk] = []
        while sum(channel.speech_ms for channel in channels.values()) < recognizer.ahead_ms and (
            not block or block[-1].start_ms - block[0].start_ms < _SPAN_MS
        ):
            try:
                chunk = next(source)
            except StopIteration:
                going = False
                break
            except UserError as error:
                going, broken = False, error
                break
            block.append(chunk)
            channels[chunk.party].take(chunk.samples)
            _advance(channels.values(), leaked)
        if not going:
            longest = max(channel.received for channel in channels.values())
            for channel in channels.values():
                missing = -(-longest // WINDOW) * WINDOW - channel.received
                channel.take(np.zeros(missing, np.float32))
            _advance(channels.values(), leaked)
        for channel in channels.values():
            recognizer.prefetch(channel.turns(last=not going))
        yield from block
    if broken is not None:
        raise broken


class _Turns:
    """Collects one party's turns; stands in the place of its recogniser."""

    settled_ms = 0
    partial = ""

    def __init__(self, party: Party, vad: SileroVad) -> None:
        self.speech_ms = 0  # in the turns that are waiting
        self._channel = Channel(party, self, vad.stream())
        self._open: list[Samples] = []
        self._over: list[Samples] = []

    @property
    def received(self) -> int:
        return self._channel.received

    @property
    def ready(self) -> bool:
        return self._channel.ready

    def take(self, samples: Samples) -> None:
        self._channel.take(samples)

    def next_window(self) -> Samples:
        return self._channel.next_window()

    def step(self, window: Samples) -> None:
        for _ in self._channel.step(window):
            pass

    def turns(self, *, last: bool) -> list[Samples]:
        """The turns that are over; with `last` the recording is, and so is an open one."""
        if last:
            for _ in self._channel.finish():
                pass
        over, self._over, self.speech_ms = self._over, [], 0
        return over

    def feed(self, chunk: Chunk) -> list[Token]:
        self._open.append(chunk.samples)
        return []

    def end_turn(self) -> list[Token]:
        if self._open:
            self._over.append(np.concatenate(self._open))
            self.speech_ms += len(self._over[-1]) * 1000 // SAMPLE_RATE
            self._open = []
        return []


def _advance(channels: Collection[_Turns], leaked: Leaked) -> None:
    """Step all parties through the windows that every one of them has, as the flow does."""
    while all(channel.ready for channel in channels):
        windows = leaked.without([channel.next_window() for channel in channels])
        for channel, window in zip(channels, windows, strict=True):
            channel.step(window)
