"""The streaming CTC recogniser: one code for every network that gives posteriors.

    samples → frames → log-posteriors → units → tokens

Every step counts in its own frames from the beginning of the stretch, so the
tokens do not depend on how the audio was cut up. How samples become posteriors
is the network's affair (`Hearing`); the rest is the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from monitor.asr.ctc import false_alarms
from monitor.asr.ctc.acoustic import AcousticModel
from monitor.asr.ctc.character_speller import CharacterSpeller, Speller
from monitor.asr.ctc.decode import CtcDecoder, Unit
from monitor.asr.ctc.frontend import StreamingFrontend
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.keyword_events import KeywordEvents
from monitor.asr.ctc.keyword_spotter import Spotter
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Spotted, Token

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.asr.ctc.decode import DecodingSettings, Posteriors
    from monitor.asr.ctc.false_alarms import FalseAlarms
    from monitor.asr.ctc.model_folder import ModelFolder
    from monitor.asr.ctc.ngram import Ngram
    from monitor.language.phrases.keywords import Keyword

LEAD_MS = 180
TRAIL_MS = 60
"""A CTC unit fires within its syllable: it begins about so long before the first frame
in which it was heard and ends so long after the last, neighbours permitting. Set on
two-syllable words spoken slowly, onset and end by their energy: median errors below 60 ms."""


_KEPT_SPOTTERS = 8
"""Sets of phrases kept compiled: those of either party, before and after a change of rules."""


class Hearing(Protocol):
    """One stretch's way from samples to posteriors, each frame exactly once and in order."""

    def feed(self, samples: Samples) -> Posteriors:
        """Log-probabilities [frames, units] of the frames that these samples complete."""

    def finish(self) -> Sequence[Posteriors]:
        """Those of all frames not yet returned; the stretch is over."""


class Tap(Protocol):
    """Listens in on the posteriors of one party, stretch by stretch."""

    def begin(self, start_ms: int, frame_ms: int) -> None:
        """A stretch begins at `start_ms`; its frames last `frame_ms`."""

    def hear(self, posteriors: Posteriors) -> None:
        """The next log-probabilities of the inventory's classes, shape [frames, classes]."""

    def end(self) -> None:
        """The stretch is over."""


