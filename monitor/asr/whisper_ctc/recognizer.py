"""The recogniser: windows of audio through encoder and head, then as any other posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from monitor.asr.ctc import false_alarms, phrase_scores
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.recognizer import Hearing, PosteriorRecognizer
from monitor.asr.whisper_ctc.windows import Plan, WindowHearing, hearer

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Posteriors
    from monitor.asr.ctc.keyword_spotter import Spotter
    from monitor.asr.protocol import Scored
    from monitor.asr.whisper_ctc.head import Frames, Head
    from monitor.asr.whisper_ctc.head_folder import HeadFolder
    from monitor.events import Chunk, Samples, Token
    from monitor.language.phrases.keywords import Keyword

_KEPT_JUDGES = 64  # rules whose phrases are kept compiled
_LEAD_MS, _TRAIL_MS = 50, 190
"""Its units fire about 130 ms earlier in their syllables than the embedded network's (180, 60)."""


class Ear(Protocol):
    """The encoder, or what stands in for it in a test."""

    def frames(self, samples: Samples) -> Frames:
        """Frames [ceil(n / 320), width] of a window."""

    def close(self) -> None:
        """Release it."""


class _Keep:
    """Keeps the posteriors of a stretch (`monitor.asr.ctc.recognizer.Tap`)."""

    def __init__(self) -> None:
        self.parts: list[Posteriors] = []

    def begin(self, start_ms: int, frame_ms: int) -> None:
        """A new stretch."""
        del start_ms, frame_ms  # there is only one
        self.parts = []

    def hear(self, posteriors: Posteriors) -> None:
        self.parts.append(posteriors)

    def end(self) -> None:
        """Nothing more to do."""


class WhisperCtcRecognizer(PosteriorRecognizer):
    """A loaded encoder and head; shared by every call."""

    def __init__(
        self,
        folder: HeadFolder,
        encoder: Ear,
        head: Head,
        plan: Plan,
        phrases: Sequence[str] = (),
    ) -> None:
        description = folder.description
        units = description.units
        super().__init__(
            f"{description.name} {description.version}".strip(),
            Inventory(folder.units, units.kind, units.blank),
            description.frame_ms,
            folder.decoding,
            folder.grammar,
            folder.words,
            phrases,
            false_alarms.at(folder.path),
            _LEAD_MS,
            _TRAIL_MS,
        )
        self._encoder = encoder
        self._judges: dict[tuple[Keyword, ...], Spotter] = {}
        self._plan = plan
        self._hear = hearer(
            encoder.frames, head.posteriors, description.loudness, description.window_s[0]
        )

    def hearing(self) -> Hearing:
        """A fresh way through the windows of a stretch."""
        return WindowHearing(self._hear, self._plan, self.inventory.blank)

    def score(self, chunk: Chunk, phrases: tuple[Keyword, ...]) -> tuple[list[Scored], list[Token]]:
        """Which of the phrases are in the audio, and what it would have written."""
        judge = self._judges.get(phrases)
        if judge is None:
            judge = phrase_scores.judge(phrases, self.inventory)
            for old in list(self._judges)[: 1 - _KEPT_JUDGES]:
                self._judges.pop(old, None)
            self._judges[phrases] = judge
        keep = _Keep()
        stream = self.stream(chunk.party, keep)
        tokens = [*stream.feed(chunk), *stream.end_turn()]
        if not keep.parts:
            return [], tokens
        start_ms = chunk.start_ms
        rows = np.concatenate(keep.parts)
        return phrase_scores.scored(judge, rows, start_ms, self.frame_ms), tokens

    def close(self) -> None:
        """Release the encoder; streams must not be used any more."""
        self._encoder.close()
