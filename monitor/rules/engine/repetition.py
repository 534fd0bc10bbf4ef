"""Was a captured value said again? Numbers in pieces, names by surname, the rest by sound."""

from __future__ import annotations

from typing import Protocol

from monitor.events import Token
from monitor.language.phrases.slots import DIGITS, TITLES
from monitor.language.pinyin import syllables

_SUFFIX = 4
_ALIKE = 85.0
"""Per cent of the digits that must agree: one misheard digit of eleven is forgiven."""
_KEPT = 64


class Echo(Protocol):
    """Listens for one value; `hear` says whether it has now been said."""

    def hear(self, token: Token) -> bool: ...


def echo_of(value: str) -> Echo:
    """The listener that fits the value."""
    digits = "".join(char for char in value if char.isdigit())
    if len(digits) >= _SUFFIX and len(digits) >= len(value) - 2:
        return NumberEcho(digits)
    for title in TITLES:
        if value.endswith(title) and len(value) > len(title):
            return SoundEcho(value[: -len(title)], followed_by=TITLES)
    if len(value) == 1:
        return SoundEcho(value, followed_by=TITLES)
    return SoundEcho(value)


class NumberEcho:
    """A number: whole (one digit in eleven may be misheard), in pieces, or its last digits."""

    def __init__(self, digits: str) -> None:
        self._digits = digits
        self._heard = ""

    def hear(self, token: Token) -> bool:
        digit = _digit(token)
        if not digit:
            return False
        self._heard = (self._heard + digit)[-_KEPT:]
        if self._heard.endswith(self._digits[-_SUFFIX:]):
            return True
        if len(self._heard) < len(self._digits) - 1:
            return False
        from rapidfuzz.fuzz import ratio

        tail = self._heard[-len(self._digits) :]
        return bool(ratio(tail, self._digits) >= _ALIKE)


def _digit(token: Token) -> str:
    if token.text.isdigit():
        return token.text
    return DIGITS.get(token.syllable, "")


class SoundEcho:
    """Words, by their toneless syllables; a surname only before a form of address."""

    def __init__(self, text: str, followed_by: tuple[str, ...] = ()) -> None:
        tails = [syllables(title) for title in followed_by] or [[]]
        self._wanted = [[*syllables(text), *tail] for tail in tails]
        self._heard: list[str] = []

    def hear(self, token: Token) -> bool:
        self._heard.append(token.syllable)
        del self._heard[:-_KEPT]
        return any(self._heard[-len(wanted) :] == wanted for wanted in self._wanted if wanted)
