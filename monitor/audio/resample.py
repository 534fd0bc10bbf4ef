"""Any sample rate to ours, as a stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.events import SAMPLE_RATE

LOWEST_RATE = 8_000
"""Telephone audio. Below it a recogniser has nothing to work with."""


class Resampler:
    """Resamples from `rate` to `SAMPLE_RATE`, any number of channels at once.

    However the input is cut into blocks, the joined output is the same to the
    bit: `round(n * SAMPLE_RATE / rate)` samples for n, the first at time zero.
    Output lags behind input by the filter's length (a few ms) until `flush`.
    The filter is soxr's high quality one.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._channels = channels
        self._stream = None
        if rate != SAMPLE_RATE:
            import soxr  # a compiled library; 16 kHz sources do without

            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, channels, dtype="float32")

    def feed(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32 of shape (n, channels) in, shape (m, channels) out; n, m ≥ 0."""
        return self._run(block, last=False)

    def flush(self) -> npt.NDArray[np.float32]:
        """The rest, shape (m, channels), once no more comes. Ends the stream."""
        return self._run(np.zeros((0, self._channels), np.float32), last=True)

    def _run(self, block: npt.NDArray[np.float32], last: bool) -> npt.NDArray[np.float32]:
        if self._stream is None:
            return block
        out: npt.NDArray[np.float32] = self._stream.resample_chunk(
            block.reshape(-1, self._channels), last=last
        )
        return out.reshape(-1, self._channels)
