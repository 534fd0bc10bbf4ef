"""Numbers as they are said: quantities with their units, and digits one by one.

Everything works on normalised text (digits already read out, see `normalise`)
or, for digits, on toneless syllables, so that a homophone does not hide them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

DIGIT_SOUNDS: Mapping[str, str] = MappingProxyType(
    {
        "ling": "0", "yi": "1", "yao": "1", "er": "2", "liang": "2", "san": "3", "si": "4",
        "wu": "5", "liu": "6", "qi": "7", "ba": "8", "jiu": "9",
    }
)  # fmt: skip
DIGIT_WORDS: Mapping[str, str] = MappingProxyType({"洞": "0", "拐": "7", "勾": "9", "钩": "9"})
"""Said for a digit by trade; their sounds mean too much else, so only these characters count."""
HESITATIONS = frozenset("嗯啊呃额哦唉哎呀吧嘛的是")
BETWEEN = (("na", "ge"), ("zhe", "ge"), ("ran", "hou"), ("jiu", "shi"), ("hou", "mian"),
           ("qian", "mian"), ("zhong", "jian"), ("jie", "zhe"), ("zai", "lai"))  # fmt: skip
"""Pairs of syllables that people put between the pieces of a number."""
CORRECTIONS = (("bu", "shi"), ("bu", "dui"), ("cuo", "le"), ("shuo", "cuo"))
"""What announces that the last digits were wrong."""

UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_FIGURES = "零〇一二三四五六七八九两"
_VALUE = {char: at for at, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "俩": 2}


def quantity(text: str) -> float | None:
    """The value of a spoken number: 三百二十八点五 328.5, 一万五 15000, 一点五万 15000; else None.

    Approximations lose what is vague: 三百多 is 300, 二十来 20, 几十 is None.
    """
    body = re.sub("[多来余几]", "", text) if text[:1] not in "几多" else ""
    match = re.fullmatch(rf"([{_FIGURES}十百千万亿半]+?)(?:点([{_FIGURES}]+)([万亿])?)?", body)
    if match is None:
        return 0.5 if text == "半" else None
    whole, decimals, scale = match.groups()
    value = _whole(whole)
    if value is None:
        return None
    if decimals:
        value += float("0." + "".join(str(_VALUE[char]) for char in decimals))
    return value * UNITS[scale] if scale else value


def _whole(text: str) -> float | None:
    """A number without decimals; a last bare digit is of the next lower unit (一万五, 三百二)."""
    if not text.strip("".join(_FIGURES)):
        return float("".join(str(_VALUE[char]) for char in text))  # read digit by digit
    total, section, digit, unit = 0.0, 0.0, None, 1
    zero = False
    for char in text:
        if char in _VALUE:
            if digit is not None and not zero:
                return None
            digit, zero = _VALUE[char], char in "零〇"
        elif char == "半":
            digit = None
            section += unit / 2
        else:
            unit = UNITS[char]
            if unit == UNITS["亿"]:
                total, section = (total + section + (digit or 0) or 1) * unit, 0.0
            elif unit == UNITS["万"]:
                total, section = total + (section + (digit or 0) or 1) * unit, 0.0
            else:
                section += (1 if digit is None else digit) * unit
            digit, zero = None, False
    if digit is not None:
        bare = text[-2:-1]
        section += digit * (unit / 10 if bare in UNITS and unit >= UNITS["百"] else 1)
    return total + section


def money(text: str) -> float | None:
    """Yuan of a spoken amount: 三百二十八块五 328.5, 两百块零五毛 200.5; else None."""
    if not set("元块毛角分") & set(text):
        return quantity(text)
    total, rest, found = 0.0, text.replace("钱", "").replace("人民币", ""), False
    for names, worth in (("元块", 1.0), ("毛角", 0.1), ("分", 0.01)):
        at = next((i for i, char in enumerate(rest) if char in names), -1)
        if at < 0:
            continue
        value = quantity(rest[:at].lstrip("零又"))
        if value is None:
            return None
        total, rest, found = total + value * worth, rest[at + 1 :], True
        last = worth
    rest = rest.strip("零整多来")
    if rest:
        value = quantity(rest)
        if value is None or not found:
            return None
        total += value * last / 10 if value < 10 else value * last / 100
    return round(total, 2)


def spoken_digits(sounds: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The digit of each syllable, "" where it is none."""
    return [
        text
        if text.isdecimal() and text.isascii()
        else DIGIT_WORDS.get(text) or DIGIT_SOUNDS.get(sound, "")
        for sound, text in zip(sounds, texts, strict=True)
    ]


def digit_runs(sounds: Sequence[str], texts: Sequence[str]) -> Iterable[tuple[int, int, str]]:
    """(first syllable, end, digits) of every number that is dictated, in order.

    四个八 is 8888; 那个, 后面是 and hesitations may stand between; after 不是, 不对 the
    digits that follow replace as many of the last ones (尾号三三不是三四 is 34).
    """
    digits = spoken_digits(sounds, texts)
    at = 0
    while at < len(digits):
        if not digits[at]:
            at += 1
            continue
        first, end, value = at, at, ""
        while at < len(digits):
            size, piece = piece_at(sounds, digits, at)
            if piece:
                value += piece
                at = end = at + size
                continue
            gap = pause_at(sounds, texts, at)
            if gap and at + gap < len(digits) and digits[at + gap]:
                at += gap
                continue
            turned = correction_at(sounds, at)
            if turned and at + turned < len(digits) and digits[at + turned]:
                right, at = corrected(sounds, digits, at + turned)
                value = value[: -len(right)] + right if len(right) < len(value) else right
                end = at
                continue
            break
        yield first, end, value
        at = max(at, end)


def corrected(sounds: Sequence[str], digits: Sequence[str], at: int) -> tuple[str, int]:
    """(digits, end) of what is said after a correction; of 不是三是四 only what 是 introduces."""
    value = ""
    while at < len(digits):
        size, piece = piece_at(sounds, digits, at)
        if piece:
            value += piece
            at += size
        elif sounds[at] == "shi" and at + 1 < len(digits) and digits[at + 1]:
            value, at = "", at + 1  # what was denied is not what is meant
        else:
            break
    return value, at


def piece_at(sounds: Sequence[str], digits: Sequence[str], at: int) -> tuple[int, str]:
    """(syllables, digits) of the piece of a number at `at`; 四个八 counts as four."""
    if not digits[at]:
        return 0, ""
    repeated = at + 2 < len(digits) and sounds[at + 1] == "ge" and digits[at + 2]
    if repeated and digits[at] in "23456":
        return 3, digits[at + 2] * int(digits[at])
    return 1, digits[at]


def pause_at(sounds: Sequence[str], texts: Sequence[str], at: int) -> int:
    """Syllables at `at` that people put between the pieces of a number."""
    size = 0
    while at + size < len(sounds):
        here = at + size
        if tuple(sounds[here : here + 2]) in BETWEEN:
            size += 2
        elif texts[here] in HESITATIONS and tuple(sounds[here : here + 2]) not in CORRECTIONS:
            size += 1
        else:
            return size
    return size


def correction_at(sounds: Sequence[str], at: int) -> int:
    """Syllables at `at` that announce a correction (不是, 不对, 说错了)."""
    size = 0
    while tuple(sounds[at + size : at + size + 2]) in CORRECTIONS:
        size += 2
        while at + size < len(sounds) and sounds[at + size] in ("le", "a", "o"):
            size += 1
    return size
