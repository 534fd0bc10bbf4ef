"""Everything heavy that a call needs, loaded once and shared by all calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor import asr, rules
from monitor.asr import Recognizer
from monitor.audio.file import TruncatedAudioError
from monitor.call import Call
from monitor.calljson import CallRecord
from monitor.events import CallInfo, Chunk, Party
from monitor.facts import DEFAULT_PACKS, CallFacts
from monitor.rules import Rulebook
from monitor.vad import SileroVad


@dataclass(frozen=True, slots=True)
class Engine:
    """Recogniser, voice activity model and rules."""

    recognizer: Recognizer
    rulebook: Rulebook
    vad: SileroVad

    def call(self, source: str, parties: Sequence[Party], facts: CallFacts | None = None) -> Call:
        """A new call whose id and source name is `source`."""
        known = facts or CallFacts()
        info = CallInfo(
            id=Path(source).stem or source,
            source=source,
            parties=tuple(parties),
            recogniser=self.recognizer.name,
            packs=tuple(f"{pack.id}@{pack.version}" for pack in self.rulebook.packs),
            started_at=known.started_at,
            direction=known.direction,
            facts=dict(known.facts),
        )
        return Call(info, self.recognizer, self.rulebook, self.vad)


def load(asr_name: str | None = None, packs: Sequence[str | Path] = DEFAULT_PACKS) -> Engine:
    """Load recogniser (None: the embedded one), rules and voice activity model.

    Raises:
        UserError: an unknown recogniser or a pack with errors.
    """
    rulebook = rules.load(packs)
    recognizer = asr.load(asr_name, phrases=rulebook.phrases)
    return Engine(recognizer, rulebook, SileroVad())


def run(call: Call, chunks: Iterable[Chunk]) -> CallRecord:
    """A recorded call from start to end, as fast as it goes.

    A recording that breaks off is taken as far as it goes; the record says so
    in `damage`.

    Raises:
        UserError: the recording cannot be read at all.
    """
    record = CallRecord()
    record(call.start())
    try:
        for chunk in chunks:
            record(call.feed(chunk))
    except TruncatedAudioError as error:
        record.damage = str(error)
    record(call.finish())
    return record
