"""Which words a row of syllables can be, and how likely each is.

Words come from a vocabulary (`vocabulary.py`); phrases that matter in the call
(a rule's own) are words too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from monitor.asr.ctc import vocabulary
from monitor.asr.ctc.vocabulary import LONGEST_WORD, Vocabulary, Word, by_score

_UNKNOWN = -20.0  # log-probability of a syllable without any character

_BEGUN_BONUS = 1.0
"""Nats per syllable after the first by which a phrase that has begun leads: over its own
characters' probability with two syllables (they may well be another word), over the
likeliest homophones with three or more."""

_COMPLETE_BONUS = 3.0
"""The same over the likeliest homophones for a phrase heard to its end, which so also
wins against words that reach into it from its neighbours."""

_HANZI = re.compile(r"[\u4e00-\u9fff]+")


class Lexicon:
    """Looks words up by sound. Immutable, shared by streams."""

    def __init__(self, known: Vocabulary, phrases: Mapping[str, Word]) -> None:
        self._vocabulary = known
        self._phrases = phrases
        self.longest = max([LONGEST_WORD, *(key.count(" ") + 1 for key in phrases)])
        self.step = known.step
        """`step(before, word)`: natural log of a word's probability after another."""

    @classmethod
    def build(cls, phrases: Iterable[str] = (), words: Path | None = None) -> Lexicon:
        """A vocabulary's words and these phrases (plain text; only Chinese characters count).

        Args:
            phrases: texts that are words of their own.
            words: a vocabulary's file; jieba's dictionary where there is none.
        """
        known = vocabulary.of_jieba() if words is None else vocabulary.read(words)
        plain = cls(known, {})
        begun: dict[str, Word] = {}
        for phrase in sorted(set(phrases)):
            for text in _HANZI.findall(phrase):
                plain._add_phrase(text, begun)
        return cls(known, begun)

    def words(self, syllables: Sequence[str]) -> Sequence[Word]:
        """Spellings of exactly these syllables, the likeliest first."""
        key = " ".join(syllables)
        found = self._vocabulary.words(key) if len(syllables) <= LONGEST_WORD else ()
        phrase = self._phrases.get(key)
        return found if phrase is None else sorted([*found, phrase], key=by_score)

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
