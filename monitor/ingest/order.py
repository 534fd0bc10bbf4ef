"""Packets of one leg in the order in which they were sent."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

_FAR = 3_000
"""A number so many behind the one that is due is no late packet: the sender began anew."""

_HELD = 500


@dataclass(frozen=True, slots=True)
class Packet:
    """Audio as it came.

    `arrival_ms` is on the receiver's steady clock. `stamp` is the sender's own count, in
    samples, of its first sample; `number` counts its packets. Either may be missing.
    """

    arrival_ms: int
    data: bytes
    stamp: int | None = None
    number: int | None = None


@dataclass(order=True, slots=True)
class _Held:
    number: int
    packet: Packet = field(compare=False)


class Ordered:
    """Sorts numbered packets; those without a number are taken as they come.

    A packet waits for those before it, `wait_ms` at most. What comes twice, or after
    its turn, is left out.

    Attributes:
        late: packets left out.
    """

    def __init__(self, wait_ms: int) -> None:
        self.late = 0
        self._wait_ms = wait_ms
        self._due: int | None = None
        self._held: list[_Held] = []

    def take(self, packet: Packet) -> Iterator[tuple[Packet, bool]]:
        """What is in turn now, each with whether packets before it are missing."""
        if packet.number is None:
            yield packet, False
            return
        if self._due is None or packet.number < self._due - _FAR:
            yield from self.flush()
            self._due = packet.number
        if packet.number < self._due or any(h.number == packet.number for h in self._held):
            self.late += 1
            return
        heapq.heappush(self._held, _Held(packet.number, packet))
        yield from self.ripe(packet.arrival_ms)

    def ripe(self, now_ms: int) -> Iterator[tuple[Packet, bool]]:
        """What is in turn, or has waited long enough."""
        while self._held:
            first = self._held[0]
            waited = now_ms - min(held.packet.arrival_ms for held in self._held)
            missing = first.number != self._due
            if missing and waited < self._wait_ms and len(self._held) <= _HELD:
                return
            heapq.heappop(self._held)
            self._due = first.number + 1
            yield first.packet, missing

    def flush(self) -> Iterator[tuple[Packet, bool]]:
        """Everything that still waits: no more will come."""
        while self._held:
            first = heapq.heappop(self._held)
            missing = first.number != self._due
            self._due = first.number + 1
            yield first.packet, missing
