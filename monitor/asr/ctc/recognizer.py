"""The streaming CTC recogniser: one code for every model folder.

    samples → frames → log-posteriors → units → tokens

Every step counts in its own frames from the beginning of the stretch, so the
tokens do not depend on how the audio was cut up.
"""

from __future__ import annotations

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
from monitor.events import SAMPLE_RATE, Chunk, Party, Spotted, Token

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.ctc.model_folder import ModelFolder
    from monitor.language.phrases.keywords import Keyword

_LEAD_MS = 180
TRAIL_MS = 60
"""A CTC unit fires within its syllable: it begins about so long before the first frame
in which it was heard and ends so long after the last, neighbours permitting. Set on
two-syllable words spoken slowly, onset and end by their energy: median errors below 60 ms."""


_KEPT_SPOTTERS = 8
"""Sets of phrases kept compiled: those of either party, before and after a change of rules."""


class Tap(Protocol):
    """Listens in on the posteriors of one party, stretch by stretch."""

    def begin(self, start_ms: int, frame_ms: int) -> None:
        """A stretch begins at `start_ms`; its frames last `frame_ms`."""

    def hear(self, posteriors: Posteriors) -> None:
        """The next log-probabilities of the inventory's classes, shape [frames, classes]."""

    def end(self) -> None:
        """The stretch is over."""


class CtcRecognizer:
    """A loaded model; shared by every call.

    Raises:
        UserError: the folder's network does not fit its description.
    """

    def __init__(self, folder: ModelFolder, phrases: Sequence[str] = ()) -> None:
        description = folder.description
        self.name = f"{description.name} {description.version}".strip()
        self.folder = folder
        self.inventory = Inventory(folder.units, description.units.kind, description.units.blank)
        self.model = AcousticModel(folder)
        self.speller = self._speller(phrases)
        self._background = false_alarms.read(folder)
        self._spotters: dict[tuple[Keyword, ...], Spotter] = {}

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

    def close(self) -> None:
        """Nothing to release: the session goes with its last reference."""

    def _speller(self, phrases: Sequence[str]) -> Speller:
        if self.folder.description.units.kind == "character":
            return CharacterSpeller(self.inventory)
        from monitor.asr.ctc.lexicon import Lexicon
        from monitor.asr.ctc.syllable_speller import LexiconSpeller

        return LexiconSpeller(self.inventory, Lexicon.build(phrases, self.folder.words))


class CtcStream:
    """One party of one call."""

    def __init__(self, recognizer: CtcRecognizer, party: Party, tap: Tap | None = None) -> None:
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
            self._ear = KeywordEvents(spotter, self._party, TRAIL_MS)
            if self._stretch is not None:
                self._ear.begin(self._stretch.heard_ms, self._recognizer.model.frame_ms)

    def spotted(self) -> list[Spotted]:
        """What was spotted since the last time, in order of `at_ms`."""
        return [] if self._ear is None else self._ear.take()

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next piece of the open speech stretch, of any length."""
        if self._stretch is None:
            self._stretch = _Stretch(self._recognizer, chunk.start_ms, self._tap)
            if self._ear is not None:
                self._ear.begin(chunk.start_ms, self._recognizer.model.frame_ms)
        stretch = self._stretch
        stretch.samples += len(chunk.samples)
        frames = stretch.frontend.feed(chunk.samples)
        if not len(frames):
            return []
        posteriors = stretch.posteriors.feed(frames)
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

    def __init__(self, recognizer: CtcRecognizer, start_ms: int, tap: Tap | None) -> None:
        description = recognizer.folder.description
        self.frontend = StreamingFrontend(
            description.frontend, description.stack, description.sample_rate
        )
        self.posteriors = recognizer.model.stream()
        self.decoder = CtcDecoder(
            recognizer.inventory.blank, recognizer.folder.decoding, recognizer.folder.grammar
        )
        self.samples = 0
        self._frame_ms = recognizer.model.frame_ms
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
        last = [self.posteriors.feed(self.frontend.finish()), self.posteriors.finish()]
        return [posteriors for posteriors in last if len(posteriors)]

    def time_of(self, frame: int) -> int:
        """Where a frame begins, in ms."""
        return self._start_ms + frame * self._frame_ms

    def earliest_start(self, frame: int) -> int:
        """Where a unit first heard in `frame` or later can begin at the earliest, in ms."""
        return max(self._free_ms, self.time_of(frame) - _LEAD_MS)

    def span(self, unit: Unit) -> tuple[int, int]:
        """Start and end of the next unit in ms; units never overlap."""
        start_ms = self.earliest_start(unit.first)
        end_ms = self.time_of(unit.last + 1) + TRAIL_MS
        if self.over:
            end_ms = max(start_ms + 1, min(end_ms, self.end_ms))
        self._free_ms = end_ms
        return start_ms, self._free_ms
