"""Peaks of a recording at several resolutions, so that an hour draws as fast as a minute.

A bucket holds the least and the greatest sample of a stretch, per channel, as
int8 (full scale = 127). Level 0 has buckets of `BASE_MS`; each further level
merges `FOLD` buckets into one. The file is read by range: what a screen needs
is a few kilobytes, however long the call is.

    file = MAGIC · uint32 length of the header · header (JSON) · levels
    level = int8 [buckets, channels, 2], C order
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from monitor.base.errors import UserError
from monitor.base.i18n import tr

BASE_MS = 10
FOLD = 4
LEVELS = 5  # 10, 40, 160, 640, 2560 ms
MAGIC = b"CMPEAKS1"

Peaks = npt.NDArray[np.int8]
"""Shape (buckets, channels, 2): least and greatest."""


@dataclass(frozen=True, slots=True)
class View:
    """Peaks of a stretch: bucket `i` covers `bucket_ms` from `start_ms + i * bucket_ms`."""

    start_ms: int
    bucket_ms: int
    peaks: Peaks


class PeakBuilder:
    """Folds audio into peaks as it streams by; memory grows by 400 bytes a second (stereo)."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._taken = 0  # samples per channel in `_rest` and before
        self._buckets = 0
        self._rest = np.empty((0, channels), np.float32)
        self._waiting: list[npt.NDArray[np.float32]] = []  # codecs deal in blocks of 20 ms
        self._held = 0
        self._parts: list[Peaks] = []

    def take(self, samples: npt.NDArray[np.float32]) -> None:
        """Samples of shape (n, channels)."""
        self._waiting.append(samples)
        self._held += len(samples)
        if self._held >= self._rate:
            self._fold()

    def _fold(self) -> None:
        joined = np.concatenate([self._rest, *self._waiting])
        self._taken += self._held
        self._waiting, self._held = [], 0
        first = self._edge(self._buckets)
        last = self._buckets
        while self._edge(last + 1) <= self._taken:
            last += 1
        edges = np.array([self._edge(number) - first for number in range(self._buckets, last)])
        end = self._edge(last) - first
        if len(edges):
            self._parts.append(_folded(joined[:end], edges))
        self._rest = joined[end:]
        self._buckets = last

    def skip(self, samples: int) -> None:
        """Silence in place of audio that could not be decoded."""
        while samples > 0:
            step = min(samples, self._rate * 60)
            self.take(np.zeros((step, self._channels), np.float32))
            samples -= step

    def finish(self) -> list[Peaks]:
        """All levels, finest first."""
        self._fold()
        if len(self._rest):
            self._parts.append(_folded(self._rest, np.array([0])))
        empty = np.zeros((0, self._channels, 2), np.int8)
        levels = [np.concatenate([empty, *self._parts])]
        while len(levels) < LEVELS:
            levels.append(_merged(levels[-1]))
        return levels

    @property
    def duration_ms(self) -> int:
        return round((self._taken + self._held) * 1000 / self._rate)

    def _edge(self, bucket: int) -> int:
        """The sample a bucket begins at. Never rounded twice, so nothing drifts."""
        return bucket * BASE_MS * self._rate // 1000


def write(file: BinaryIO, levels: list[Peaks], duration_ms: int) -> None:
    """The peaks file."""
    channels = levels[0].shape[1]
    header = {
        "channels": channels,
        "duration_ms": duration_ms,
        "base_ms": BASE_MS,
        "fold": FOLD,
        "buckets": [len(level) for level in levels],
    }
    text = json.dumps(header).encode()
    file.write(MAGIC + struct.pack("<I", len(text)) + text)
    for level in levels:
        file.write(np.ascontiguousarray(level).tobytes())


class PeakFile:
    """A peaks file, open for reading stretches of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            header = self._header(file)
            self._start = file.tell()
        self.channels: int = header["channels"]
        self.duration_ms: int = header["duration_ms"]
        self._buckets: list[int] = header["buckets"]

    def view(self, from_ms: int, to_ms: int, most: int) -> View:
        """The stretch with at most about `most` buckets; clipped to the recording.

        The finest level that fits is used; beyond the coarsest, more come.
        """
        from_ms = min(max(from_ms, 0), self.duration_ms)
        to_ms = min(max(to_ms, from_ms), self.duration_ms)
        level = 0
        while level < LEVELS - 1 and (to_ms - from_ms) / _bucket_ms(level) > most:
            level += 1
        bucket_ms = _bucket_ms(level)
        first = from_ms // bucket_ms
        last = min(-(-to_ms // bucket_ms), self._buckets[level])
        width = self.channels * 2
        offset = self._start + width * (sum(self._buckets[:level]) + first)
        count = max(0, last - first)
        with self._path.open("rb") as file:
            file.seek(offset)
            data = np.frombuffer(file.read(count * width), np.int8)
        return View(first * bucket_ms, bucket_ms, data.reshape(-1, self.channels, 2))

    def _header(self, file: BinaryIO) -> dict[str, Any]:
        head = file.read(len(MAGIC) + 4)
        if len(head) < len(MAGIC) + 4 or not head.startswith(MAGIC):
            raise UserError(
                tr(
                    f"{self._path}：不是波形文件；删除它，会重新生成",
                    f"{self._path}: not a peaks file; delete it and it is made again",
                )
            )
        (length,) = struct.unpack("<I", head[len(MAGIC) :])
        header: dict[str, Any] = json.loads(file.read(length))
        return header


def _bucket_ms(level: int) -> int:
    return BASE_MS * int(FOLD**level)


def _folded(samples: npt.NDArray[np.float32], edges: npt.NDArray[np.int_]) -> Peaks:
    """Least and greatest between the edges: float [n, channels] → int8 [buckets, channels, 2]."""
    scaled = np.clip(np.rint(samples * 127), -127, 127).astype(np.int8)
    low = np.minimum.reduceat(scaled, edges, axis=0)
    high = np.maximum.reduceat(scaled, edges, axis=0)
    return np.stack([low, high], axis=-1)


def _merged(level: Peaks) -> Peaks:
    """The next coarser level; the last bucket may be of fewer."""
    if not len(level):
        return level
    edges = np.arange(0, len(level), FOLD)
    low = np.minimum.reduceat(level[:, :, 0], edges, axis=0)
    high = np.maximum.reduceat(level[:, :, 1], edges, axis=0)
    return np.stack([low, high], axis=-1)
