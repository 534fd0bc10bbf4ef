"""The whole flow of one call on one page.

    audio ─Chunk→ leaks ─→ vad ─Speech→ recogniser ─Token→ rules ─Alert→ caller
                                            └─Token→ dynamics ─Reading→ rules

No clock, no thread, no socket: time is counted in samples. The parties advance
in lock step, one VAD window at a time, so the events and their order depend
on the audio alone and never on how it was cut into chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from monitor.asr.protocol import Recognizer
from monitor.audio.conversation import Dynamics
from monitor.audio.leaked import Leaked
from monitor.audio.vad import WINDOW, SileroVad, VadSettings
from monitor.base.errors import UserError
from monitor.call.channel import Channel
from monitor.events import SAMPLES_PER_MS, CallEnd, CallInfo, Chunk, Event, Gap, Party
from monitor.rules import Rulebook
from monitor.rules.engine.session import RuleSession

_TOLERANCE_MS = 1  # sources round the start of a chunk to whole milliseconds


class Call:
    """One call in progress: feed it audio, get events back, in order.

    The heavy parts (`recognizer`, `vad`, `rulebook`) are shared by calls.

    Attributes:
        parties: who is on the line.
        recognizer: what hears them.
        vad: what tells when they speak.
    """

    def __init__(
        self,
        info: CallInfo,
        recognizer: Recognizer,
        rulebook: Rulebook,
        vad: SileroVad,
        settings: VadSettings | None = None,
    ) -> None:
        self.parties = info.parties
        self.recognizer = recognizer
        self.vad = vad
        self._info = info
        self._channels = {
            party: Channel(party, recognizer.stream(party), vad.stream(settings), settings)
            for party in info.parties
        }
        self._listen_for(rulebook)
        self._rules = RuleSession(rulebook, info)
        self._dynamics = Dynamics(info.parties)
        self._leaked = Leaked(info.parties)

    def start(self) -> list[Event]:
        """The events that open the call: its metadata and the scripts it will be held to."""
        return [self._info, *self._rules.start()]

    def feed(self, chunk: Chunk) -> list[Event]:
        """Take audio of one party; returns what it settled, for all parties.

        A chunk that starts later than the last one ended leaves a `Gap`; audio
        that overlaps what was already heard or skipped is dropped. Samples that are no
        numbers (drivers send such) are silence, and told of as a `Gap`.
        """
        channel = self._channel(chunk.party)
        samples = chunk.samples
        events: list[Event] = []
        ahead_ms = chunk.start_ms - channel.received // SAMPLES_PER_MS
        if ahead_ms > _TOLERANCE_MS:
            events += self._gap(channel, chunk.start_ms, "no audio arrived")
        elif ahead_ms < -_TOLERANCE_MS:
            samples = samples[-ahead_ms * SAMPLES_PER_MS :]
        bad = np.flatnonzero(~np.isfinite(samples))
        if len(bad):
            samples = np.where(np.isfinite(samples), samples, np.float32(0))
            first, last = (channel.received + int(edge) for edge in (bad[0], bad[-1]))
            gap = Gap(
                chunk.party,
                first // SAMPLES_PER_MS,
                -(-(last + 1) // SAMPLES_PER_MS),
                "samples that are no numbers",
            )
            events += self._judged([gap])
        channel.take(samples)
        events += self._advance()
        return events

    def skip(self, party: Party, until_ms: int, reason: str) -> list[Event]:
        """Go on without audio that did not come: a visible `Gap`, and silence in its place."""
        events = self._gap(self._channel(party), until_ms, reason)
        events += self._advance()
        return events

    def reload(self, rulebook: Rulebook) -> None:
        """Use new rules from the next token on."""
        self._listen_for(rulebook)
        self._rules.reload(rulebook)

    def _listen_for(self, rulebook: Rulebook) -> None:
        for party, channel in self._channels.items():
            channel.listen_for(rulebook.sought[party])

    def finish(self, released_by: str | None = None) -> list[Event]:
        """The call is over: flush every tail and judge what was still open."""
        samples = max(channel.received for channel in self._channels.values())
        windows = -(-samples // WINDOW)
        for channel in self._channels.values():
            channel.take(np.zeros(windows * WINDOW - channel.received, np.float32))
        events = self._advance()
        end = CallEnd(samples // SAMPLES_PER_MS, released_by)
        for channel in self._channels.values():
            events += self._judged(channel.finish())
        events += self._judged(self._leaked.finish(end.duration_ms))
        events += self._judged(self._dynamics.finish(end.duration_ms))
        events += self._rules.finish(end)
        events.append(end)
        return events

    def _channel(self, party: Party) -> Channel:
        try:
            return self._channels[party]
        except KeyError:
            raise UserError(f"this call has no {party} channel: it was opened without") from None

    def _gap(self, channel: Channel, until_ms: int, reason: str) -> list[Event]:
        start_ms = channel.received // SAMPLES_PER_MS
        missing = until_ms * SAMPLES_PER_MS - channel.received
        if missing <= 0:
            return []
        channel.take(np.zeros(missing, np.float32))
        return list(self._judged([Gap(channel.party, start_ms, until_ms, reason)]))

    def _advance(self) -> list[Event]:
        """Step all parties through the windows that every one of them has."""
        events: list[Event] = []
        channels = self._channels.values()
        while all(channel.ready for channel in channels):
            windows = self._leaked.without([channel.next_window() for channel in channels])
            for channel, window in zip(channels, windows, strict=True):
                events += self._judged(channel.step(window))
            events += self._judged(self._leaked.told())
            settled = {channel.party: channel.settled_ms for channel in channels}
            events += self._judged(self._dynamics.settle(settled))
            events += self._rules.settle(settled)
        return events

    def _judged(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, each followed by what was measured from it and what the rules say."""
        for event in events:
            yield event
            yield from self._rules.feed(event)
            for reading in self._dynamics.feed(event):
                yield reading
                yield from self._rules.feed(reading)
