"""Letters and English words as they sound in Chinese speech: VIP is 威爱皮, WiFi 歪费.

A recogniser of Mandarin writes them with the characters it has, one of another
language with letters: a phrase that holds them is found either way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_LETTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "a": ("诶", "唉"), "b": ("必",), "c": ("西", "塞"), "d": ("地",), "e": ("一",),
        "f": ("艾夫",), "g": ("鸡",), "h": ("爱奇", "诶曲"), "i": ("爱",), "j": ("杰", "这"),
        "k": ("克", "开"), "l": ("艾勒", "艾路"), "m": ("艾木",), "n": ("恩",), "o": ("欧",),
        "p": ("皮",), "q": ("扣", "丘"), "r": ("阿",), "s": ("艾斯",), "t": ("踢",), "u": ("优",),
        "v": ("威",), "w": ("达布溜",), "x": ("艾克斯",), "y": ("歪",), "z": ("贼",),
    }
)  # fmt: skip
"""How each letter is said; what takes one syllable stands in its own place."""

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "app": ("阿扑", "诶皮皮"), "ok": ("欧克", "欧开"), "wifi": ("歪费", "外法", "歪发哎"),
        "sim": ("西木", "新"), "email": ("一妹儿", "伊妹儿"), "call": ("扣",), "bug": ("八个",),
        "vip": ("威爱皮",), "ip": ("爱皮",), "tv": ("踢威",), "iptv": ("爱皮踢威",),
        "usim": ("优西木",), "esim": ("一西木",), "volte": ("窝踢一", "威欧艾勒踢一"),
        "iphone": ("爱疯", "爱凤"), "android": ("安卓",), "logo": ("楼狗",), "pos": ("破斯",),
        "web": ("外布",), "online": ("昂来",), "bye": ("拜",), "byebye": ("拜拜",),
        "hello": ("哈喽",), "sorry": ("扫瑞",), "pass": ("怕斯",), "key": ("剋", "k"),
    }
)  # fmt: skip
"""Words that are not spelt out letter by letter, or not only."""

_RUN = re.compile(r"[a-z]+")
_WRITTEN = re.compile(r"[A-Za-z]+")
LONGEST = 6
"""Letters of a run that is still taken to be spelt out."""

Spelling = tuple[str, ...]
"""Pieces as in a pattern's variant: each the characters any of which will do."""


def spellings(text: str) -> list[Spelling]:
    """The ways to say a normalised text, as pieces; the first is the text itself."""
    ways: list[Spelling] = [()]
    done = 0
    for run in _RUN.finditer(text):
        plain = tuple(text[done : run.start()])
        ways = [(*way, *plain, *said) for way in ways for said in _run(run[0])]
        done = run.end()
    return [(*way, *text[done:]) for way in ways]


def _run(letters: str) -> list[Spelling]:
    """A run of letters: as written (short ones in their own place), spelt out, as a word."""
    ways: list[Spelling] = []
    if len(letters) <= LONGEST:
        short = [[said for said in _LETTERS[x] if len(said) == 1] for x in letters]
        ways.append(tuple(x + "".join(s) for x, s in zip(letters, short, strict=True)))
        long = [x for x in letters if len(_LETTERS[x][0]) > 1]
        if long:
            ways.append(
                tuple(
                    piece
                    for x, s in zip(letters, short, strict=True)
                    for piece in (("".join(s),) if s else tuple(_LETTERS[x][0]))
                )
            )
    else:
        ways.append(tuple(letters))
    return ways + [tuple(said) for said in WORDS.get(letters, ())]


def without_sound(text: str) -> list[str]:
    """The words and signs of a phrase, as written, whose sound nobody knows.

    Runs of capitals are spelt out (VIP), words of the list are known (WiFi); other
    Latin words and letters of other scripts are not.
    """
    if text.startswith("/") and text.endswith("/"):
        return []
    found = [
        run
        for run in _WRITTEN.findall(text)
        if run.lower() not in WORDS and not (run.isupper() or len(run) == 1)
    ]
    found += [run for run in _WRITTEN.findall(text) if run.isupper() and len(run) > LONGEST]
    return found + [char for char in text if char.isalpha() and not _known(char)]


def _known(char: str) -> bool:
    return char.isascii() or "\u3400" <= char <= "\u9fff" or char == "〇"
