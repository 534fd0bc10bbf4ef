"""A recording as the audio of its parties: a channel each, or one channel with two voices in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.audio import file as audio_file
from monitor.audio.file import TruncatedAudioError
from monitor.audio.seats import Seats, seat
from monitor.audio.voices import model_file
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import readable
from monitor.call.facts import MIXED, Channels
from monitor.events import Alert, AlertState, Chunk, Party, Reading, Severity

if TYPE_CHECKING:
    from monitor.audio.mixed import Turn
    from monitor.audio.vad import SileroVad

_BOTH = (Party.AGENT, Party.CUSTOMER)


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording and who is heard in it: a party per channel, or per voice where there are
    `turns` (then `voices` are the parties of speaker 0 and 1)."""

    source: Path
    seats: Seats
    turns: tuple[Turn, ...] = ()
    voices: tuple[Party, ...] = _BOTH

    @property
    def mixed(self) -> bool:
        return bool(self.turns)

    @property
    def parties(self) -> tuple[Party, ...]:
        return self.voices if self.mixed else self.seats.parties

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know of the recording."""
        if not self.mixed:
            return self.seats.remarks
        told = tr(
            "两个人在同一个声道里，按声音分开；同时说的话只记给一方，抢话、重叠无法判断",
            "two people are on one channel and were told apart by their voices; of words said at"
            " the same time one party's are kept, and interruptions and overlaps cannot be told",
        )
        return (*self.seats.remarks, told)

    def exchanged(self) -> Sound:
        """The same with the parties the other way round."""
        other = {Party.AGENT: Party.CUSTOMER, Party.CUSTOMER: Party.AGENT, None: None}
        channels = tuple(other[party] for party in self.seats.channels)
        seats = self.seats if self.mixed else replace(self.seats, channels=channels)
        return replace(self, seats=seats, voices=self.voices[::-1])

    def read(self) -> Iterator[Chunk]:
        """The audio of each party, as `audio_file.read_call`.

        Raises:
            UserError: it cannot be read, or only in part.
        """
        chunks = audio_file.read_call(self.source, self.seats.channels)
        if not self.mixed:
            return chunks
        from monitor.audio.mixed import apart

        return apart(chunks, self.turns, self.voices)


def open_sound(source: Path, channels: Channels, vad: SileroVad) -> Sound:
    """A recording, listened to for who is in it. Voices are told apart where there is one channel
    and nobody is named for it, where both channels carry the same, and where `channels` says so.

    Raises:
        UserError: it cannot be read, or its channels are not those named.
    """
    named = None if channels == "mixed" else channels
    seats = seat(source, named)
    if channels == MIXED and len(seats.parties) != 1:
        raise UserError(
            tr(
                f"{readable(source)}：不止一个声道有声音，"
                "--channels mixed 只用于两人同在一个声道的录音",
                f"{readable(source)}: more than one channel has a sound of its own, but"
                " --channels mixed is for a recording with both parties on one",
            )
        )
    alone = len(seats.channels) == 1 and channels is None
    if not (alone or seats.mixed or channels == MIXED):
        return Sound(source, seats)
    if channels != MIXED and model_file() is None:
        return Sound(source, seats)  # as before there was one: the channel is the agent's
    turns = _turns(source, seats, vad)
    return Sound(source, seats, tuple(turns or ()))


def _turns(source: Path, seats: Seats, vad: SileroVad) -> list[Turn] | None:
    from monitor.audio.mixed import Listener
    from monitor.audio.voices import VoiceModel

    listener = Listener(vad, VoiceModel())
    try:
        for chunk in audio_file.read_call(source, seats.channels, block_ms=1_000):
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
                    sound.voices[turn.speaker],
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
