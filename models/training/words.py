"""The vocabulary that syllables are spelt with, and which of its words follow which.

    python -m models.training.words models/embedded

Words and pairs of words come from the sources of `ngram.py`: open-gram's
statistics, the sentences of the training recordings, and the dialogues written
here; the latter two are cut into words by jieba. Of the pairs those are kept
that change the predictions most (relative entropy, Stolcke 1998).
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.training import opengram, units
from models.training.sources import read_sentences, written_dialogues
from monitor.asr.ctc import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.training.opengram import WordGrams
    from monitor.asr.ctc.vocabulary import Pairs, Vector

WEIGHTS = (0.6, 0.2, 0.2)  # general, recordings' sentences, dialogues
DISCOUNT = 0.5  # taken from the count of each pair of words in sentences
PAIRS = 300_000  # 1.0 MB; twice as many save one wrong character in two hundred
FILE = "words.npz"

_CLAUSE = re.compile(r"[\u4e00-\u9fff]+")
_LEAST = 1e-9  # probability of a word that is in no source's list by itself


class Count:
    """Words and pairs of words of a text, with their shares."""

    def __init__(self, lines: Iterable[str]) -> None:
        import jieba

        jieba.setLogLevel(60)
        words: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for line in lines:
            for clause in _CLAUSE.findall(line):
                row = list(jieba.cut(clause))
                words.update(row)
                pairs.update(pairwise(row))
        total = words.total()
        self.words = {word: count / total for word, count in words.items()}
        self.pairs = {pair: (count - DISCOUNT) / total for pair, count in pairs.items()}


def general(grams: WordGrams) -> Count:
    """open-gram's words and pairs as shares of all text."""
    count = Count(())
    readable = np.array([units.readable(word) for word in grams.words])
    share = np.where(readable, grams.one, 0.0)
    share /= share.sum()
    count.words = {
        word: float(p) for word, p, fine in zip(grams.words, share, readable, strict=True) if fine
    }
    fine = readable[grams.two].all(1)
    joint = share[grams.two[:, 0]] * grams.p_two
    count.pairs = {
        (grams.words[a], grams.words[b]): p
        for (a, b), p in zip(grams.two[fine].tolist(), joint[fine].tolist(), strict=True)
    }
    return count


def mix(counts: tuple[Count, ...], most: int = PAIRS) -> tuple[list[str], Vector, Pairs]:
    """Words, the logarithms of their probabilities, and the pairs worth keeping."""
    shares: dict[str, float] = {}
    joint: dict[tuple[str, str], float] = {}
    for weight, count in zip(WEIGHTS, counts, strict=True):
        for word, share in count.words.items():
            shares[word] = shares.get(word, 0.0) + weight * share
        for pair, share in count.pairs.items():
            joint[pair] = joint.get(pair, 0.0) + weight * share
    texts = [
        word for word in shares if len(word) <= vocabulary.LONGEST_WORD and _CLAUSE.fullmatch(word)
    ]
    numbers = {word: number for number, word in enumerate(texts)}
    single = np.maximum([shares[word] for word in texts], _LEAST)
    known = [(numbers[a], numbers[b]) for a, b in joint if a in numbers and b in numbers]
    pairs = np.array(known, np.int64)
    both = np.array([p for (a, b), p in joint.items() if a in numbers and b in numbers])
    following = both / single[pairs[:, 0]]
    gain = both * np.log(following / single[pairs[:, 1]])
    chosen = np.argsort(-gain, kind="stable")[:most]
    keys = pairs[chosen, 0] * len(texts) + pairs[chosen, 1]
    chosen, keys = chosen[np.argsort(keys)], np.sort(keys)
    told, fallback = (
        np.bincount(pairs[chosen, 0], weights=chances[chosen], minlength=len(texts))
        for chances in (following, single[pairs[:, 1]])
    )
    backoff = np.maximum(1 - told, 0.02) / np.maximum(1 - fallback, 0.02)
    score = np.log(following[chosen]).astype(np.float32)
    return (
        texts,
        np.log(single).astype(np.float32),
        vocabulary.Pairs(keys, score, np.log(backoff).astype(np.float32)),
    )


def run(out: Path) -> dict[str, object]:
    """Write the vocabulary into a model folder."""
    counts = (
        general(opengram.read(opengram.fetch())),
        Count(dict.fromkeys(read_sentences())),
        Count(dict.fromkeys(written_dialogues())),
    )
    texts, scores, pairs = mix(counts)
    vocabulary.write(out / FILE, texts, scores, pairs)
    return {
        "words": str(out / FILE),
        "texts": len(texts),
        "pairs": len(pairs.listed),
        "bytes": (out / FILE).stat().st_size,
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1])), ensure_ascii=False))
