"""Rows of several clips in a row, cut from the shards: no padding to speak of, one fixed shape.

The network hears the clips of a row one after the other, as on a line where another call begins;
what is left of the previous speaker in its memory is part of the training.
"""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training.features import BINS, LEFT, RIGHT, STRIDE, WIDTH
from models.training.teacher import TOP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

ROW = 512  # frames of 30 ms


@dataclass(frozen=True)
class Example:
    """Where one example lies in its shard."""

    shard: Path
    rows: slice  # of feats, 10 ms
    frames: slice  # of target and weight, 30 ms
    label: tuple[int, ...] | None

    @property
    def length(self) -> int:
        """Frames of 30 ms."""
        return int(self.frames.stop) - int(self.frames.start)


@dataclass(frozen=True)
class Batch:
    """Arrays of one step; `labels` is None for rows with an unlabelled clip."""

    speech: NDArray[np.float32]  # [B, ROW, 400]
    target: NDArray[np.int64]  # [B, ROW, TOP]
    weight: NDArray[np.float32]  # [B, ROW, TOP], zero where there is nothing to learn
    lengths: list[int]  # frames used, delay included
    labels: list[list[int] | None]

    def rows(self, which: slice) -> Batch:
        """Some of the rows."""
        return Batch(
            np.ascontiguousarray(self.speech[which]),
            np.ascontiguousarray(self.target[which]),
            np.ascontiguousarray(self.weight[which]),
            self.lengths[which],
            self.labels[which],
        )


def shard_index(folder: Path) -> dict[int, list[Path]]:
    """Shard number → its finished views."""
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.glob("v*-*.json")):
        found.setdefault(int(path.stem.split("-")[1]), []).append(path)
    return found


def examples(path: Path) -> list[Example]:
    """The examples of a shard."""
    found = []
    row = frame = 0
    for entry in json.loads(path.read_text(encoding="utf-8")):
        frames = -(-entry["rows"] // STRIDE)
        label = None if entry["label"] is None else tuple(entry["label"])
        found.append(
            Example(path, slice(row, row + entry["rows"]), slice(frame, frame + frames), label)
        )
        row += entry["rows"]
        frame += frames
    return found


def pack(pool: list[Example], delay: int, rng: np.random.Generator) -> list[list[Example]]:
    """Rows of examples whose lengths and the delay fit into `ROW`; labelled ones by themselves."""
    rows: list[list[Example]] = []
    for labelled in (True, False):
        chosen = [e for e in pool if (e.label is not None) == labelled and e.length <= ROW - delay]
        open_rows: list[tuple[int, list[Example]]] = []
        for number in rng.permutation(len(chosen)):
            example = chosen[int(number)]
            for slot, (room, row) in enumerate(open_rows):
                if room >= example.length:
                    row.append(example)
                    open_rows[slot] = (room - example.length, row)
                    break
            else:
                if len(open_rows) >= 24:
                    rows.append(open_rows.pop(0)[1])
                open_rows.append((ROW - delay - example.length, [example]))
        rows += [row for _, row in open_rows]
    return [rows[int(i)] for i in rng.permutation(len(rows))]


class Reader:
    """Opens the shards' arrays once, memory-mapped."""

    def __init__(self, mean: NDArray[np.float32]) -> None:
        self._mean = mean
        self._open: dict[tuple[Path, str], Any] = {}

    def _array(self, shard: Path, key: str) -> Any:
        if (shard, key) not in self._open:
            path = shard.parent / f"{shard.stem}.{key}.npy"
            self._open[shard, key] = np.load(path, mmap_mode="r")
        return self._open[shard, key]

    def frames(self, example: Example, rng: np.random.Generator | None) -> NDArray[np.float32]:
        """Filterbank [T10, 80]; with `rng`, masked, louder or softer, and tilted."""
        feats = np.asarray(self._array(example.shard, "feats")[example.rows], np.float32)
        if rng is None:
            return feats
        knots = rng.uniform(-1.0, 1.0, 5)
        curve = np.interp(np.linspace(0, 4, BINS), np.arange(5), knots)
        feats = feats + (curve + rng.uniform(-1.5, 1.5)).astype(np.float32)
        for _ in range(2):
            wide = int(rng.integers(0, 16))
            low = int(rng.integers(0, BINS - wide))
            feats[:, low : low + wide] = self._mean[low : low + wide]
        for _ in range(1 + len(feats) // 300):
            wide = int(rng.integers(0, 20))
            start = int(rng.integers(0, max(1, len(feats) - wide)))
            feats[start : start + wide] = self._mean
        return feats

    def batch(self, rows: list[list[Example]], delay: int, rng: np.random.Generator) -> Batch:
        """Assemble rows."""
        count = len(rows)
        speech = np.zeros((count, ROW, WIDTH), np.float32)
        target = np.zeros((count, ROW, TOP), np.int64)
        weight = np.zeros((count, ROW, TOP), np.float32)
        lengths, labels = [], []
        for number, row in enumerate(rows):
            feats = np.concatenate([self._padded(e, rng) for e in row])
            centre = np.arange(0, len(feats), STRIDE)[:, None] + np.arange(-LEFT, RIGHT + 1)
            stacked = feats[np.clip(centre, 0, len(feats) - 1)].reshape(-1, WIDTH)
            used = len(stacked)
            speech[number, :used] = stacked
            speech[number, used:] = stacked[-1]
            target[number, delay : delay + used] = np.concatenate(
                [self._array(e.shard, "target")[e.frames] for e in row]
            )
            weight[number, delay : delay + used] = np.concatenate(
                [self._array(e.shard, "weight")[e.frames] for e in row]
            )
            lengths.append(used + delay)
            known = [e.label for e in row]
            labels.append(None if None in known else [u for label in known for u in label or ()])
        return Batch(speech, target, weight, lengths, labels)

    def _padded(self, example: Example, rng: np.random.Generator) -> NDArray[np.float32]:
        """Rows padded to whole frames, so that every clip starts on a frame of its own."""
        feats = self.frames(example, rng)
        return np.pad(feats, ((0, -len(feats) % STRIDE), (0, 0)), mode="edge")


def epoch(
    folder: Path, mean: NDArray[np.float32], size: int, delay: int, seed: tuple[int, int]
) -> Iterator[Batch]:
    """One pass: a random view of every shard, packed, assembled ahead by a thread."""
    rng = np.random.default_rng(seed)
    pool: list[Example] = []
    for views in shard_index(folder).values():
        pool += examples(views[int(rng.integers(len(views)))])
    rows = pack(pool, delay, rng)
    reader = Reader(mean)
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(3)

    def work() -> None:
        try:
            for start in range(0, len(rows) - size + 1, size):
                ready.put(reader.batch(rows[start : start + size], delay, rng))
            ready.put(None)
        except BaseException as error:  # handed to the training thread
            ready.put(error)

    threading.Thread(target=work, daemon=True).start()
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item


def statistics(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of the 80 bins over the first shard, digital silence left out."""
    first = min(folder.glob("v*-*.json"))
    feats = np.load(first.parent / f"{first.stem}.feats.npy", mmap_mode="r")
    sample = np.asarray(feats[::7], np.float32)
    sample = sample[sample.mean(1) > -8.0]
    return sample.mean(0), sample.std(0)
