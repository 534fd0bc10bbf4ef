"""Recordings made on the fly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.events import SAMPLE_RATE
from monitor.testing.recordings import encode

Write = Callable[[Path, np.ndarray, str, int], Path]


@pytest.fixture(scope="session")
def tones() -> np.ndarray:
    """One second of stereo at 16 kHz, shape (16000, 2): a tone of its own on each channel."""
    seconds = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    left = 0.4 * np.sin(2 * np.pi * 440 * seconds)
    right = 0.2 * np.sin(2 * np.pi * 1250 * seconds)
    return np.stack([left, right], axis=1).astype(np.float32)


@pytest.fixture(scope="session")
def write() -> Write:
    """Writes a file of any kind: path, sound of shape (n, channels), codec, rate."""

    def write(path: Path, sound: np.ndarray, codec: str, rate: int) -> Path:
        if codec == "libvorbis":  # PyAV comes without; libsndfile has it
            soundfile.write(path, sound, rate, format="OGG", subtype="VORBIS")
            return path
        return encode(path, sound, codec, rate)

    return write
