"""Which words a row of syllables can be, and how likely each is.

Words and their frequencies come from jieba's dictionary, readings from
pypinyin's; phrases that matter in the call (a rule's own) are words too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from monitor.errors import UserError
from monitor.i18n import tr

LONGEST_WORD = 6
"""Syllables of the longest dictionary word that is kept."""

_LEAST_FREQUENCY = 5  # rarer words only cost memory: 349,000 → 136,000 words
_MOST_HOMOPHONES = 6
_UNKNOWN = -20.0  # log-probability of a syllable without any character

_BEGUN_BONUS = 1.0
"""Nats per syllable after the first by which a phrase that has begun leads: over its own
characters' probability with two syllables (they may well be another word), over the
likeliest homophones with three or more."""

_COMPLETE_BONUS = 3.0
"""The same over the likeliest homophones for a phrase heard to its end, which so also
wins against words that reach into it from its neighbours."""

_HANZI = re.compile(r"[\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A spelling of some syllables; `phrase` when it is a complete phrase of the call."""

    text: str
    score: float  # natural log of its probability, bonus included
    phrase: bool = False


class Lexicon:
    """Looks words up by sound. Immutable, shared by streams."""

    def __init__(self, dictionary: Dictionary, phrases: Mapping[str, Word]) -> None:
        self._dictionary = dictionary
        self._phrases = phrases
        self.longest = max([LONGEST_WORD, *(key.count(" ") + 1 for key in phrases)])

    @classmethod
    def build(cls, phrases: Iterable[str] = (), more: Path | None = None) -> Lexicon:
        """The dictionary's words and these phrases (plain text; only Chinese characters count).

        Args:
            phrases: texts that are words of their own.
            more: see `Dictionary.shared`.
        """
        dictionary = Dictionary.shared(more)
        plain = cls(dictionary, {})
        begun: dict[str, Word] = {}
        for phrase in sorted(set(phrases)):
            for text in _HANZI.findall(phrase):
                plain._add_phrase(text, begun)
        return cls(dictionary, begun)

    def words(self, syllables: Sequence[str]) -> Sequence[Word]:
        """Spellings of exactly these syllables, the likeliest first."""
        key = " ".join(syllables)
        found = self._dictionary.words(key) if len(syllables) <= LONGEST_WORD else ()
        phrase = self._phrases.get(key)
        return found if phrase is None else sorted([*found, phrase], key=_by_score)

    def unknown(self, syllable: str) -> Word:
        """How a syllable without a character is written: as it sounds."""
        return Word(syllable, _UNKNOWN)

    def _add_phrase(self, text: str, begun: dict[str, Word]) -> None:
        """Enter a phrase and all its beginnings of two and more syllables."""
        from pypinyin import lazy_pinyin  # loads a large dictionary

        syllables = lazy_pinyin(text)
        if len(text) < 2 or len(syllables) != len(text):
            return
        own = self._scores(syllables, text)
        any_spelling = self._scores(syllables)
        for length in range(2, len(text) + 1):
            complete = length == len(text)
            base = any_spelling if complete or length > 2 else own
            bonus = _COMPLETE_BONUS if complete else _BEGUN_BONUS
            word = Word(text[:length], base[length] + bonus * (length - 1), complete)
            key = " ".join(syllables[:length])
            rival = begun.get(key)
            if rival is None or (word.phrase, word.score) > (rival.phrase, rival.score):
                begun[key] = word

    def _scores(self, syllables: Sequence[str], text: str | None = None) -> list[float]:
        """Log-probability of the best way to write each beginning in words (as in `text`)."""
        best = [0.0]
        for end in range(1, len(syllables) + 1):
            scores = [best[end - 1] + _UNKNOWN]
            for start in range(max(0, end - LONGEST_WORD), end):
                scores += [
                    best[start] + word.score
                    for word in self.words(syllables[start:end])
                    if text is None or word.text == text[start:end]
                ]
            best.append(max(scores))
        return best


def _by_score(word: Word) -> float:
    return -word.score


class Dictionary:
    """jieba's words by toneless reading.

    Kept as one line of text per reading (`话费 812 化肥 320`), which takes a
    quarter of the memory of objects; few readings are ever looked up.
    """

    def __init__(self, lines: Mapping[str, str], total: int) -> None:
        self._lines = lines
        self._log_total = math.log(total)
        self._parsed = lru_cache(maxsize=4096)(self._parse)

    def words(self, reading: str) -> tuple[Word, ...]:
        """Spellings of a reading (syllables joined by spaces), the likeliest first."""
        return self._parsed(reading)

    def _parse(self, reading: str) -> tuple[Word, ...]:
        line = self._lines.get(reading)
        if line is None:
            return ()
        fields = line.split()
        words = [
            Word(text, math.log(int(count)) - self._log_total)
            for text, count in zip(fields[::2], fields[1::2], strict=True)
        ]
        return tuple(sorted(words, key=_by_score)[:_MOST_HOMOPHONES])

    @staticmethod
    @lru_cache(maxsize=2)
    def shared(more: Path | None = None) -> Dictionary:
        """jieba's dictionary and the words of a file, built once per process (under a second).

        Args:
            more: text file of words with counts to be added to jieba's (`帮您 3120`).

        Raises:
            UserError: a line of the file that is no word with a count.
        """
        import jieba
        from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
        from pypinyin.contrib.tone_convert import to_normal

        plain = lru_cache(maxsize=None)(to_normal)
        readings = {chr(code): plain(tones.split(",")[0]) for code, tones in PINYIN_DICT.items()}
        lines: dict[str, str] = {}
        added = {} if more is None else dict(_read_counts(more))
        total = 0

        def enter(text: str, frequency: int) -> None:
            known = PHRASES_DICT.get(text)
            spoken = [plain(tones[0]) for tones in known] if known else map(readings.get, text)
            if all(spoken := [syllable or "" for syllable in spoken]):
                reading = " ".join(spoken)
                lines[reading] = f"{lines.get(reading, '')} {text} {frequency}"

        with jieba.get_dict_file() as file:
            for line in file:
                text, count, _ = line.decode("utf-8").split(" ")
                frequency = int(count) + added.pop(text, 0)
                total += frequency
                if frequency >= _LEAST_FREQUENCY and len(text) <= LONGEST_WORD:
                    enter(text, frequency)
        for text, frequency in added.items():
            total += frequency
            enter(text, frequency)
        return Dictionary(MappingProxyType(lines), total)


def _read_counts(file: Path) -> Iterator[tuple[str, int]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        text, _, count = line.partition(" ")
        if not count.isdecimal() or len(text) > LONGEST_WORD or not _HANZI.fullmatch(text):
            raise UserError(
                tr(
                    f"{file}:{number}：应为“词 次数”，词最多 {LONGEST_WORD} 个汉字",
                    f"{file}:{number}: expected a word of at most {LONGEST_WORD} "
                    "Chinese characters and a count",
                )
            )
        yield text, int(count)
