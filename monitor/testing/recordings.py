"""Audio files of any kind, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.events import SAMPLE_RATE


def encode(
    path: str | Path,
    sound: npt.NDArray[np.float32],
    codec: str,
    rate: int = SAMPLE_RATE,
    bit_rate: int | None = None,
) -> Path:
    """Write `sound`, float32 of shape (n, channels) at `SAMPLE_RATE`, and return the path.

    `codec` is FFmpeg's name (pcm_s16le, pcm_alaw, libmp3lame, flac, libopus,
    aac, …), the path's ending decides on the container, `rate` is that of the
    file. The same sound gives the same bytes.
    """
    import av  # FFmpeg
    import soxr
    from av.audio.stream import AudioStream

    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, SAMPLE_RATE, rate).astype(np.float32)
    layout = "mono" if sound.shape[1] == 1 else "stereo"
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        format_ = stream.codec_context.format.name
        data = _as_format(np.clip(sound, -1, 1), format_)
        frame = av.AudioFrame.from_ndarray(data, format=format_, layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        blocks = av.AudioFifo()
        blocks.write(frame)
        while (block := blocks.read(stream.codec_context.frame_size or 4096, True)) is not None:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    return Path(path)


def _as_format(sound: npt.NDArray[np.float32], name: str) -> npt.NDArray[Any]:
    """Samples in one of FFmpeg's formats ("s16", "fltp", …), as PyAV wants them."""
    kind, planar = name.removesuffix("p"), name.endswith("p")
    shaped = sound.T if planar else sound.reshape(1, -1)
    exact = np.ascontiguousarray(shaped).astype(np.float64)
    if kind == "u8":
        return np.round(exact * 127 + 128).astype(np.uint8)
    if kind in ("s16", "s32"):
        # Rounded, not dithered: the same sound gives the same samples.
        dtype = np.int16 if kind == "s16" else np.int32
        return np.round(exact * np.iinfo(dtype).max).astype(dtype)
    return exact.astype(np.float32 if kind == "flt" else np.float64)
