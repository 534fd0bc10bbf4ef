"""The syllable bigram that the decoder leans on, from texts that travel well.

    python -m models.training.bigram models/embedded

Three sources, each a bigram smoothed after Witten and Bell towards its own
unigram, then mixed:

- the sentences of the training recordings (Common Voice `train` and the other sets);
- the written dialogues of this recipe, slots filled at random – without
  `careless.txt` and the rule packs: what agents must not say is never made
  likelier, or the recogniser would lean towards an accusation;
- jieba's words with their frequencies.

Held-out sentences are left out, as they are when training. The file holds
-ln p in sixteenths, as bytes: [units + 1, units], the last row for the
beginning of a stretch, the blank's row and column unused.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.training import texts, units
from models.training.paths import TEXT, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

STEPS_PER_NAT = 16
WEIGHTS = (0.45, 0.2, 0.35)  # recordings' sentences, dialogues, words
FILLED = 8  # ways in which every dialogue line's slots are filled
_CLAUSE = re.compile(r"[\u4e00-\u9fff]+")
_LEFT_OUT = ("slots.txt", "careless.txt")


def read_sentences() -> Iterator[str]:
    """Texts of the recordings for training."""
    for table in sorted((shared() / "data").glob("*/clips.tsv")):
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row.get("split", "train") == "train" and units.readable(row["text"]):
                    yield row["text"]


def written_dialogues() -> Iterator[str]:
    """The dialogues' lines, each `FILLED` times, slots filled in different ways."""
    rng = np.random.default_rng(7)
    for path in sorted(TEXT.glob("*.txt")):
        if path.name in _LEFT_OUT:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#") and not texts.held_out(line.strip()):
                for _ in range(FILLED):
                    yield texts.fill(line.strip(), rng)


def count_texts(lines: Iterable[str]) -> NDArray[np.float64]:
    """Transitions within sentences [units + 1, units]; clauses follow on each other."""
    counts = np.zeros((units.size() + 1, units.size()))
    for line in lines:
        spoken = units.from_hanzi("".join(_CLAUSE.findall(line)))
        if spoken:
            for before, after in zip([units.size(), *spoken], spoken, strict=False):
                counts[before, after] += 1
    return counts


def count_words() -> NDArray[np.float64]:
    """Transitions within jieba's words, and into words from anywhere."""
    import jieba

    counts = np.zeros((units.size() + 1, units.size()))
    jieba.setLogLevel(60)
    jieba.initialize()
    starts = np.zeros(units.size())
    ends = np.zeros(units.size())
    for word, frequency in jieba.dt.FREQ.items():
        spoken = units.from_hanzi(word) if frequency >= 5 and len(word) <= 6 else None
        if not spoken:
            continue
        starts[spoken[0]] += frequency
        ends[spoken[-1]] += frequency
        for before, after in itertools.pairwise(spoken):
            counts[before, after] += frequency
    share = starts / starts.sum()
    counts[:-1] += ends[:, None] * share
    counts[-1] += share * starts.sum()
    return counts


def smooth(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Witten-Bell: p(after | before), shape as given."""
    unigram = counts.sum(0) + 0.1
    unigram /= unigram.sum()
    seen = counts.sum(1, keepdims=True)
    kinds = (counts > 0).sum(1, keepdims=True)
    trust = seen / np.maximum(seen + kinds, 1)
    chances: NDArray[np.float64] = trust * counts / np.maximum(seen, 1) + (1 - trust) * unigram
    return chances


def build(weights: tuple[float, ...] = WEIGHTS) -> NDArray[np.float64]:
    """The mixture of the three sources."""
    sources = (
        count_texts(read_sentences()),
        count_texts(dict.fromkeys(written_dialogues())),
        count_words(),
    )
    mixed: NDArray[np.float64] = sum(
        (w * smooth(source) for w, source in zip(weights, sources, strict=True)),
        np.zeros_like(sources[0]),
    )
    return mixed


def run(out: Path) -> dict[str, object]:
    """Write `bigram.npy` into a model folder."""
    chances = build()
    steps = np.clip(np.round(-np.log(chances) * STEPS_PER_NAT), 0, 255).astype(np.uint8)
    np.save(out / "bigram.npy", steps)
    return {"bigram": str(out / "bigram.npy"), "bytes": steps.nbytes}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1])), ensure_ascii=False))
