"""The recogniser's units: toneless Mandarin syllables, spelt as pypinyin spells them (`lv`, `nve`).

Index 0 is the CTC blank, then the lines of `syllables.txt` in order.
"""

from __future__ import annotations

import re
from functools import cache

from models.training.paths import HERE

BLANK = 0
_HANZI = re.compile(r"[\u4e00-\u9fff]+")
_UNREADABLE = re.compile(r"[0-9A-Za-z\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u3400-\u4dbf]")


@cache
def syllables() -> tuple[str, ...]:
    """All units but the blank."""
    return tuple((HERE / "syllables.txt").read_text(encoding="utf-8").split())


@cache
def index() -> dict[str, int]:
    """Syllable → unit number (the blank is 0 and is not in it)."""
    return {syllable: number for number, syllable in enumerate(syllables(), start=1)}


def size() -> int:
    """Number of units, the blank included."""
    return len(syllables()) + 1


def readable(text: str) -> bool:
    """False where digits, Latin letters or rare characters leave the reading open."""
    return bool(_HANZI.search(text)) and not _UNREADABLE.search(text)


def from_hanzi(text: str) -> list[int] | None:
    """The units of a text read aloud, punctuation ignored; None where a reading is not a unit."""
    from pypinyin import lazy_pinyin

    read = [s for run in _HANZI.findall(text) for s in lazy_pinyin(run)]
    return from_syllables(read)


def from_syllables(read: list[str]) -> list[int] | None:
    """Unit numbers of syllables; None where one of them is no unit."""
    table = index()
    units = [table.get(s) for s in read]
    return None if None in units else [u for u in units if u is not None]


def from_toned(text: str) -> list[int] | None:
    """Units of toned pinyin such as `nv3` or `hao3 de5`."""
    plain = [re.sub(r"[0-9]", "", s).replace("u:", "v").replace("ü", "v") for s in text.split()]
    return from_syllables(plain)
