"""Voice activity: Silero VAD in onnxruntime, one decision per window.

The model file is the one that ships inside the faster-whisper package. State
(the LSTM's, and whether speech is open) advances once per window of
`WINDOW` samples, never per buffer, so the answer does not depend on how the
audio was cut up on its way here.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE, Samples

if TYPE_CHECKING:
    import onnxruntime

WINDOW = 512
"""Samples per decision (32 ms at 16 kHz); fixed by the model."""

WINDOW_MS = WINDOW * 1000 // SAMPLE_RATE

_CONTEXT = 64  # samples of the previous window that the model sees before each window
_STATE = (1, 1, 128)


@dataclass(frozen=True, slots=True)
class VadSettings:
    """When speech opens and closes.

    Hysteresis: speech opens at a probability of `open_at` or more for
    `open_windows` in a row and closes after `hang_ms` below `close_at`. After `long_ms` of
    one speaker's talk the shorter `long_hang_ms` applies, so that turns of
    fast talkers still become utterances of a readable length. The thresholds
    are those of Silero's own examples (0.5, and 0.15 below it).
    """

    open_at: float = 0.5
    close_at: float = 0.35
    open_windows: int = 2
    hang_ms: int = 576
    long_ms: int = 15_000
    long_hang_ms: int = 192


class Edge(Enum):
    """What a window changed."""

    OPENED = "opened"
    CLOSED = "closed"


class SileroVad:
    """The model; one instance serves every stream."""

    def __init__(self) -> None:
        import onnxruntime  # heavy; only those who listen pay for it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            str(_model_file()), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def stream(self, settings: VadSettings | None = None) -> VadStream:
        return VadStream(self._session, settings or VadSettings())


class VadStream:
    """Speech decisions for one party.

    Attributes:
        open: whether speech is open after the last window.
        onset: index of the window at which the open (or last) speech began.
        last_voiced: index of the last window above the closing threshold.
        probability: of speech, in the last window.
    """

    def __init__(self, session: Any, settings: VadSettings) -> None:
        self._session = session
        self._settings = settings
        self._input = np.zeros((1, _CONTEXT + WINDOW), np.float32)
        self._h = np.zeros(_STATE, np.float32)
        self._c = np.zeros(_STATE, np.float32)
        self._window = -1
        self._run = 0
        self.open = False
        self.onset = 0
        self.last_voiced = -1
        self.probability = 0.0

    def feed(self, window: Samples) -> Edge | None:
        """Judge the next window: float32 of shape (`WINDOW`,)."""
        self._window += 1
        self.probability = probability = self._probability(window)
        if not self.open:
            self._run = self._run + 1 if probability >= self._settings.open_at else 0
            if self._run < self._settings.open_windows:
                return None
            self.open = True
            self.onset = self._window - self._run + 1
            self.last_voiced = self._window
            return Edge.OPENED
        if probability >= self._settings.close_at:
            self.last_voiced = self._window
            return None
        if (self._window - self.last_voiced) * WINDOW_MS < self._hang_ms():
            return None
        self.open = False
        self._run = 0
        return Edge.CLOSED

    def _hang_ms(self) -> int:
        talked_ms = (self._window - self.onset) * WINDOW_MS
        settings = self._settings
        return settings.long_hang_ms if talked_ms > settings.long_ms else settings.hang_ms

    def _probability(self, window: Samples) -> float:
        buffer = self._input
        buffer[0, :_CONTEXT] = buffer[0, -_CONTEXT:]
        buffer[0, _CONTEXT:] = window
        out, self._h, self._c = self._session.run(
            None, {"input": buffer, "h": self._h, "c": self._c}
        )
        return float(out.item())


def _model_file() -> Path:
    # Finding the package without importing it: its __init__ pulls in CTranslate2.
    spec = importlib.util.find_spec("faster_whisper")
    folder = Path(spec.origin).parent / "assets" if spec and spec.origin else None
    files = sorted(folder.glob("silero_vad*.onnx")) if folder else []
    if not files:
        raise UserError(
            "the voice activity model is missing: reinstall faster-whisper, which carries it"
            " (pip install --force-reinstall faster-whisper)"
        )
    return files[-1]
