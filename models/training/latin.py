"""How people say letters, English words and names in Chinese: `VIP` → 维爱皮, `5G` → 五记.

The recogniser's units are Mandarin syllables, so Latin words are spoken and learnt as the
syllables nearest to what is heard. Characters stand for their sound alone.
"""

from __future__ import annotations

import re

_NAMES = (
    "诶,比,西,迪,伊,艾弗,记,诶曲,爱,杰,开,艾勒,艾姆,"  # A to M
    "恩,欧,皮,抠,阿,艾斯,提,优,维,达不溜,艾克斯,歪,贼"  # N to Z
)
LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _NAMES.split(","), strict=True))
WORDS = {
    "ok": "欧开",
    "okay": "欧开",
    "app": "诶皮皮",
    "wifi": "歪法",
    "wi-fi": "歪法",
    "vip": "维爱皮",
    "plus": "普拉斯",
    "pro": "普肉",
    "max": "麦克斯",
    "mini": "米尼",
    "hello": "哈喽",
    "hi": "嗨",
    "bye": "拜",
    "byebye": "拜拜",
    "sorry": "骚瑞",
    "bug": "八哥",
    "email": "伊妹儿",
    "mail": "妹儿",
    "call": "扣",
    "cool": "酷",
    "out": "奥特",
    "kpi": "开皮爱",
    "iphone": "爱疯",
    "ipad": "爱派德",
    "logo": "楼狗",
    "low": "喽",
    "show": "秀",
    "taxi": "泰克西",
    "excel": "伊克赛尔",
    "word": "沃德",
    "ppt": "皮皮提",
    "offer": "奥佛",
    "case": "凯斯",
    "team": "提姆",
    "hold": "厚德",
    "check": "切克",
    "pos": "泡斯",
    "led": "艾勒伊迪",
}
_RUN = re.compile(r"[A-Za-z][A-Za-z-]*")


def spoken(text: str) -> str:
    """The text with every Latin word as the characters whose sound it has."""
    return _RUN.sub(lambda match: _said(match[0]), text)


def _said(word: str) -> str:
    known = WORDS.get(word.lower())
    return known or "".join(LETTERS[letter] for letter in word.upper() if letter in LETTERS)
