"""Models for whole utterances: a turn's audio is gathered and heard when it is over.

A turn that never ends is cut where it is quietest, so memory and delay stay bounded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.asr.sherpa import engine
from monitor.asr.sherpa.online import FRAME_MS, LEAD_MS, TRAIL_MS
from monitor.asr.sherpa.symbols import SymbolTable
from monitor.asr.token_writer import TokenWriter
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party, Token

if TYPE_CHECKING:
    from monitor.asr.sherpa.layout import Model
    from monitor.asr.sherpa.settings import SherpaSettings
    from monitor.asr.token_writer import Piece
    from monitor.events import Samples

_LONGEST = 28 * SAMPLE_RATE
"""Samples that are heard in one go: these models were trained on utterances up to 30 s."""

_LAST = 8 * SAMPLE_RATE  # of these, where a longer turn is cut
_WINDOW = 100 * SAMPLES_PER_MS  # whose loudness decides where
_SHORTEST = 400 * SAMPLES_PER_MS  # shorter audio is filled up with silence
_TAIL = 200 * SAMPLES_PER_MS  # silence after the audio, for the last syllable's sake


class OfflineRecognizer:
    """A loaded model; shared by every call.

    Raises:
        UserError: sherpa-onnx cannot load it.
    """

    def __init__(self, model: Model, settings: SherpaSettings) -> None:
        self.name = f"sherpa:{model.name}"
        self.symbols = SymbolTable(model.files["tokens"])
        self.engine: Any = engine.build(model, settings)

    def stream(self, party: Party) -> OfflineStream:
        """A fresh stream for one party of one call."""
        return OfflineStream(self, party)

    def close(self) -> None:
        """Let go of the network: its memory returns with the last stream."""
        self.engine = None

    def hear(self, samples: Samples, start_ms: int) -> list[Piece]:
        """Characters and words of an utterance that begins at `start_ms`."""
        if not samples.any():
            return []
        padded = np.zeros(max(len(samples) + _TAIL, _SHORTEST), np.float32)
        padded[: len(samples)] = samples
        stream = self.engine.create_stream()
        stream.accept_waveform(SAMPLE_RATE, padded)
        self.engine.decode_stream(stream)
        result = stream.result
        symbols = self.symbols.stream()
        pieces: list[Piece] = []
        for number, symbol in enumerate(result.tokens):
            span = _span(result, number, len(samples) // SAMPLES_PER_MS)
            chances = getattr(result, "ys_log_probs", ())  # not in older versions
            sure = math.exp(chances[number]) if number < len(chances) else 1.0
            pieces += symbols.push(symbol, start_ms + span[0], start_ms + span[1], sure)
        return pieces + symbols.finish()


class OfflineStream:
    """One party of one call."""

    partial = ""

    def __init__(self, recognizer: OfflineRecognizer, party: Party) -> None:
        self.settled_ms = 0
        self._recognizer = recognizer
        self._party = party
        self._writer: TokenWriter | None = None
        self._held: list[Samples] = []
        self._held_samples = 0
        self._start_ms = 0  # of the stretch
        self._cut = 0  # samples of it that have been heard

    def feed(self, chunk: Chunk) -> list[Token]:
        """Take the next piece of the open speech stretch, of any length."""
        if self._writer is None:
            self._writer = TokenWriter(self._party, chunk.start_ms)
            self._start_ms, self._cut = chunk.start_ms, 0
        self._held.append(chunk.samples)
        self._held_samples += len(chunk.samples)
        tokens: list[Token] = []
        while self._held_samples >= _LONGEST:
            samples = np.concatenate(self._held)
            tokens += self._hear(samples, _quietest(samples[:_LONGEST]))
        self.settled_ms = max(self.settled_ms, self._cut_ms)
        return tokens

    def end_turn(self) -> list[Token]:
        """The stretch is over: what was said in it."""
        if self._writer is None:
            return []
        tokens = self._hear(np.concatenate(self._held), self._held_samples)
        self.settled_ms = max(self.settled_ms, self._cut_ms)
        self._writer = None
        return tokens

    @property
    def _cut_ms(self) -> int:
        return self._start_ms + self._cut // SAMPLES_PER_MS

    def _hear(self, samples: Samples, count: int) -> list[Token]:
        """Hear the first `count` samples of what is held; keep the rest."""
        assert self._writer is not None
        pieces = self._recognizer.hear(samples[:count], self._cut_ms)
        self._held = [samples[count:]]
        self._held_samples = len(samples) - count
        self._cut += count
        # Nothing may begin before what has been called settled.
        self._writer.free_ms = max(self._writer.free_ms, self.settled_ms)
        return self._writer.write(pieces, self._cut_ms)


def _span(result: Any, number: int, length_ms: int) -> tuple[int, int]:
    """When a symbol was said, in ms; evenly spread where the engine does not tell."""
    times = result.timestamps
    if len(times) == len(result.tokens):
        at_ms = round(1000 * times[number])
        return max(0, at_ms - LEAD_MS), at_ms + FRAME_MS + TRAIL_MS
    step = length_ms / len(result.tokens)
    return round(step * number), round(step * (number + 1))


def _quietest(samples: Samples) -> int:
    """Where to cut: the middle of the quietest window near the end."""
    windows = samples[-_LAST:].reshape(-1, _WINDOW)
    quiet = int(np.square(windows).sum(axis=1).argmin())
    return len(samples) - _LAST + quiet * _WINDOW + _WINDOW // 2
