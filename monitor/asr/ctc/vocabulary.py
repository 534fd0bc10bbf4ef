"""Words by sound, how common they are, and which follows which.

A model folder brings its own (`read`); without one it is jieba's dictionary
(`of_jieba`), which knows nothing of neighbours. Readings are pypinyin's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from monitor.asr.ctc.ngram import STEP
from monitor.base.errors import UserError
from monitor.base.i18n import tr

LONGEST_WORD = 6
"""Syllables of the longest word that is kept."""

_LEAST_FREQUENCY = 5  # rarer words of jieba's only cost memory: 349,000 → 136,000 words
_MOST_HOMOPHONES = 20
_KEPT = 4096  # readings, and words with what follows them, that stay looked up

Vector: TypeAlias = npt.NDArray[np.float32]
Keys: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Word:
    """A spelling of some syllables.

    Attributes:
        text: one character per syllable.
        score: natural log of its probability by itself, bonus included.
        phrase: whether it is a complete phrase of the call.
        number: in the vocabulary; -1 for what is not in it.
    """

    text: str
    score: float
    phrase: bool = False
    number: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Words after words: a backoff bigram (Katz 1987).

    Attributes:
        listed: pairs in order, each as first * words + second.
        score: natural log of the second's probability after the first.
        backoff: by word, what is added to the score of any word not listed after it.
    """

    listed: Keys
    score: Vector
    backoff: Vector


class Vocabulary:
    """Immutable but for caches, shared by every call.

    Args:
        texts: the words.
        scores: natural log of their probabilities.
        pairs: which follows which, where it is known.
    """

    def __init__(self, texts: Sequence[str], scores: Vector, pairs: Pairs | None = None) -> None:
        # One line of text per reading (`话费 812 化肥 3020`) takes a quarter of the
        # memory of objects; few readings are ever looked up.
        lines: dict[str, str] = {}
        for number, (text, reading) in enumerate(zip(texts, _readings(texts), strict=True)):
            if reading:
                lines[reading] = f"{lines.get(reading, '')} {text} {number}"
        self._lines = lines
        self._scores = scores
        self._pairs = pairs
        self.words = lru_cache(maxsize=_KEPT)(self._words)
        """`words(reading)`: spellings of syllables joined by spaces, the likeliest first."""
        self._after = lru_cache(maxsize=_KEPT)(self._following)

    def step(self, before: Word | None, word: Word) -> float:
        """Natural log of a word's probability after another, or after nothing known."""
        if self._pairs is None or before is None or before.number < 0 or word.number < 0:
            return word.score
        listed = self._after(before.number).get(word.number)
        if listed is not None:
            return listed
        return word.score + float(self._pairs.backoff[before.number])

    def _words(self, reading: str) -> tuple[Word, ...]:
        fields = self._lines.get(reading, "").split()
        words = [
            Word(text, float(self._scores[int(number)]), number=int(number))
            for text, number in zip(fields[::2], fields[1::2], strict=True)
        ]
        return tuple(sorted(words, key=by_score)[:_MOST_HOMOPHONES])

    def _following(self, number: int) -> Mapping[int, float]:
        """Scores of the words listed after one."""
        pairs = self._pairs
        assert pairs is not None
        count = len(self._scores)
        first, last = np.searchsorted(pairs.listed, (number * count, (number + 1) * count))
        following = (pairs.listed[first:last] - number * count).tolist()
        return dict(zip(following, pairs.score[first:last].tolist(), strict=True))


def by_score(word: Word) -> tuple[float, str]:
    """The likeliest first; of those alike always the same."""
    return -word.score, word.text


def _readings(texts: Iterable[str]) -> Iterable[str]:
    """Toneless reading of each word, syllables joined by spaces; empty where one is not known."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    plain = lru_cache(maxsize=None)(to_normal)
    single = {chr(code): plain(tones.split(",")[0]) for code, tones in PINYIN_DICT.items()}
    for text in texts:
        known = PHRASES_DICT.get(text)
        spoken = [plain(tones[0]) for tones in known] if known else list(map(single.get, text))
        yield " ".join(filter(None, spoken)) if all(spoken) else ""


@lru_cache(maxsize=1)
def of_jieba() -> Vocabulary:
    """jieba's words by their frequencies; built once per process (under a second)."""
    import jieba

    with jieba.get_dict_file() as file:
        rows = [line.decode("utf-8").split(" ") for line in file]
    counts = {text: int(count) for text, count, _ in rows}
    total = math.log(sum(counts.values()))
    kept = {
        text: count
        for text, count in counts.items()
        if count >= _LEAST_FREQUENCY and len(text) <= LONGEST_WORD
    }
    scores = np.log(np.array(list(kept.values()), np.float32)) - np.float32(total)
    return Vocabulary(list(kept), scores)


def write(file: Path, texts: Sequence[str], scores: Vector, pairs: Pairs) -> None:
    """Store a vocabulary: costs in `STEP` nats, sorted numbers as their gaps."""
    np.savez_compressed(
        file,
        texts=np.frombuffer("\n".join(texts).encode(), np.uint8),
        cost=_steps(scores, np.uint16),
        listed=np.diff(pairs.listed, prepend=0).astype(np.uint64),
        pair_cost=_steps(pairs.score, np.uint8),
        backoff=_steps(pairs.backoff, np.uint8),
    )


def _steps(scores: Vector, kind: type[np.uint8 | np.uint16]) -> npt.NDArray[np.unsignedinteger]:
    return np.clip(np.round(-scores / STEP), 0, np.iinfo(kind).max).astype(kind)


@lru_cache(maxsize=2)
def read(file: Path) -> Vocabulary:
    """A stored vocabulary; read once per process (about a second, most of it for the readings).

    Raises:
        UserError: the file is none.
    """
    try:
        with file.open("rb") as content:
            arrays = np.load(content, allow_pickle=False)
            if not isinstance(arrays, Mapping):
                raise ValueError(arrays.shape)
            texts = bytes(arrays["texts"]).decode("utf-8").split("\n")
            scores, score, backoff = (
                arrays[name].astype(np.float32) * np.float32(-STEP)
                for name in ("cost", "pair_cost", "backoff")
            )
            listed = np.cumsum(arrays["listed"], dtype=np.int64)
        if not len(texts) == len(scores) == len(backoff) or len(listed) != len(score):
            raise ValueError(len(texts))
    except (ValueError, OSError, EOFError, KeyError, BadZipFile) as error:
        raise UserError(
            tr(
                f"{file}：不是词表（用 python -m models.training.words 重新生成）",
                f"{file}: not a vocabulary (make it again with python -m models.training.words)",
            )
        ) from error
    return Vocabulary(texts, scores, Pairs(listed, score, backoff))
