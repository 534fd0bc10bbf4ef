"""One call out of the legs that a telephone system delivers. No clock, no thread, no socket.

    leg ─Packet→ Ordered → Reader → Timeline ─Piece→ Chunk | Gap of a party

Every wire comes down to the same: a leg opens (parties, format), brings audio, is held and
resumed, ends. Times that come in are on the receiver's steady clock; those that go out are
call time, which begins with the first audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from monitor.base.i18n import tr
from monitor.events import SAMPLES_PER_MS, Chunk, Gap, Party
from monitor.ingest.formats import Format, Reader
from monitor.ingest.order import Ordered, Packet
from monitor.ingest.patience import Patience
from monitor.ingest.timeline import Piece, Sound, Timeline

Item: TypeAlias = Chunk | Gap


@dataclass(frozen=True, slots=True)
class LegSettings:
    """One leg: who is on each of its channels, and how it sends (see `Timeline`)."""

    parties: tuple[Party, ...]
    format: Format
    paced: bool = True
    silent: bool = False


@dataclass(slots=True)
class _Leg:
    settings: LegSettings
    ordered: Ordered
    reader: Reader
    timeline: Timeline | None = None
    held: bool = False


class Assembler:
    """Puts the legs of one call on one time line.

    A leg that opens while another one has its party takes that party over (a transfer).
    A party whose leg comes late, or comes again, has a `Gap` up to there.

    Attributes:
        late: packets that came twice or after their turn.
        trimmed_ms: silence taken out of legs with a fast clock.
    """

    def __init__(self, parties: Iterable[Party], patience: Patience | None = None) -> None:
        self.late = 0
        self.trimmed_ms = 0
        self.parties = tuple(parties)
        self._patience = patience or Patience()
        self._legs: dict[str, _Leg] = {}
        self._owner: dict[Party, str] = {}
        self._reached = dict.fromkeys(self.parties, 0)  # samples per party given out
        self._spoke_ms: dict[Party, int] = {}  # when audio of a party last came
        self._origin_ms: int | None = None
        self._heard_ms: int | None = None  # when anything last came
        self._ended_ms: int | None = None  # when the last leg ended

    def open(self, leg: str, settings: LegSettings, at_ms: int) -> list[Item]:
        """A leg; one of the same name that is still open ends.

        Raises:
            ValueError: its channels do not fit its format, or a party is not of this call.
        """
        if len(settings.parties) != settings.format.channels:
            raise ValueError(f"{settings.format.channels} channels: say who is on each")
        strangers = set(settings.parties) - set(self.parties)
        if strangers:
            raise ValueError(f"this call has no {sorted(strangers)[0]}: it was opened without")
        items = self.end(leg, at_ms) if leg in self._legs else []
        self._legs[leg] = _Leg(
            settings, Ordered(self._patience.reorder_ms), Reader(settings.format)
        )
        for party in settings.parties:
            self._owner[party] = leg
        self._heard(at_ms)
        return items

    def audio(self, leg: str, packet: Packet) -> list[Item]:
        """Audio of a leg that is open.

        Raises:
            KeyError: it is not.
        """
        known = self._legs[leg]
        self._heard(packet.arrival_ms)
        for party in known.settings.parties:
            self._spoke_ms[party] = packet.arrival_ms
        return [
            item
            for ready, missing in known.ordered.take(packet)
            for item in self._placed(leg, known, ready, missing)
        ]

    def hold(self, leg: str, at_ms: int) -> list[Item]:
        """Nothing will come for a while."""
        known = self._legs[leg]
        known.held = True
        self._heard(at_ms)
        items = self._rest(leg, known)
        if known.timeline is not None:
            items += self._items(leg, known, known.timeline.hold())
        return items

    def resume(self, leg: str, at_ms: int) -> list[Item]:
        """Audio comes again."""
        known = self._legs[leg]
        known.held = False
        self._heard(at_ms)
        if known.timeline is not None:
            known.timeline.resume()
        return []

    def reformat(self, leg: str, form: Format, at_ms: int) -> list[Item]:
        """The sender changes its codec or its source; what comes is placed by its arrival."""
        settings = self._legs[leg].settings
        changed = LegSettings(settings.parties, form, settings.paced, settings.silent)
        return self.open(leg, changed, at_ms)

    def end(self, leg: str, at_ms: int) -> list[Item]:
        """A leg has ended, with or without a goodbye; one that is not open is left alone."""
        known = self._legs.get(leg)
        if known is None:
            return []
        items = self._rest(leg, known)
        if known.timeline is not None:
            items += self._items(leg, known, known.timeline.finish())
            self.trimmed_ms += known.timeline.trimmed_ms
        self.late += known.ordered.late
        del self._legs[leg]
        self._owner = {party: owner for party, owner in self._owner.items() if owner != leg}
        self._heard(at_ms)
        if not self._legs:
            self._ended_ms = at_ms
        return items

    def tick(self, now_ms: int) -> list[Item]:
        """Time passes: what waited for other packets long enough."""
        items: list[Item] = []
        for name, leg in self._legs.items():
            for ready, missing in leg.ordered.ripe(now_ms):
                items += self._placed(name, leg, ready, missing)
            if leg.timeline is not None:
                items += self._items(name, leg, leg.timeline.ripe(now_ms))
        return items + self._stalled(now_ms)

    def _stalled(self, now_ms: int) -> list[Item]:
        """The call does not wait for a party of which nothing comes."""
        top = max(self._reached.values(), default=0)
        items: list[Item] = []
        for party, reached in self._reached.items():
            silent_ms = now_ms - self._spoke_ms.get(party, self._origin_ms or now_ms)
            if min(silent_ms, (top - reached) // SAMPLES_PER_MS) > self._patience.stall_ms:
                reason = tr("线路没有送来声音", "the line sent no audio")
                items.append(Gap(party, reached // SAMPLES_PER_MS, top // SAMPLES_PER_MS, reason))
                self._reached[party] = top // SAMPLES_PER_MS * SAMPLES_PER_MS
        return items

    def over(self, now_ms: int) -> str | None:
        """Why the call is over: "ended", "idle" (nothing came any more); None while it runs."""
        if self._heard_ms is None:
            return None
        if not self._legs:
            ended_ms = self._ended_ms if self._ended_ms is not None else self._heard_ms
            return "ended" if now_ms - ended_ms >= self._patience.linger_ms else None
        held = any(leg.held for leg in self._legs.values())
        longest_ms = self._patience.hold_ms if held else self._patience.idle_ms
        return "idle" if now_ms - self._heard_ms >= longest_ms else None

    @property
    def legs(self) -> Sequence[str]:
        """Those that are open."""
        return tuple(self._legs)

    def finish(self, at_ms: int) -> list[Item]:
        """The call is over, whatever legs are still open."""
        return [item for leg in list(self._legs) for item in self.end(leg, at_ms)]

    def _heard(self, at_ms: int) -> None:
        self._heard_ms = max(at_ms, self._heard_ms or at_ms)

    def _rest(self, name: str, leg: _Leg) -> list[Item]:
        return [
            item
            for ready, missing in leg.ordered.flush()
            for item in self._placed(name, leg, ready, missing)
        ]

    def _placed(self, name: str, leg: _Leg, packet: Packet, missing: bool) -> Iterator[Item]:
        block = leg.reader.read(packet.data)
        if not len(block):
            return
        form = leg.settings.format
        if self._origin_ms is None:
            self._origin_ms = round(packet.arrival_ms - len(block) * 1000 / form.rate)
        if leg.timeline is None:
            leg.timeline = Timeline(
                form.rate,
                form.channels,
                self._origin_ms,
                self._patience,
                paced=leg.settings.paced,
                silent=leg.settings.silent,
            )
        pieces = leg.timeline.take(block, packet.arrival_ms, packet.stamp, missing)
        yield from self._items(name, leg, pieces)

    def _items(self, name: str, leg: _Leg, pieces: Iterable[Piece]) -> list[Item]:
        return [
            item
            for piece in pieces
            for channel, party in enumerate(leg.settings.parties)
            if self._owner.get(party) == name
            for item in self._item(party, channel, piece)
        ]

    def _item(self, party: Party, channel: int, piece: Piece) -> Iterator[Item]:
        """The piece for one party, without what another leg has brought of that time."""
        reached = self._reached[party]
        if not isinstance(piece, Sound):
            if piece.end_ms * SAMPLES_PER_MS > reached:
                start_ms = max(piece.start_ms, reached // SAMPLES_PER_MS)
                yield Gap(party, start_ms, piece.end_ms, piece.reason)
                self._reached[party] = piece.end_ms * SAMPLES_PER_MS
            return
        start = piece.start_ms * SAMPLES_PER_MS
        samples = piece.samples[:, channel]
        if start - reached > SAMPLES_PER_MS:
            late = tr("这一方的声音没有接入", "this party was not on the line")
            yield Gap(party, reached // SAMPLES_PER_MS, piece.start_ms, late)
        elif reached - start > SAMPLES_PER_MS:
            samples = samples[reached - start :]
            start = reached
        else:
            start = reached  # a rounded millisecond
        if len(samples):
            yield Chunk(party, start // SAMPLES_PER_MS, samples)
            self._reached[party] = start + len(samples)
