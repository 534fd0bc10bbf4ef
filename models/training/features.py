"""Kaldi filterbank, exactly as the embedded model and the FSMN teacher hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16_000
BINS = 80
LEFT, RIGHT, STRIDE = 2, 2, 3
FRAME_MS = 30
WIDTH = BINS * (LEFT + 1 + RIGHT)


def fbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log filterbank [T10, 80] of 16 kHz samples in -1..1, one row per 10 ms, no edge padding."""
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = BINS
    options.energy_floor = 0.0
    computer = knf.OnlineFbank(options)
    computer.accept_waveform(RATE, (samples * 32768.0).tolist())
    computer.input_finished()
    if computer.num_frames_ready == 0:
        return np.zeros((0, BINS), np.float32)
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def stack(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """[T10, 80] → [ceil(T10 / 3), 400]: two neighbours on either side, edges clamped."""
    count = len(frames)
    if count == 0:
        return np.zeros((0, WIDTH), np.float32)
    centre = np.arange(0, count, STRIDE)[:, None] + np.arange(-LEFT, RIGHT + 1)[None, :]
    stacked: NDArray[np.float32] = frames[np.clip(centre, 0, count - 1)]
    return stacked.reshape(len(centre), WIDTH)
