"""Scoring one recording: the only way from a file to the JSON of its call.

Runs by the thousand (`monitor.call.batch`) and recordings that arrive one by one
(`monitor.quality.imports.worker`) both come here, so both mean the same by "scored
already": one fingerprint of the audio and of everything that judges it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from monitor.audio.seats import READING
from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.base.i18n import tr
from monitor.base.moments import is_day
from monitor.call import engine
from monitor.call.engine import Engine, Second
from monitor.call.facts import MIXED, CallFacts, Channels
from monitor.call.sound import Sound, mark_unsure, open_sound
from monitor.events import Chunk, Detail, Party, to_dict
from monitor.rules.scorecard import scorecard
from monitor.rules.tools.sides import agents_side

_PART = 16  # characters of a fingerprint that say how a call is scored; as many say of what file

SWAPPED = "swapped"
"""The fact that the channels are the wrong way round: `corrected` before the rules judged, or only
`suspected` where the user has said who is on which channel."""

Watched: TypeAlias = Callable[[Iterator[Chunk]], Iterator[Chunk]]
"""Hands the audio of each pass on, and may look at how far it has come."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Recogniser and rules, the second recogniser if any, and who is on which channel (None: as
    the number of channels and their sound say)."""

    engine: Engine
    second: Second | None = None
    channels: Channels = None

    def fingerprint(self, source: Path, facts: CallFacts, released_by: Party | None = None) -> str:
        """How the call is scored, then what file is scored: equal beginnings (`manner`) mean equal
        results for equal audio.

        Raises:
            OSError: there is no such file.
        """
        status = source.stat()
        file = {"size": status.st_size, "changed": status.st_mtime_ns}
        return self._manner(facts, released_by) + _hash(file)

    def score(
        self,
        source: Path,
        name: str,
        facts: CallFacts,
        released_by: Party | None = None,
        watched: Watched = lambda chunks: chunks,
    ) -> dict[str, Any]:
        """The call JSON of a recording.

        Args:
            source: the file.
            name: what the call says it comes from.
            facts: what is known of the call beside its audio.
            released_by: who hung up, if that is known.
            watched: sees the audio of both passes go by.

        Raises:
            UserError: the recording cannot be read.
        """
        # First of all: a file that changes meanwhile is not the one that was scored.
        fingerprint = self.fingerprint(source, facts, released_by)
        sound = open_sound(source, self.channels, self.engine.vad)
        if sound.mixed and facts.direction == "outbound":
            sound = sound.exchanged()  # who is called answers first
        record = self._heard(sound, name, facts, released_by, watched)
        side = self._agents_side(record)
        if side is Party.CUSTOMER and (sound.mixed or self.channels is None):
            sound = sound.exchanged()
            if not sound.mixed:
                facts = _with(facts, SWAPPED, "corrected")
            record = self._heard(sound, name, facts, released_by, watched)
        elif side is Party.CUSTOMER:
            _know(record, SWAPPED, "suspected")
        if sound.mixed:
            _know(record, MIXED, "told apart" if side is not None else "sides guessed")
        record.remarks = (*sound.remarks, *_of_sides(record), *_of_time(facts.started_at))
        if self.second is not None:
            again = self.second.engine.call(name, sound.parties, facts)
            engine.hear_again(record, self.second, again, watched(sound.read()))
        if sound.mixed:
            mark_unsure(record, sound, sides_known=side is not None)
        card = scorecard(self.engine.rulebook, record.alerts, record.scripts)
        return call_record.to_json(record, to_dict(card), fingerprint)

    def _heard(
        self,
        sound: Sound,
        name: str,
        facts: CallFacts,
        released_by: Party | None,
        watched: Watched,
    ) -> CallRecord:
        call = self.engine.call(name, sound.parties, facts)
        return engine.run(call, watched(sound.read()), released_by)

    def _agents_side(self, record: CallRecord) -> Party | None:
        """The party that speaks as an agent does, where the words tell."""
        assert record.info is not None
        if len(record.info.parties) < 2 or SWAPPED in record.info.facts:
            return None
        return agents_side(self.engine.rulebook, record.utterances)

    def _manner(self, facts: CallFacts, released_by: Party | None) -> str:
        second = {"confirm": self.second.listener.name} if self.second else {}
        released = {"released_by": released_by} if released_by else {}
        return _hash(
            {
                **second,
                **released,
                "json": call_record.VERSION,
                "reading": READING,
                "asr": self.engine.recognizer.name,
                "packs": [self.engine.rulebook.digest],
                "channels": self.channels,
                "facts": {
                    "started_at": facts.started_at,
                    "direction": facts.direction,
                    "facts": sorted(dict(facts.facts).items()),
                },
            }
        )


def _of_sides(record: CallRecord) -> tuple[str, ...]:
    assert record.info is not None
    swapped = record.info.facts.get(SWAPPED)
    if swapped == "corrected":
        return (
            tr(
                "声道与惯例相反（坐席在第二声道），已对调",
                "the channels are the wrong way round (the agent is on the second): exchanged",
            ),
        )
    if swapped == "suspected":
        return (
            tr(
                "听起来坐席和客户的声道写反了，仍按 --channels 处理",
                "the agent seems to be on the customer's channel; --channels was followed",
            ),
        )
    return ()


def _with(facts: CallFacts, key: str, value: Detail) -> CallFacts:
    return replace(facts, facts=(*facts.facts, (key, value)))


def _know(record: CallRecord, key: str, value: Detail) -> None:
    """Add what was found out about a call when it was over."""
    assert record.info is not None
    record([replace(record.info, facts={**record.info.facts, key: value})])


def _of_time(started_at: str | None) -> tuple[str, ...]:
    if started_at is None or not is_day(started_at):
        return ()
    return (
        tr(
            f"只知道日期 {started_at}，不知道几点：与时刻有关的规则不适用",
            f"only the day is known ({started_at}), not the time: rules that depend on the hour"
            " do not apply",
        ),
    )


def manner(fingerprint: str) -> str:
    """The beginning of a fingerprint: rules, recognisers, channels and facts, but not the audio."""
    return fingerprint[:_PART]


def _hash(made_of: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:_PART]
