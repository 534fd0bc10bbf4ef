"""Recorded calls as `Chunk`s: any common format, hours long, never loaded whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from monitor.audio.decode import AudioInfo, Decoder, TruncatedAudioError
from monitor.audio.resample import Resampler
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import SAMPLES_PER_MS, Chunk, Party

__all__ = ["SUFFIXES", "AudioInfo", "TruncatedAudioError", "parties", "probe", "read_call"]

SUFFIXES = frozenset(
    {
        ".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".amr", ".3gp",
        ".w64", ".aif", ".aiff", ".au", ".caf", ".wma", ".mka", ".webm",
    }
)  # fmt: skip
"""Endings (lower case) by which recordings are found in a folder. Any file may be named."""

_DEFAULT = {1: (Party.AGENT,), 2: (Party.AGENT, Party.CUSTOMER)}


def probe(path: str | Path) -> AudioInfo:
    """What the header says, without decoding.

    Raises:
        UserError: it is no readable recording.
    """
    with Decoder(Path(path)) as decoder:
        return decoder.info


def parties(path: str | Path, channels: Sequence[Party] | None = None) -> tuple[Party, ...]:
    """Who is on each channel of a recording.

    `channels` names them in order; by default mono is the agent's headset, and
    stereo has the agent left and the customer right.

    Raises:
        UserError: it is no readable recording, or its channels are not those named.
    """
    return _parties(Path(path), probe(path).channels, channels)


def read_call(
    path: str | Path, channels: Sequence[Party] | None = None, block_ms: int = 100
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
        who = _parties(path, info.channels, channels)
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

    def __init__(self, who: tuple[Party, ...], block: int) -> None:
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
            yield Chunk(party, self._start_ms, np.ascontiguousarray(samples[:, channel]))
        self._start_ms += len(samples) // SAMPLES_PER_MS


def _parties(path: Path, count: int, channels: Sequence[Party] | None) -> tuple[Party, ...]:
    who = tuple(channels) if channels is not None else _DEFAULT.get(count, ())
    if len(who) == count:
        return who
    if channels is None:
        raise UserError(
            tr(
                f"{path}：有 {count} 个声道，只支持单声道或双声道，请先导出为双声道",
                f"{path}: has {count} channels, but a call has one or two:"
                " export it as mono or stereo",
            )
        )
    raise UserError(
        tr(
            f"{path}：有 {count} 个声道，--channels 却写了 {len(who)} 个，请按声道逐一写明",
            f"{path}: has {count} channel(s), but --channels names {len(who)}:"
            " name one party per channel",
        )
    )
