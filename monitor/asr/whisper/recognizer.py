"""The Whisper recogniser: one loaded model, a light stream per party."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.asr.whisper.packing import PackingDecoder
from monitor.asr.whisper.stream import WhisperStream
from monitor.audio.vad import SileroVad

if TYPE_CHECKING:
    from monitor.asr.whisper.decoder import WhisperDecoder
    from monitor.asr.whisper.hypothesis import Decoder
    from monitor.asr.whisper.settings import WhisperSettings
    from monitor.events import Party, Samples


class WhisperRecognizer:
    """A loaded Whisper; shared by every call that is going on.

    Attributes:
        decoder: what the streams decode with. Where several calls run at once,
            `monitor.call.live.shared_decoder` puts in its place one that decodes their
            windows together.
        model: the loaded model itself.
    """

    def __init__(self, decoder: WhisperDecoder, settings: WhisperSettings) -> None:
        self.name = f"faster-whisper:{decoder.name}"
        self.settings = settings
        self.model = decoder
        self.decoder: Decoder = decoder
        self._vad = SileroVad()

    def stream(self, party: Party) -> WhisperStream:
        """A fresh stream; it uses the decoder that is there when it decodes."""
        return WhisperStream(lambda: self.decoder, self._vad, self.settings, party)

    def close(self) -> None:
        """Release the model; streams must not be used any more."""
        self.model.close()


class WholeWhisperRecognizer(WhisperRecognizer):
    """The same for recordings: hears turns many at a time where they are known beforehand."""

    def __init__(self, decoder: WhisperDecoder, settings: WhisperSettings) -> None:
        super().__init__(decoder, settings)
        longest_ms = min(settings.window_ms, decoder.longest_ms * 99 // 100)
        self.decoder = self._packing = PackingDecoder(
            decoder, longest_ms, settings.batch, pack=settings.pack
        )
        self.ahead_ms = settings.batch * longest_ms

    def prefetch(self, turns: Sequence[Samples]) -> None:
        """Hear turns of one party, in order, before a stream is fed them."""
        self._packing.prefetch(turns)
