"""A stretch of a recording as a WAV of its own: what a learner hears of a case, and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitor.audio.decode import Block, Decoder, TruncatedAudioError
from monitor.audio.playable import pcm_wav, whole_file


def clip(original: Path, start_ms: int, end_ms: int) -> Path:
    """The stretch as a file beside the recording, cut once.

    Raises:
        UserError: no readable recording, or nothing can be written beside it.
    """
    path = original.with_suffix(f".{start_ms}-{end_ms}.wav")
    if not path.is_file():
        with Decoder(original) as decoder:
            rate, channels = decoder.info.rate, decoder.info.channels
            samples = _between(decoder, start_ms * rate // 1000, end_ms * rate // 1000, channels)
        with whole_file(path) as file:
            file.write(pcm_wav(samples, rate))
    return path


def _between(decoder: Decoder, first: int, last: int, channels: int) -> np.ndarray:
    """Samples [first, last) as int16 of shape (n, channels); lost audio is silence."""
    found = np.zeros((max(0, last - first), channels), np.int16)
    at = 0
    try:
        for block in decoder.blocks():
            at += round(block.jump_s * decoder.info.rate)
            _put(found, block, at - first)
            at += len(block.samples)
            if at >= last:
                break
    except TruncatedAudioError:  # what there is of it
        pass
    return found[: max(0, at - first)]


def _put(found: np.ndarray, block: Block, offset: int) -> None:
    start, end = max(0, offset), min(len(found), offset + len(block.samples))
    if start < end:
        part = block.samples[start - offset : end - offset]
        found[start:end] = np.clip(np.rint(part * 32767), -32768, 32767)
