"""Everything heavy that a call needs, loaded once and shared by all calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor import asr, rules
from monitor.asr import Recognizer
from monitor.call import Call
from monitor.calljson import CallRecord
from monitor.events import CallInfo, Chunk, Detail, Party
from monitor.rules import Rulebook
from monitor.vad import SileroVad

DEFAULT_PACKS = ("unicom-10010",)
"""The packs used when none is named. The only home of this default."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call beside its audio; see `CallInfo` for the fields."""

    started_at: str | None = None
    direction: str | None = None
    facts: tuple[tuple[str, Detail], ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """Recogniser, voice activity model and rules."""

    recognizer: Recognizer
    rulebook: Rulebook
    vad: SileroVad

    def call(self, source: str, parties: Sequence[Party], facts: CallFacts | None = None) -> Call:
        """A new call whose id and source name is `source`."""
        known = facts or CallFacts()
        direction = known.direction
        info = CallInfo(
            id=Path(source).stem or source,
            source=source,
            parties=tuple(parties),
            recogniser=self.recognizer.name,
            packs=tuple(f"{pack.id}@{pack.version}" for pack in self.rulebook.packs),
            started_at=known.started_at,
            direction=direction if direction in ("inbound", "outbound") else None,
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
    """A recorded call from start to end, as fast as it goes."""
    record = CallRecord()
    record(call.start())
    for chunk in chunks:
        record(call.feed(chunk))
    record(call.finish())
    return record
