"""A recording as the audio of its parties: a channel each, or one channel with two voices in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.audio import file as audio_file
from monitor.audio.file import TruncatedAudioError
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.call.facts import MIXED, Channels
from monitor.events import Alert, AlertState, Chunk, Party, Reading, Severity

if TYPE_CHECKING:
    from monitor.audio.mixed import Turn
    from monitor.audio.vad import SileroVad

_BOTH = (Party.AGENT, Party.CUSTOMER)


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording and who is heard in it: a party per channel, or per voice where there are
    `turns`."""

    source: Path
    parties: tuple[Party, ...]
    turns: tuple[Turn, ...] = ()

    @property
    def mixed(self) -> bool:
        return bool(self.turns)

    def exchanged(self) -> Sound:
        """The same with the parties the other way round."""
        return replace(self, parties=self.parties[::-1])

    def read(self) -> Iterator[Chunk]:
        """The audio of each party, as `audio_file.read_call`.

        Raises:
            UserError: it cannot be read, or only in part.
        """
        if not self.mixed:
            return audio_file.read_call(self.source, self.parties)
        from monitor.audio.mixed import apart

        return apart(audio_file.read_call(self.source, self.parties[:1]), self.turns, self.parties)


def open_sound(source: Path, channels: Channels, vad: SileroVad) -> Sound:
    """A recording, listened to where it must be told who speaks in it: always when `channels` is
    `mixed`, and when it has one channel and nothing is said.

    Raises:
        UserError: it cannot be read, or its channels are not those named.
    """
    if isinstance(channels, tuple):
        return Sound(source, audio_file.parties(source, channels))
    count = audio_file.probe(source).channels
    if channels == MIXED and count != 1:
        raise UserError(
            tr(
                f"{source}：有 {count} 个声道，--channels mixed 只用于单声道录音",
                f"{source}: has {count} channels, but --channels mixed is for a recording of one",
            )
        )
    if count != 1:
        return Sound(source, audio_file.parties(source))
    turns = _turns(source, vad)
    return Sound(source, _BOTH, tuple(turns)) if turns else Sound(source, (Party.AGENT,))


def _turns(source: Path, vad: SileroVad) -> list[Turn] | None:
    from monitor.audio.mixed import Listener
    from monitor.audio.voices import VoiceModel

    listener = Listener(vad, VoiceModel())
    try:
        for chunk in audio_file.read_call(source, (Party.AGENT,), block_ms=1_000):
            missing = chunk.start_ms - listener.heard_ms
            if missing > 1:
                listener.skip(missing)
            listener.feed(chunk.samples)
    except TruncatedAudioError:
        pass  # told when the call is heard
    return listener.turns()


def mark_unsure(record: CallRecord, sound: Sound, *, sides_known: bool) -> None:
    """Tell where one channel does not say who speaks, and take back what must not rest on that:
    a fatal finding about words of an unsure turn, or of a call whose sides are a guess."""
    unsure = [turn for turn in sound.turns if not turn.sure]
    for turn in unsure:
        record(
            [
                Reading(
                    "unsure_speaker",
                    turn.end_ms - turn.start_ms,
                    "ms",
                    turn.start_ms,
                    turn.end_ms,
                    sound.parties[turn.speaker],
                )
            ]
        )
    record(_taken_back(record.alerts, unsure, sides_known=sides_known))


def _taken_back(
    alerts: Sequence[Alert], unsure: Sequence[Turn], *, sides_known: bool
) -> list[Alert]:
    return [
        replace(
            alert,
            state=AlertState.RETRACTED,
            evidence={**alert.evidence, "speaker": "unsure"},
        )
        for alert in alerts
        if alert.severity is Severity.FATAL
        and alert.quote
        and alert.state is not AlertState.RETRACTED
        and (
            not sides_known
            or any(t.start_ms < alert.end_ms and alert.start_ms < t.end_ms for t in unsure)
        )
    ]
