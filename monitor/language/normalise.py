"""One written form for everything: simplified, half width, lower case, digits read out.

`normalise` keeps a map back to the raw text, so that a hit found in the
normal form can be quoted as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?(%)?")
_IDENTIFIER = re.compile(r"(?:号|号码|密码|验证码|电话|分机)\s*(?:是|为)?\s*$")
"""What comes before digits that name something (工号是1023) and are read one by one."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """The normal form and where each of its characters came from.

    `spans[i]` is the half-open raw range that `text[i]` was made of; the
    characters of a number that was read out all point at the whole number.
    """

    raw: str
    text: str
    spans: tuple[tuple[int, int], ...]

    def quote(self, start: int, end: int) -> str:
        """The raw text behind `text[start:end]`; empty when the range is empty."""
        if start >= end:
            return ""
        return self.raw[self.spans[start][0] : self.spans[end - 1][1]]


def normalise(raw: str, *, punctuation: bool = False) -> Normalised:
    """Fold width, case and script variants, read numbers out, drop punctuation and spaces.

    With `punctuation`, marks and spaces stay (a pattern's syntax lives in them).
    """
    if len(raw) == 1 and not raw.isascii():  # most of what a recogniser returns
        char = _fold(raw)
        if len(char) == 1 and char.isalpha():
            return Normalised(raw, char, ((0, 1),))
    folded: list[tuple[str, int, int]] = []
    for at, char in enumerate(raw):
        for piece in _fold(char):
            # A point, a percent sign and a space matter to the numbers beside them.
            if punctuation or piece.isalnum() or piece in ".% ":
                folded.append((piece, at, at + 1))
    out: list[tuple[str, int, int]] = []
    plain = "".join(piece for piece, _, _ in folded)
    done = 0
    for number in _NUMBER.finditer(plain):
        out.extend(folded[done : number.start()])
        start, end = folded[number.start()][1], folded[number.end() - 1][2]
        year = len(number[1]) == 4 and plain[number.end() : number.end() + 1] == "年"
        named = _IDENTIFIER.search(plain, max(0, number.start() - 8), number.start())
        digitwise = year or (len(number[1]) > 1 and named is not None)
        out.extend((char, start, end) for char in _read(number, digitwise=digitwise))
        done = number.end()
    out.extend(folded[done:])
    if not punctuation:
        out = [item for item in out if item[0] not in ".% "]
    return Normalised(
        raw, "".join(char for char, _, _ in out), tuple((start, end) for _, start, end in out)
    )


def read_number(digits: str) -> str:
    """How a number written in digits is said: 12 → 十二, 1005 → 一千零五, 10010 → 一零零一零.

    Five digits and more, or a leading zero, mean a number that is dictated
    (telephone, account), not a quantity.
    """
    if len(digits) > 4 or (len(digits) > 1 and digits[0] == "0"):
        return "".join(DIGITS[int(digit)] for digit in digits)
    if not digits.strip("0"):
        return "零"
    said, gap = "", False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            gap = bool(said)
            continue
        said += ("零" if gap else "") + DIGITS[int(digit)] + _UNITS[place]
        gap = False
    return said.removeprefix("一") if said.startswith("一十") else said


def _read(number: re.Match[str], *, digitwise: bool) -> str:
    whole, decimals, percent = number.groups()
    said = "".join(DIGITS[int(d)] for d in whole) if digitwise else read_number(whole)
    if decimals:
        said += "点" + "".join(DIGITS[int(digit)] for digit in decimals)
    return ("百分之" + said) if percent else said


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    if char.isascii():
        return char.lower()
    folded = unicodedata.normalize("NFKC", char).lower()
    return "".join(_simplified(piece) for piece in folded)


def _simplified(char: str) -> str:
    # Character by character, so that offsets stay; the phrase rules of OpenCC only
    # choose between variants that sound alike.
    if not "\u3400" <= char <= "\u9fff":
        return char
    converted: str = converter().convert(char)
    return converted if len(converted) == 1 else char


@lru_cache(maxsize=1)
def converter() -> Any:
    """OpenCC from traditional to simplified characters (it ships no types)."""
    from opencc import OpenCC

    return OpenCC("t2s")
