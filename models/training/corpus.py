"""The clips of `shared/data`: what was said, by whom, and what each may be used for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.training import units
from models.training.paths import shared

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """One recording; `units` is None where the reading is not certain (teacher only)."""

    name: str
    source: str
    path: Path
    speaker: str
    text: str
    units: tuple[int, ...] | None
    isolated: bool = False

    def read(self) -> NDArray[np.float32]:
        """The samples, 16 kHz mono."""
        import soundfile

        samples: NDArray[np.float32]
        samples, rate = soundfile.read(self.path, dtype="float32")
        if samples.ndim > 1:
            samples = samples.mean(1)
        if rate != 16_000:
            from models.training.augment import resample

            samples = resample(samples, rate, 16_000)
        return samples


HELD_OUT_SPEAKERS = ("S0252", "spk29")  # of AISHELL-1 and of dspspeech20: measuring only


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "clips.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _labelled(text: str) -> tuple[int, ...] | None:
    read = units.from_hanzi(text) if units.readable(text) else None
    return tuple(read) if read else None


def sentences(split: str = "train") -> list[Clip]:
    """Common Voice of a split and, for `train`, the two AISHELL samples but a held-out speaker."""
    data = shared() / "data"
    clips = [
        Clip(
            r["clip"],
            "commonvoice",
            data / "commonvoice-zh-CN/clips" / r["clip"],
            r["speaker"],
            r["text"],
            _labelled(r["text"]),
        )
        for r in _rows(data / "commonvoice-zh-CN")
        if r["split"] == split
    ]
    if split == "train":
        for folder in ("aishell-sample", "aishell3-sample"):
            clips += [
                Clip(
                    r["clip"],
                    folder,
                    data / folder / "clips" / r["clip"],
                    r["speaker"],
                    r["text"],
                    _labelled(r["text"]),
                )
                for r in _rows(data / folder)
                if r["speaker"] not in HELD_OUT_SPEAKERS
            ]
    return clips


def held_out(source: str) -> list[Clip]:
    """The held-out speaker's clips of `aishell-sample` or `dspspeech20`."""
    folder = shared() / "data" / source
    return [
        Clip(r["clip"], source, folder / "clips" / r["clip"], r["speaker"], r["text"], read)
        for r in _rows(folder)
        if r["speaker"] in HELD_OUT_SPEAKERS and (read := _labelled(r["text"]))
    ]


def isolated() -> list[Clip]:
    """Single words and syllables, but those of the held-out speaker."""
    data = shared() / "data"
    clips: list[Clip] = []
    for path in sorted((data / "audio-cmn/hsk").glob("*.ogg")):
        if "_" not in path.stem:
            clips.append(
                Clip(
                    path.name,
                    "audio-cmn",
                    path,
                    "yue-tan",
                    path.stem,
                    _labelled(path.stem),
                    isolated=True,
                )
            )
    for path in sorted((data / "audio-cmn/syllables").glob("*.ogg")):
        read = units.from_toned(path.stem)
        if read and not path.stem.startswith("_"):
            clips.append(
                Clip(
                    path.name, "audio-cmn", path, "chen-wang", path.stem, tuple(read), isolated=True
                )
            )
    for row in _rows(data / "hantts-syllables"):
        read = units.from_toned(row["text"])
        if read:
            clips.append(
                Clip(
                    row["clip"],
                    "hantts",
                    data / "hantts-syllables/clips" / row["clip"],
                    row["speaker"],
                    row["text"],
                    tuple(read),
                    isolated=True,
                )
            )
    for row in _rows(data / "dspspeech20"):
        if row["speaker"] in HELD_OUT_SPEAKERS:
            continue
        clips.append(
            Clip(
                row["clip"],
                "dspspeech20",
                data / "dspspeech20/clips" / row["clip"],
                row["speaker"],
                row["text"],
                _labelled(row["text"]),
                isolated=True,
            )
        )
    return clips