class PosteriorRecognizer(ABC):
    """A loaded network that gives posteriors of units; shared by every call.

    Args:
        name: for reports.
        inventory: what the network's outputs stand for.
        frame_ms: how long a frame lasts.
        decoding: how posteriors become units, with `grammar`.
        words: file of the words that syllables are spelt with; None without a vocabulary.
        phrases: plain texts that matter, spelt as they are written.
        background: for spotting; None where nothing has been estimated.
        lead_ms: a syllable begins about so long before the first frame in which its unit was heard.
        trail_ms: it ends so long after the last one.
    """

    def __init__(
        self,
        name: str,
        inventory: Inventory,
        frame_ms: int,
        decoding: DecodingSettings,
        grammar: Ngram | None,
        words: Path | None,
        phrases: Sequence[str],
        background: FalseAlarms | None,
        lead_ms: int = LEAD_MS,
        trail_ms: int = TRAIL_MS,
    ) -> None:
        self.name = name
        self.inventory = inventory
        self.frame_ms = frame_ms
        self.decoding = decoding
        self.grammar = grammar
        self.lead_ms = lead_ms
        self.trail_ms = trail_ms
        self.speller = _speller(inventory, words, phrases)
        self._background = background
        self._spotters: dict[tuple[Keyword, ...], Spotter] = {}

    @abstractmethod
    def hearing(self) -> Hearing:
        """A fresh way from samples to posteriors, for one stretch."""

    def stream(self, party: Party, tap: Tap | None = None) -> CtcStream:
        """A fresh stream; `tap` is handed the posteriors that the tokens are decoded from."""
        return CtcStream(self, party, tap)

    def spotter(self, phrases: tuple[Keyword, ...]) -> Spotter | None:
        """The phrases compiled, once for all calls; None where none can be spotted.

        That is so with a model folder for which no `spotting.json` was made.
        """
        if self._background is None or not phrases:
            return None
        known = self._spotters.get(phrases)
        if known is None:
            targets = false_alarms.targets(phrases, self.inventory, self._background)
            known = Spotter(targets, self.inventory.blank)
            for old in list(self._spotters)[: 1 - _KEPT_SPOTTERS]:
                self._spotters.pop(old, None)
            self._spotters[phrases] = known
        return known

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Nothing to release: the session goes with its last reference."""


class CtcRecognizer(PosteriorRecognizer):
    """A loaded model folder.

    Raises:
        UserError: the folder's network does not fit its description.
    """

    def __init__(self, folder: ModelFolder, phrases: Sequence[str] = ()) -> None:
        description = folder.description
        self.folder = folder
        self.model = AcousticModel(folder)
        super().__init__(
            f"{description.name} {description.version}".strip(),
            Inventory(folder.units, description.units.kind, description.units.blank),
            self.model.frame_ms,
            folder.decoding,
            folder.grammar,
            folder.words,
            phrases,
            false_alarms.read(folder),
        )

    def hearing(self) -> Hearing:
        return _Filterbank(self)


class _Filterbank:
    """Filterbank frames through the streaming network."""

    def __init__(self, recognizer: CtcRecognizer) -> None:
        description = recognizer.folder.description
        self._frontend = StreamingFrontend(
            description.frontend, description.stack, description.sample_rate
        )
        self._posteriors = recognizer.model.stream()

    def feed(self, samples: Samples) -> Posteriors:
        return self._posteriors.feed(self._frontend.feed(samples))

    def finish(self) -> Sequence[Posteriors]:
        return [self._posteriors.feed(self._frontend.finish()), self._posteriors.finish()]


def _speller(inventory: Inventory, words: Path | None, phrases: Sequence[str]) -> Speller:
    if inventory.spells:
        return CharacterSpeller(inventory)
    from monitor.asr.ctc.lexicon import Lexicon
    from monitor.asr.ctc.syllable_speller import LexiconSpeller

    return LexiconSpeller(inventory, Lexicon.build(phrases, words))


class CtcStream:
    """One party of one call."""

    def __init__(
        self, recognizer: PosteriorRecognizer, party: Party, tap: Tap | None = None
    ) -> None:
        self.settled_ms = 0
        self.partial = ""
        self._recognizer = recognizer
        self._party = party
        self._tap = tap
        self._ear: KeywordEvents | None = None
        self._spelling = recognizer.speller.stream(party)
        self._stretch: _Stretch | None = None

    def listen_for(self, phrases: tuple[Keyword, ...]) -> None:
        """Spot these phrases from the next frame on."""
        spotter = self._recognizer.spotter(phrases)
        if spotter is None:
            self._ear = None
        elif self._ear is not None:
            self._ear.switch(spotter)
        else:
            self._ear = KeywordEvents(spotter, self._party, self._recognizer.trail_ms)
            if self._stretch is not None:
                self._ear.begin(self._stretch.heard_ms, self._recognizer.frame_ms)

    def spotted(self) -> list[Spotted]:
        """What was spotted since the last time, in order of `at_ms`."""
        return [] if self._ear is None else self._ear.take()

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next piece of the open speech stretch, of any length."""
        if self._stretch is None:
            self._stretch = _Stretch(self._recognizer, chunk.start_ms, self._tap)
            if self._ear is not None:
                self._ear.begin(chunk.start_ms, self._recognizer.frame_ms)
        stretch = self._stretch
        stretch.samples += len(chunk.samples)
        posteriors = stretch.hearing.feed(chunk.samples)
        if not len(posteriors):
            return []
        tokens = self._hear(posteriors)
        self.partial = self._spelling.preview(stretch.decoder.pending)
        return tokens

    def end_turn(self) -> list[Token]:
        """The stretch is over: everything heard in it comes out."""
        stretch = self._stretch
        if stretch is None:
            return []
        stretch.over = True
        tokens: list[Token] = []
        for posteriors in stretch.rest():
            tokens += self._hear(posteriors)
        last = self._spell(stretch.decoder.finish()) + self._spelling.finish()
        self.settled_ms = stretch.end_ms
        if self._ear is not None:
            self._ear.end(last, self.settled_ms)
        self.partial = ""
        self._stretch = None
        if self._tap is not None:
            self._tap.end()
        return tokens + last

    def _hear(self, posteriors: Posteriors) -> list[Token]:
        """Decode frame by frame, so that what waits for time to pass sees each moment of it."""
        stretch = self._stretch
        assert stretch is not None
        folded = self._recognizer.inventory.fold(posteriors)
        if self._tap is not None:
            self._tap.hear(folded)
        tokens: list[Token] = []
        for frame in range(len(folded)):
            one = slice(frame, frame + 1)
            new = self._spell(stretch.decoder.feed(folded[one], posteriors[one]))
            decoder = stretch.decoder
            new += self._spelling.elapse(
                stretch.time_of(decoder.seen), stretch.time_of(decoder.settled), decoder.pending
            )
            tokens += new
            if self._ear is not None:
                self._ear.hear(folded[one])
                self._ear.commit(new, self._settled(stretch))
        self.settled_ms = self._settled(stretch)
        return tokens

    def _settled(self, stretch: _Stretch) -> int:
        waiting_ms = self._spelling.waiting_from_ms
        if waiting_ms is not None:
            return waiting_ms
        return stretch.earliest_start(stretch.decoder.settled)

    def _spell(self, units: Sequence[Unit]) -> list[Token]:
        assert self._stretch is not None
        tokens: list[Token] = []
        for unit in units:
            tokens += self._spelling.push(unit, *self._stretch.span(unit))
        return tokens


