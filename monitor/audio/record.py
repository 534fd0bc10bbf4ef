"""Keeping the audio of a live call: a WAV that is whole at every moment."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party

_HEADER = 44
_BYTES = 2  # 16-bit PCM
_UNKNOWN = 0xFFFF_FFFF  # a length that does not fit (after 18 hours of stereo) means "to the end"


class Recorder:
    """Writes chunks into a 16-bit WAV, one channel per party in the order given.

    Chunks may come in any order; time without audio is silence. After every
    `write` the file on disk is a complete WAV, so that whatever ends the
    process, the call so far is kept. A context manager; one thread at a time.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(self, path: str | Path, parties: Sequence[Party]) -> None:
        self._path = Path(path)
        self._channel = {party: number for number, party in enumerate(parties)}
        self._ends = dict.fromkeys(parties, 0)  # frames up to which each party was written
        self._frames = 0
        self._file = self._path.open("w+b", buffering=0)
        self._write_at(0, self._header())

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def write(self, chunk: Chunk) -> None:
        """Put a chunk in its place.

        Raises:
            UserError: the disk is full, or gone.
        """
        start = chunk.start_ms * SAMPLES_PER_MS
        # Sources round a chunk's start to whole milliseconds: no click where it merely goes on.
        if abs(start - self._ends[chunk.party]) <= SAMPLES_PER_MS:
            start = self._ends[chunk.party]
        stop = start + len(chunk.samples)
        self._ends[chunk.party] = stop
        frames = self._read(start, stop)
        frames[:, self._channel[chunk.party]] = _pcm(chunk)
        self._frames = max(self._frames, stop)
        try:
            self._write_at(_HEADER + start * self._frame_bytes, frames.tobytes())
            self._write_at(0, self._header())
        except OSError as error:
            raise UserError(
                tr(
                    f"{self._path}：录音写不进去（{error.strerror}），请清理磁盘后重试",
                    f"{self._path}: the recording cannot be written ({error.strerror}):"
                    " make room on the disk",
                )
            ) from error

    def close(self) -> None:
        self._file.close()

    @property
    def _frame_bytes(self) -> int:
        return len(self._channel) * _BYTES

    def _read(self, start: int, stop: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        """What is in the file there; silence where nothing was written. Shape (n, channels)."""
        frames = np.zeros((stop - start, len(self._channel)), "<i2")
        there = min(stop, self._frames) - start
        if there > 0:
            self._file.seek(_HEADER + start * self._frame_bytes)
            data = self._file.read(there * self._frame_bytes)
            frames[:there] = np.frombuffer(data, "<i2").reshape(there, -1)
        return frames

    def _write_at(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        view = memoryview(data)
        while view:  # an unbuffered write may take only a part
            view = view[self._file.write(view) :]

    def _header(self) -> bytes:
        size = self._frames * self._frame_bytes
        return struct.pack(
            "<4sI8sIHHIIHH4sI",
            b"RIFF",
            min(size + _HEADER - 8, _UNKNOWN),
            b"WAVEfmt ",
            16,
            1,  # PCM
            len(self._channel),
            SAMPLE_RATE,
            SAMPLE_RATE * self._frame_bytes,
            self._frame_bytes,
            8 * _BYTES,
            b"data",
            min(size, _UNKNOWN),
        )


def _pcm(chunk: Chunk) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    scaled = np.round(np.clip(chunk.samples, -1, 1) * 32767)
    return np.nan_to_num(scaled).astype("<i2")
