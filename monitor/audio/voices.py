"""Whose voice it is: a vector per stretch of speech, near for one speaker and far for two.

The network is a small LSTM over mel bands (docs/parties.md). Its
features are those it was trained on: power in 40 mel bands (Slaney's scale and
norm), 25 ms Hann windows every 10 ms, speech levelled to -30 dBFS, no logarithm.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.user_folders import user_folder
from monitor.events import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    import onnxruntime

Voices = npt.NDArray[np.float32]
"""Shape (n, 256), each of length 1."""

_BANDS = 40
_FRAME = SAMPLE_RATE * 25 // 1000
_HOP = SAMPLE_RATE // 100
_LEVEL = 10 ** (-30 / 20)
_BATCH = 64


def model_file() -> Path | None:
    """Where the network lies: `MONITOR_VOICE_MODEL`, or `speaker/voice.onnx` in the user's own
    folder. It is made elsewhere and does not travel with this project (docs/parties.md)."""
    own = os.environ.get("MONITOR_VOICE_MODEL")
    file = Path(own) if own else user_folder() / "speaker" / "voice.onnx"
    return file if file.is_file() else None


class VoiceModel:
    """The network; one instance serves all calls.

    Raises:
        UserError: its file is missing.
    """

    def __init__(self) -> None:
        import onnxruntime  # heavy; only those who tell voices apart pay for it

        file = model_file()
        if file is None:
            raise UserError(
                tr(
                    "没有声音模型，分不开同一声道里的两个人：请按 docs/parties.md 放好，"
                    "或用 --channels agent",
                    "without a voice model two people on one channel cannot be told apart: put one"
                    " in its place (docs/parties.md), or say --channels agent",
                )
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            str(file), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def voices(self, stretches: Sequence[Samples]) -> Voices:
        """A vector for each stretch (float32, 16 kHz, all of one length from 25 ms on)."""
        parts = [np.zeros((0, 256), np.float32)]
        for first in range(0, len(stretches), _BATCH):
            mel = np.stack([_mel(samples) for samples in stretches[first : first + _BATCH]], axis=1)
            parts.append(self._session.run(None, {"mel": mel})[0])
        return np.concatenate(parts)


def _mel(samples: Samples) -> npt.NDArray[np.float32]:
    """Shape (frames, 40)."""
    level = float(np.sqrt(np.mean(np.square(samples)))) + 1e-9
    padded = np.pad(samples * np.float32(_LEVEL / level), _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    spectrum = np.fft.rfft(frames * _hann())
    power = spectrum.real**2 + spectrum.imag**2
    return (power @ _filters()).astype(np.float32)


@lru_cache
def _hann() -> npt.NDArray[np.float64]:
    return np.hanning(_FRAME + 1)[:-1]


@lru_cache
def _filters() -> npt.NDArray[np.float64]:
    """Slaney's mel triangles of equal area; shape (`_FRAME` // 2 + 1, 40)."""
    # Linear up to 1 kHz (200/3 Hz a mel), logarithmic above (27 steps to 6.4 times as much).
    top = 15 + np.log(SAMPLE_RATE / 2 / 1000) / (np.log(6.4) / 27)
    mels = np.linspace(0, top, _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
    at = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)[:, None]
    width = np.diff(edges)
    rising, falling = (at - edges[:-2]) / width[:-1], (edges[2:] - at) / width[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * 2 / (edges[2:] - edges[:-2]))