class _Stretch:
    """State that lives from the beginning of a speech stretch to its end."""

    def __init__(self, recognizer: PosteriorRecognizer, start_ms: int, tap: Tap | None) -> None:
        self.hearing = recognizer.hearing()
        self.decoder = CtcDecoder(
            recognizer.inventory.blank, recognizer.decoding, recognizer.grammar
        )
        self.samples = 0
        self._frame_ms = recognizer.frame_ms
        self._lead_ms, self._trail_ms = recognizer.lead_ms, recognizer.trail_ms
        self._start_ms = start_ms
        self._free_ms = start_ms  # end of the last unit
        self.over = False
        if tap is not None:
            tap.begin(start_ms, self._frame_ms)

    @property
    def end_ms(self) -> int:
        return self._start_ms + self.samples * 1000 // SAMPLE_RATE

    @property
    def heard_ms(self) -> int:
        """Up to where the posteriors have been decoded."""
        return self.time_of(self.decoder.seen)

    def rest(self) -> list[Posteriors]:
        """The posteriors that had not come out when the audio ended."""
        return [posteriors for posteriors in self.hearing.finish() if len(posteriors)]

    def time_of(self, frame: int) -> int:
        """Where a frame begins, in ms."""
        return self._start_ms + frame * self._frame_ms

    def earliest_start(self, frame: int) -> int:
        """Where a unit first heard in `frame` or later can begin at the earliest, in ms."""
        return max(self._free_ms, self.time_of(frame) - self._lead_ms)

    def span(self, unit: Unit) -> tuple[int, int]:
        """Start and end of the next unit in ms; units never overlap."""
        start_ms = self.earliest_start(unit.first)
        end_ms = self.time_of(unit.last + 1) + self._trail_ms
        if self.over:
            end_ms = max(start_ms + 1, min(end_ms, self.end_ms))
        self._free_ms = end_ms
        return start_ms, self._free_ms
