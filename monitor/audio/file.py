"""Recorded calls as `Chunk`s: any common format, hours long, never loaded whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from monitor.audio import seats
from monitor.audio.decode import AudioInfo, Decoder, TruncatedAudioError
from monitor.audio.resample import Resampler
from monitor.events import SAMPLES_PER_MS, Chunk, Party

__all__ = [
    "SUFFIXES",
    "AudioInfo",
    "TruncatedAudioError",
    "is_named_as_recording",
    "parties",
    "probe",
    "read_call",
]

SUFFIXES = frozenset(
    {
        ".wav", ".wave", ".bwf", ".rf64", ".bw64", ".w64", ".aif", ".aiff", ".aifc", ".au", ".snd",
        ".caf", ".mp3", ".mp2", ".mpga", ".mpa", ".flac", ".ogg", ".oga", ".opus", ".spx",
        ".m4a", ".m4b", ".mp4", ".m4v", ".mov", ".3gp", ".3gpp", ".3g2", ".aac", ".adts",
        ".amr", ".awb", ".wma", ".wmv", ".asf", ".mka", ".mkv", ".webm", ".weba",
    }
)  # fmt: skip
"""Endings (lower case) by which recordings are found in a folder. Any file may be named."""


def is_named_as_recording(path: Path) -> bool:
    """Whether a file in a folder is looked at as a recording, by its ending."""
    return path.suffix.lower() in SUFFIXES


def probe(path: str | Path) -> AudioInfo:
    """What the header says, without decoding.

    Raises:
        UserError: it is no readable recording.
    """
    with Decoder(Path(path)) as decoder:
        return decoder.info


def parties(path: str | Path, channels: Sequence[Party | None] | None = None) -> tuple[Party, ...]:
    """Who is in the call, by what was told and by custom alone (`seats.seat` listens first).

    `channels` names the parties in the order of the channels, None for one that is left out; by
    default mono is the agent's headset, and stereo has the agent left and the customer right.

    Raises:
        UserError: it is no readable recording, or its channels are not those named.
    """
    who = seats.usual(Path(path), probe(path).channels, channels)
    return tuple(party for party in who if party is not None)


def read_call(
    path: str | Path, channels: Sequence[Party | None] | None = None, block_ms: int = 100
) -> Iterator[Chunk]:
    """The audio of a recorded call, decoded as it is asked for.

    Every `block_ms` there is one chunk per party, in channel order; the last
    ones are shorter. Where a stretch in the middle cannot be decoded, the next
    chunk starts that much later than the last one ended.

    Raises:
        UserError: it is no readable recording, its channels are not those named,
            or it has samples that are no numbers.
        TruncatedAudioError: (a `UserError`) it ends early; after the last readable chunk.
    """
    path = Path(path)
    with Decoder(path) as decoder:
        info = decoder.info
        who = seats.usual(path, info.channels, channels)
        cutter = _Cutter(who, block_ms * SAMPLES_PER_MS)
        resampler = Resampler(info.rate, info.channels)
        try:
            for block in decoder.blocks():
                if block.jump_s:
                    yield from cutter.take(resampler.flush())
                    yield from cutter.jump(round(block.jump_s * 1000))
                    resampler = Resampler(info.rate, info.channels)
                yield from cutter.take(resampler.feed(block.samples))
        except TruncatedAudioError:
            yield from cutter.take(resampler.flush())
            yield from cutter.rest()
            raise
        yield from cutter.take(resampler.flush())
        yield from cutter.rest()


class _Cutter:
    """Cuts interleaved samples at 16 kHz into one chunk per party and block."""

    def __init__(self, who: tuple[Party | None, ...], block: int) -> None:
        self._who = who
        self._block = block
        self._parts: list[npt.NDArray[np.float32]] = []
        self._held = 0  # samples (per channel) waiting in `_parts`
        self._start_ms = 0

    def take(self, samples: npt.NDArray[np.float32]) -> Iterator[Chunk]:
        """Samples of shape (n, channels)."""
        self._parts.append(samples)
        self._held += len(samples)
        if self._held < self._block:
            return
        joined = np.concatenate(self._parts)
        whole = len(joined) - len(joined) % self._block
        for first in range(0, whole, self._block):
            yield from self._chunks(joined[first : first + self._block])
        self._parts, self._held = [joined[whole:]], len(joined) - whole

    def rest(self) -> Iterator[Chunk]:
        """What is left, shorter than a block."""
        if self._held:
            yield from self._chunks(np.concatenate(self._parts))
        self._parts, self._held = [], 0

    def jump(self, missing_ms: int) -> Iterator[Chunk]:
        """The next sample comes `missing_ms` later than the last one ended."""
        yield from self.rest()
        self._start_ms += missing_ms

    def _chunks(self, samples: npt.NDArray[np.float32]) -> Iterator[Chunk]:
        for channel, party in enumerate(self._who):
            if party is not None:
                yield Chunk(party, self._start_ms, np.ascontiguousarray(samples[:, channel]))
        self._start_ms += len(samples) // SAMPLES_PER_MS
