"""Real telephone codecs, encoded and decoded in memory."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# name of the codec, its rates, the bit rates to draw from (None: fixed)
NARROW: dict[str, tuple[int, ...]] = {
    "alaw": (),
    "mulaw": (),
    "gsm": (),
    "amr": (4750, 5900, 7400, 12200),
    "opus": (8000, 12000, 16000),
}


ENCODERS = {"amr": "libopencore_amrnb", "opus": "libopus"}
DECODERS = {"amr": "amrnb", "opus": "libopus"}


def companded(samples: Floats, law: str, rate: int) -> Floats:
    """G.711 A-law / µ-law (`alaw`, `mulaw`) and GSM 06.10 (`gsm`) round trip by libsndfile."""
    import soundfile

    subtype = {"alaw": "ALAW", "mulaw": "ULAW", "gsm": "GSM610"}[law]
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format="WAV")
    file.seek(0)
    back, _ = soundfile.read(file, dtype="float32")
    return fit(np.asarray(back, np.float32), len(samples))


def coded(samples: Floats, codec: str, bit_rate: int, rate: int) -> Floats:
    """AMR-NB (`amr`, 8 kHz) or Opus (`opus`) round trip by PyAV; the codec's delay is removed."""
    import av

    encoder = av.AudioCodecContext.create(ENCODERS[codec], "w")
    decoder = av.AudioCodecContext.create(DECODERS[codec], "r")
    assert isinstance(encoder, av.AudioCodecContext)
    assert isinstance(decoder, av.AudioCodecContext)
    for context in (encoder, decoder):
        context.sample_rate = rate
        context.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = bit_rate
    encoder.time_base = Fraction(1, rate)
    encoder.open()
    size = encoder.frame_size or rate // 50
    pcm = np.clip(samples * 32767.0, -32768, 32767).astype(np.int16)
    pcm = np.pad(pcm, (0, -len(pcm) % size + 2 * size))
    out: list[Floats] = []
    packets = []
    for start in range(0, len(pcm), size):
        frame = av.AudioFrame.from_ndarray(pcm[None, start : start + size], "s16", "mono")
        frame.sample_rate = rate
        frame.pts = start
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    for packet in packets:
        for back in decoder.decode(packet):
            data = back.to_ndarray().reshape(-1)
            if data.dtype == np.int16:
                data = data.astype(np.float32) / 32768.0
            if back.sample_rate != rate:
                import soxr

                data = soxr.resample(data, back.sample_rate, rate, "QQ")
            out.append(np.asarray(data, np.float32))
    joined = np.concatenate(out) if out else samples
    delay = rate // 200 if codec == "amr" else rate * 13 // 2000  # 5 ms; 6.5 ms of Opus pre-skip
    return fit(joined[delay:], len(samples))


def fit(samples: Floats, length: int) -> Floats:
    """Cut or pad with zeros to a length."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))
