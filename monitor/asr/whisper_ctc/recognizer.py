"""The recogniser: windows of audio through encoder and head, then as any other posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from monitor.asr.ctc import false_alarms
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.recognizer import Hearing, PosteriorRecognizer
from monitor.asr.whisper_ctc.windows import Plan, WindowHearing, hearer

if TYPE_CHECKING:
    from monitor.asr.whisper_ctc.head import Frames, Head
    from monitor.asr.whisper_ctc.head_folder import HeadFolder
    from monitor.events import Samples

_LEAD_MS, _TRAIL_MS = 50, 190
"""Its units fire about 130 ms earlier in their syllables than the embedded network's (180, 60)."""


class Ear(Protocol):
    """The encoder, or what stands in for it in a test."""

    def frames(self, samples: Samples) -> Frames:
        """Frames [ceil(n / 320), width] of a window."""

    def close(self) -> None:
        """Release it."""


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
        self._plan = plan
        self._hear = hearer(
            encoder.frames, head.posteriors, description.loudness, description.window_s[0]
        )

    def hearing(self) -> Hearing:
        """A fresh way through the windows of a stretch."""
        return WindowHearing(self._hear, self._plan, self.inventory.blank)

    def close(self) -> None:
        """Release the encoder; streams must not be used any more."""
        self._encoder.close()
