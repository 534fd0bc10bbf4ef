"""Readings of characters: toneless syllables (`v` for ü) and tones, in context.

pypinyin knows how a character reads inside a phrase; where the phrase is not
known, every plausible reading is kept.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

INITIALS = (
    *("zh", "ch", "sh"),
    *("b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h"),
    *("j", "q", "x", "r", "z", "c", "s", "y", "w"),
)
ANY_TONE = 0

PLAUSIBLE = 2
"""Syllables kept for a character out of context: dictionaries list the common ones first."""

_ONE_SOUND = frozenset("不没说呢么吧吗会大和给看好发")
"""Everyday characters whose second syllable is literary or dialect (不 fou, 说 shui)."""

_RUNS = re.compile(r"[\u3400-\u9fff〇]+|[^\u3400-\u9fff〇]")
_MARKS = MappingProxyType({"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4})
_SYLLABLE = re.compile(r"^[a-z]+$")
_SANDHI = frozenset("不一")  # said in several tones, whatever the dictionary prints


@dataclass(frozen=True, slots=True)
class Reading:
    """A toneless syllable and its tone 1–5 (`ANY_TONE` = 0: unknown or changing)."""

    syllable: str
    tone: int = ANY_TONE


@lru_cache(maxsize=16384)
def readings(text: str) -> tuple[tuple[Reading, ...], ...]:
    """For each character of `text`, its plausible readings, the likeliest first.

    A character without a Mandarin reading (a Latin letter) has none.
    """
    found: list[tuple[Reading, ...]] = []
    for run in _RUNS.findall(text):
        if not is_han(run[0]):
            found.append(())
            continue
        for word in _phrases(run):
            found.extend(_word(word))
    return tuple(found)


def syllables(text: str) -> list[str]:
    """The likeliest toneless syllable of each character; "" where there is none."""
    return [row[0].syllable if row else "" for row in readings(text)]


def is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or char == "〇"


@lru_cache(maxsize=4096)
def split_syllable(syllable: str) -> tuple[str, str]:
    """Initial and final: zhang → (zh, ang); an → ("", an).

    `y` and `w` are spelling, not initials: yan → ("", ian), wu → ("", u).
    Finals are written as they sound: ü after j, q, x, y is `v`; bo → (b, uo);
    the buzzing vowel of zhi/zi is `ih`.
    """
    initial = next((i for i in INITIALS if syllable.startswith(i)), "")
    final = syllable[len(initial) :]
    if initial == "y":
        return "", _after_y(final)
    if initial == "w":
        return "", {"u": "u", "o": "uo"}.get(final, "u" + final)
    if initial in {"j", "q", "x"} and final.startswith("u"):
        final = "v" + final[1:]
    elif initial in {"zh", "ch", "sh", "r", "z", "c", "s"} and final == "i":
        final = "ih"
    elif initial in {"b", "p", "m", "f"} and final == "o":
        final = "uo"
    return initial, {"ue": "ve", "un": "uen", "ui": "uei", "iu": "iou"}.get(final, final)


def _after_y(final: str) -> str:
    whole = {"i": "i", "in": "in", "ing": "ing", "u": "v", "ue": "ve", "uan": "van", "un": "vn"}
    return whole.get(final) or {"ou": "iou", "e": "ie"}.get(final, "i" + final)


def _phrases(run: str) -> list[str]:
    """A run of characters cut where pypinyin's dictionary of phrases cuts it."""
    from pypinyin.seg.mmseg import seg

    return list(seg.cut(run))


@lru_cache(maxsize=32768)
def _word(word: str) -> tuple[tuple[Reading, ...], ...]:
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

    known = PHRASES_DICT.get(word)
    if known is not None and len(known) == len(word):
        rows = [tuple(row) for row in known]
    else:
        rows = [tuple(PINYIN_DICT.get(ord(char), "").split(",")) for char in word]
    return tuple(_parse(char, row) for char, row in zip(word, rows, strict=True))


def _parse(char: str, row: tuple[str, ...]) -> tuple[Reading, ...]:
    parsed: list[Reading] = []
    sounds: list[str] = []
    for marked in row:
        syllable, tone = _unmark(marked)
        if not _SYLLABLE.match(syllable):
            continue
        if syllable not in sounds:
            if len(sounds) == PLAUSIBLE or (sounds and char in _ONE_SOUND):
                continue
            sounds.append(syllable)
        reading = Reading(syllable, ANY_TONE if char in _SANDHI else tone)
        if reading not in parsed:
            parsed.append(reading)
    return tuple(parsed)


def _unmark(marked: str) -> tuple[str, int]:
    """Toneless syllable and tone of pinyin with tone marks: lǜ → (lv, 4), le → (le, 5)."""
    tone, plain = 5, ""
    for char in unicodedata.normalize("NFD", marked):
        if char in _MARKS:
            tone = _MARKS[char]
        elif char == "\u0308":  # the dots of ü
            plain = plain[:-1] + "v"
        elif not unicodedata.combining(char):
            plain += char
    return plain, tone
