"""The encoder of a Whisper in CTranslate2's form: samples of a window in, frames out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.whisper_ctc.head import Frames
    from monitor.events import Samples

HOP = 320
"""Samples per frame: 20 ms, two frames of the mel spectrogram."""

LONGEST_S = 30
_MEL_HOP = 160


class Encoder:
    """A loaded encoder; shared by every call of the process.

    Args:
        folder: a Whisper of CTranslate2's; its decoder is loaded too and not used.
        threads: of one window. A batch has a process per core.

    Raises:
        UserError: CTranslate2 cannot load it.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        import ctranslate2
        from faster_whisper.feature_extractor import FeatureExtractor

        try:
            # CTranslate2 reports every defect as a RuntimeError or ValueError of its own words.
            self._model = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            raise UserError(
                tr(
                    f"{folder}：CTranslate2 无法加载：{error}",
                    f"{folder}: CTranslate2 cannot load it: {error}",
                )
            ) from error
        self._mel: Any = FeatureExtractor()

    def frames(self, samples: Samples) -> Frames:
        """Frames [ceil(n / HOP), width] of a window of n samples, `LONGEST_S` at most.

        The window is not padded to 30 s: the encoder takes any length, and so was the head
        trained.
        """
        import ctranslate2

        count = -(-len(samples) // HOP) * 2
        padded = np.pad(samples, (0, count * _MEL_HOP - len(samples)))
        mel = self._mel(padded, padding=_MEL_HOP)[None, :, :count]
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(mel, np.float32))
        found: Frames = np.array(self._model.encode(view, to_cpu=True), np.float32)[0]
        return found

    def close(self) -> None:
        """Release the model's memory."""
        self._model.unload_model()
