"""From samples to model frames: Kaldi filterbank, then frames stacked and thinned.

Everything works on running counts, never on the size of the pieces it is fed,
so any chunking down to single samples gives bit for bit the same frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from monitor.asr.ctc.model_folder import Frontend, Stack
    from monitor.events import Samples

Frames = npt.NDArray[np.float32]
"""Feature frames, shape [frames, values]."""


class Filterbank:
    """Log-mel filterbank frames of one stretch of audio, computed as Kaldi does.

    Frame `t` looks at samples `t·hop … t·hop + frame` (`snip_edges`), so a
    frame comes out as soon as its last sample is in.
    """

    def __init__(self, options: Frontend, sample_rate: int) -> None:
        self._rate = float(sample_rate)
        self._scale = np.float32(options.scale)
        self._hop = sample_rate * options.hop_ms // 1000
        self._bins = options.bins
        self._bank = _extractor(options, sample_rate)
        self._read = 0
        # The extractor pays per call, so single samples are gathered into hops first.
        self._waiting = np.empty(self._hop, dtype=np.float32)
        self._waiting_count = 0

    def feed(self, samples: Samples) -> Frames:
        """The frames that `samples` complete, shape [n, bins], n ≥ 0."""
        # Whole hops only: what has come out then depends on the number of samples alone.
        whole = (self._waiting_count + len(samples)) // self._hop * self._hop
        taken = max(0, whole - self._waiting_count)
        rest = samples[taken:]
        if whole:
            held = self._waiting[: self._waiting_count]
            frames = self._compute(np.concatenate([held, samples[:taken]]))
            self._waiting_count = 0
        else:
            frames = self._nothing()
        self._waiting[self._waiting_count : self._waiting_count + len(rest)] = rest
        self._waiting_count += len(rest)
        return frames

    def finish(self) -> Frames:
        """The frames still held back; the bank takes no audio after this."""
        rest = self._waiting[: self._waiting_count]
        self._waiting_count = 0
        return self._compute(rest) if len(rest) else self._nothing()

    def _compute(self, samples: Samples) -> Frames:
        # A list converts far faster than numpy scalars do one by one.
        self._bank.accept_waveform(self._rate, (samples * self._scale).tolist())
        ready = self._bank.num_frames_ready
        if ready == self._read:
            return self._nothing()
        frames = np.stack([self._bank.get_frame(t) for t in range(self._read, ready)])
        self._bank.pop(ready - self._read)
        self._read = ready
        return frames

    def _nothing(self) -> Frames:
        return np.empty((0, self._bins), dtype=np.float32)


def _extractor(options: Frontend, sample_rate: int) -> Any:
    import kaldi_native_fbank as knf

    fbank = knf.FbankOptions()
    fbank.frame_opts.samp_freq = sample_rate
    fbank.frame_opts.frame_length_ms = options.frame_ms
    fbank.frame_opts.frame_shift_ms = options.hop_ms
    fbank.frame_opts.window_type = options.window
    fbank.frame_opts.dither = 0.0
    fbank.frame_opts.snip_edges = True
    fbank.mel_opts.num_bins = options.bins
    fbank.energy_floor = options.energy_floor
    return knf.OnlineFbank(fbank)


class Stacker:
    """Joins each frame with its neighbours and keeps every `stride`-th.

    Output frame `m` is input frames `m·stride - left … m·stride + right` side
    by side; beyond the edges of the stretch the first or last frame repeats.
    """

    def __init__(self, stack: Stack, width: int) -> None:
        self._stack = stack
        self._held = np.empty((0, width), dtype=np.float32)
        self._first = 0  # index, in the stretch, of the first held frame
        self._next = 0  # index of the next output frame

    def feed(self, frames: Frames) -> Frames:
        """The output frames that `frames` complete, shape [n, width·(left + 1 + right)]."""
        if not len(frames):
            return self._take(0)
        self._held = np.concatenate([self._held, frames])
        end = self._first + len(self._held)
        ready = max(0, (end - 1 - self._stack.right) // self._stack.stride + 1)
        return self._take(max(0, ready - self._next))

    def finish(self) -> Frames:
        """The output frames whose right neighbours lie beyond the end."""
        end = self._first + len(self._held)
        total = -(-end // self._stack.stride)
        return self._take(total - self._next)

    def _take(self, count: int) -> Frames:
        left, right, stride = self._stack.left, self._stack.right, self._stack.stride
        if count == 0:
            return np.empty((0, self._held.shape[1] * (left + 1 + right)), dtype=np.float32)
        centres = np.arange(self._next, self._next + count) * stride
        wanted = centres[:, None] + np.arange(-left, right + 1)
        inside = np.clip(wanted - self._first, 0, len(self._held) - 1)
        stacked: Frames = self._held[inside].reshape(count, -1)
        self._next += count
        # Kept: all that the next output looks back to, and at least the frame that
        # the right edge repeats.
        spare = min(self._next * stride - left - self._first, len(self._held) - 1)
        if spare > 0:
            self._held = self._held[spare:]
            self._first += spare
        return stacked


class StreamingFrontend:
    """Filterbank and stacking of one speech stretch."""

    def __init__(self, frontend: Frontend, stack: Stack, sample_rate: int) -> None:
        self._bank = Filterbank(frontend, sample_rate)
        self._stacker = Stacker(stack, frontend.bins)

    def feed(self, samples: Samples) -> Frames:
        """Model frames completed by `samples` (any number), shape [n, values]."""
        return self._stacker.feed(self._bank.feed(samples))

    def finish(self) -> Frames:
        """The last model frames of the stretch."""
        last = self._stacker.feed(self._bank.finish())
        return np.concatenate([last, self._stacker.finish()])
