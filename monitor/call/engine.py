"""Everything heavy that a call needs, loaded once and shared by all calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor import asr, rules
from monitor.asr.protocol import Prefetches, Recognizer
from monitor.audio.file import TruncatedAudioError
from monitor.audio.vad import SileroVad
from monitor.base.call_record import CallRecord, Review
from monitor.call.facts import DEFAULT_PACKS, CallFacts
from monitor.call.flow import Call
from monitor.events import CallInfo, Chunk, Party
from monitor.rules import Rulebook

if TYPE_CHECKING:
    from monitor.call.second_pass import SecondListener


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


def load(
    asr_name: str | None = None,
    packs: Sequence[str | Path] = DEFAULT_PACKS,
    *,
    live: bool = False,
) -> Engine:
    """Load recogniser (None: the embedded one), rules and voice activity model.

    `live`: the call is going on, and words are wanted in mid-sentence.

    Raises:
        UserError: an unknown recogniser or a pack with errors.
    """
    rulebook = rules.load(packs)
    recognizer = asr.load(
        asr_name, phrases=rulebook.phrases, hotwords=_hotwords(asr_name, rulebook), live=live
    )
    return Engine(recognizer, rulebook, SileroVad())


@dataclass(frozen=True, slots=True)
class Second:
    """A second recogniser: `listener` judges alerts, `engine` writes calls down without rules."""

    listener: SecondListener
    engine: Engine


def load_second(asr_name: str, loaded: Engine) -> Second:
    """Load the recogniser that hears again what raised an alert.

    It waits for whole turns and leans towards nothing: it is asked for its own opinion.

    Raises:
        UserError: an unknown recogniser.
    """
    from monitor.call.second_pass import SecondListener

    recognizer = asr.load(asr_name, phrases=loaded.rulebook.phrases)
    listener = SecondListener(recognizer, loaded.rulebook)
    return Second(listener, Engine(recognizer, rules.load(()), loaded.vad))


def _hotwords(asr_name: str | None, rulebook: Rulebook) -> tuple[str, ...]:
    """Words of the rules that a recogniser of another engine may lean towards."""
    if asr_name is None or ":" not in asr_name:
        return ()  # ours has no use for them, and choosing takes a dictionary
    from monitor.asr import hotwords

    return hotwords.choose(rulebook.scripts, rulebook.phrases)


def run(call: Call, chunks: Iterable[Chunk], released_by: Party | None = None) -> CallRecord:
    """A recorded call from start to end, as fast as it goes; `released_by` hung up, if known.

    A recording that breaks off is taken as far as it goes; the record says so
    in `damage`. It is read ahead of the flow where that helps the recogniser.

    Raises:
        UserError: the recording cannot be read at all.
    """
    record = CallRecord()
    record(call.start())
    if isinstance(call.recognizer, Prefetches):
        from monitor.call.prefetch import read_ahead

        chunks = read_ahead(call.recognizer, call.parties, chunks, call.vad)
    try:
        for chunk in chunks:
            record(call.feed(chunk))
    except TruncatedAudioError as error:
        record.damage = str(error)
    record(call.finish(released_by))
    return record


def hear_again(record: CallRecord, second: Second, call: Call, chunks: Iterable[Chunk]) -> None:
    """Judge a recorded call's alerts by a second recogniser, and keep what it wrote.

    Args:
        record: the call's; gets the verdicts, and the transcript for review.
        call: of `second.engine`, not begun.
        chunks: the same audio.
    """
    from monitor.call.second_pass import Rehearing, review

    again = Rehearing(second.listener, record.alerts) if second.listener.scores else None
    heard = run(call, chunks if again is None else again.watch(chunks))
    record.review = Review(second.listener.name, tuple(heard.utterances))
    if again is not None:
        record(again.verdicts())
        return
    tokens = [token for turn in heard.utterances for token in turn.tokens]
    record(review(second.listener, record.alerts, tokens))
