"""Was a captured value said again? Numbers digit for digit, amounts by value, names by surname.

A number may be read back whole, in pieces, or by its last digits. One wrong
digit is a wrong read-back, and the listener remembers what was said instead; a
digit that the recogniser had as another candidate counts as said.
"""

from __future__ import annotations

import re
from typing import Protocol

from monitor.events import Token
from monitor.language.normalise import normalise
from monitor.language.phrases.slots import AMOUNT, TITLES
from monitor.language.pinyin import syllables
from monitor.language.spoken_numbers import DIGIT_SOUNDS, money, piece_at, spoken_digits

_SUFFIX = 4
"""Digits at the end that stand for the whole number."""
_SHORT = 7
"""More digits than this are an attempt at the whole number, not at its end."""
_APART = 4
"""Syllables that may stand between the pieces of one attempt."""
_ALIKE = 0.7
"""Share of the digits in which an attempt must agree to be one at this number."""
_KEPT = 64


class Echo(Protocol):
    """Listens for one value; `hear` says whether it has now been said.

    `wrong` is the nearest thing that was said instead, if anything.
    """

    wrong: str

    def hear(self, token: Token) -> bool: ...


def echo_of(value: str) -> Echo:
    """The listener that fits the value."""
    digits = "".join(char for char in value if char.isdigit())
    if len(digits) >= _SUFFIX and len(digits) >= len(value) - 2:
        return NumberEcho(digits)
    yuan = money(value) if any(unit in value for unit in "元块毛角") else None
    if yuan is not None:
        return AmountEcho(yuan)
    for title in TITLES:
        if value.endswith(title) and len(value) > len(title):
            return SoundEcho(value[: -len(title)], followed_by=TITLES)
    if len(value) == 1:
        return SoundEcho(value, followed_by=TITLES)
    return SoundEcho(value)


class NumberEcho:
    """A number, digit for digit: whole, in pieces, or its last four or more digits."""

    def __init__(self, digits: str) -> None:
        self.wrong = ""
        self._digits = digits
        self._said: list[Token] = []

    def hear(self, token: Token) -> bool:
        self._said = [*self._said, token][-_KEPT:]
        if not _digit(token):
            return False
        attempt = self._attempt()
        size, whole = len(attempt), len(self._digits)
        if size >= whole and _agree(attempt[-whole:], self._digits) == whole:
            return True
        if _SUFFIX <= size <= min(_SHORT, whole) and _agree(attempt, self._digits[-size:]) == size:
            return True
        aim = self._digits[-size:] if _SUFFIX <= size <= _SHORT else self._digits
        if size >= min(whole - 1, len(aim)) and len(aim) >= _SUFFIX:
            said = "".join(options[0] for options in attempt)[-len(aim) :]
            if _alike(said, aim) >= _ALIKE:
                self.wrong = said
        return False

    def _attempt(self) -> list[str]:
        """The digits said last in one go: for each its likeliest and its other candidates."""
        sounds = [token.syllable for token in self._said]
        texts = [token.text for token in self._said]
        digits = spoken_digits(sounds, texts)
        found: list[str] = []
        last, at = -1, 0
        while at < len(digits):
            size, piece = piece_at(sounds, digits, at)
            if not piece:
                at += 1
                continue
            if last >= 0 and at - last > _APART:
                found = []
            found += [_options(self._said[at])] if size == 1 and len(piece) == 1 else list(piece)
            at += size
            last = at
        return found


def _options(token: Token) -> str:
    """The digit of a token, then those of the recogniser's other candidates."""
    others = (DIGIT_SOUNDS.get(other.syllable, "") for other in token.alternatives)
    return "".join(dict.fromkeys([_digit(token), *others]))


def _agree(attempt: list[str], digits: str) -> int:
    return sum(digit in options for options, digit in zip(attempt, digits, strict=True))


def _alike(said: str, digits: str) -> float:
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(said, digits)


def _digit(token: Token) -> str:
    return spoken_digits([token.syllable], [token.text])[0]


class AmountEcho:
    """An amount of money, in whatever words: 三百八十六块, 386元."""

    def __init__(self, yuan: float) -> None:
        self.wrong = ""
        self._yuan = yuan
        self._heard = ""

    def hear(self, token: Token) -> bool:
        self._heard = (self._heard + normalise(token.text).text)[-_KEPT:]
        amounts = list(re.finditer(AMOUNT, self._heard))
        if not amounts:
            return False
        said = amounts[-1][0]
        value = money(said)
        if value == self._yuan:
            return True
        if value is not None and amounts[-1].end() < len(self._heard):  # it is said to its end
            self.wrong = said
        return False


class SoundEcho:
    """Words, by their toneless syllables; a surname only before a form of address."""

    def __init__(self, text: str, followed_by: tuple[str, ...] = ()) -> None:
        self.wrong = ""
        tails = [syllables(title) for title in followed_by] or [[]]
        self._wanted = [[*syllables(text), *tail] for tail in tails]
        self._heard: list[str] = []

    def hear(self, token: Token) -> bool:
        self._heard.append(token.syllable)
        del self._heard[:-_KEPT]
        return any(self._heard[-len(wanted) :] == wanted for wanted in self._wanted if wanted)
