"""Models that stream: audio in as it comes, tokens out after every run of the network.

sherpa-onnx runs a network on windows of a fixed number of frames counted from
the beginning of a stretch, so the tokens do not depend on how the audio was
cut up. At the end of a turn as much silence follows as the model needs to say
what it has heard: a window, a shift and its own delay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.asr.sherpa import engine
from monitor.asr.sherpa.layout import Kind
from monitor.asr.sherpa.symbols import SymbolTable
from monitor.asr.token_writer import TokenWriter
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party, Token

if TYPE_CHECKING:
    from monitor.asr.sherpa.layout import Model, Streaming
    from monitor.asr.sherpa.settings import SherpaSettings
    from monitor.asr.token_writer import Piece
    from monitor.events import Samples

_HOP = 10 * SAMPLES_PER_MS  # samples handed on at a time, at least

LEAD_MS = 180
TRAIL_MS = 60
FRAME_MS = 40
"""A unit is said in one frame within its syllable: it begins about so long before that frame
and ends so long after, neighbours permitting (as measured for `monitor.asr.ctc.recognizer`)."""

_ROOM_MS = 40
"""Kept free before what has been heard, for tokens that a model says only after the audio's end."""

_PARAFORMER_AHEAD_MS = 180
"""Streaming Paraformer looks three of its frames of 60 ms ahead (a constant of sherpa-onnx):
what a run says was spoken so long before the run's own stretch."""


class OnlineRecognizer:
    """A loaded model; shared by every call.

    Raises:
        UserError: sherpa-onnx cannot load it.
    """

    def __init__(self, model: Model, settings: SherpaSettings) -> None:
        assert model.streaming is not None
        self.name = f"sherpa:{model.name}"
        self.streaming: Streaming = model.streaming
        self.timed = model.kind is not Kind.PARAFORMER
        self.symbols = SymbolTable(model.files["tokens"])
        self.engine: Any = engine.build(model, settings)

    def stream(self, party: Party) -> OnlineStream:
        """A fresh stream for one party of one call."""
        return OnlineStream(self, party)

    def close(self) -> None:
        """Let go of the network: its memory returns with the last stream."""
        self.engine = None


class OnlineStream:
    """One party of one call."""

    def __init__(self, recognizer: OnlineRecognizer, party: Party) -> None:
        self.settled_ms = 0
        self.partial = ""
        self._recognizer = recognizer
        self._party = party
        self._stretch: _Stretch | None = None

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next piece of the open speech stretch, of any length."""
        if self._stretch is None:
            self._stretch = _Stretch(self._recognizer, self._party, chunk.start_ms)
        tokens = self._stretch.feed(chunk.samples)
        self.settled_ms = max(self.settled_ms, self._stretch.settled_ms)
        self.partial = self._stretch.symbols.preview
        return tokens

    def end_turn(self) -> list[Token]:
        """The stretch is over: everything heard in it comes out."""
        if self._stretch is None:
            return []
        stretch, self._stretch = self._stretch, None
        tokens = stretch.finish()
        self.settled_ms = max(self.settled_ms, stretch.end_ms)
        self.partial = ""
        return tokens


class _Stretch:
    """State that lives from the beginning of a speech stretch to its end."""

    def __init__(self, recognizer: OnlineRecognizer, party: Party, start_ms: int) -> None:
        self.symbols = recognizer.symbols.stream()
        self._recognizer = recognizer
        self._stream = recognizer.engine.create_stream()
        self._writer = TokenWriter(party, start_ms)
        self._start_ms = start_ms
        self._samples = 0
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._runs = 0
        self._read = 0  # symbols

    @property
    def end_ms(self) -> int:
        return self._start_ms + self._samples // SAMPLES_PER_MS

    @property
    def settled_ms(self) -> int:
        """No token to come begins before this."""
        waiting = self.symbols.waiting_from_ms
        earliest = max(self._writer.free_ms, self._begun_ms() - self._lead_ms)
        return min(earliest, self.end_ms) if waiting is None else min(waiting, earliest)

    def feed(self, samples: Samples) -> list[Token]:
        self._samples += len(samples)
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        return self._hear() if self._waiting_samples >= _HOP else []

    def finish(self) -> list[Token]:
        tokens = self._hear()
        cut = self._recognizer.streaming
        silence_ms = cut.window_ms + cut.shift_ms + cut.delay_ms
        self._waiting.append(np.zeros(silence_ms * SAMPLES_PER_MS, np.float32))
        self._hand_on()
        self._stream.input_finished()
        late = [piece for pieces in self._run() for piece in pieces]
        return tokens + self._writer.write([*late, *self.symbols.finish()], self.end_ms)

    def _hear(self) -> list[Token]:
        """Tokens of the runs that the audio allows, each limited by what its own run heard."""
        if self._waiting_samples:
            self._hand_on()
        tokens: list[Token] = []
        for pieces in self._run():
            tokens += self._writer.write(pieces, self._heard_ms() - _ROOM_MS)
        return tokens

    def _hand_on(self) -> None:
        self._stream.accept_waveform(SAMPLE_RATE, np.concatenate(self._waiting))
        self._waiting.clear()
        self._waiting_samples = 0

    def _run(self) -> Iterator[list[Piece]]:
        """Run the network as often as the audio allows; what it says, run by run."""
        recognizer = self._recognizer
        while recognizer.engine.is_ready(self._stream):
            recognizer.engine.decode_stream(self._stream)
            self._runs += 1
            result = recognizer.engine.get_result_all(self._stream)
            symbols = result.tokens
            new = range(self._read, len(symbols))
            self._read = len(symbols)
            pieces: list[Piece] = []
            for number in new:
                start_ms, end_ms = self._span(result, number, new)
                # Log-probabilities; CTC models and Paraformer give none.
                chances = result.ys_probs
                sure = math.exp(chances[number]) if number < len(chances) else 1.0
                pieces += self.symbols.push(symbols[number], start_ms, end_ms, sure)
            yield pieces

    def _span(self, result: Any, number: int, new: range) -> tuple[int, int]:
        """When the symbol was said, in ms."""
        cut = self._recognizer.streaming
        if self._recognizer.timed:
            late_ms = self._start_ms - cut.delay_ms
            at_ms = late_ms + round(1000 * result.timestamps[number] * cut.stretch)
            return at_ms - LEAD_MS, at_ms + FRAME_MS + TRAIL_MS
        # The engine tells no times: those of a run share its stretch evenly.
        begin_ms = self._begun_ms() - cut.shift_ms
        step = cut.shift_ms / len(new)
        first = number - new.start
        return begin_ms + round(step * first), begin_ms + round(step * (first + 1))

    @property
    def _lead_ms(self) -> int:
        return LEAD_MS if self._recognizer.timed else 0

    def _begun_ms(self) -> int:
        """Up to here the runs so far have said what there was."""
        cut = self._recognizer.streaming
        ahead_ms = 0 if self._recognizer.timed else _PARAFORMER_AHEAD_MS
        return self._start_ms + self._runs * cut.shift_ms - cut.delay_ms - ahead_ms

    def _heard_ms(self) -> int:
        """End of the audio that the last run looked at."""
        cut = self._recognizer.streaming
        return self._start_ms + (self._runs - 1) * cut.shift_ms + cut.window_ms
