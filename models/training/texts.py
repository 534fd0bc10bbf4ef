"""Sentences for the synthetic speech: the manuals' phrases, written dialogues, random words.

A sentence is held out (never spoken in training) when its hash says so, so every run, on every
machine and after every addition of text, holds out the same sentences.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from models.training import latin, units
from models.training.paths import REPO, TEXT, shared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELD_OUT_SHARE = 0.08
_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_OUTER_BAR = re.compile(r"\|(?![^{}]*\})")
_SLOT = re.compile(r"\{([^{}]*)\}")
_HANZI = re.compile(r"[\u4e00-\u9fff]")
_KEEP = re.compile(r"[^\u4e00-\u9fff，。？！、；：]")
_SPEAKER = re.compile(r"^[A-Z]\S*\s+")  # `A@1 您好` begins after a second; A is the agent
_HALF = str.maketrans(",?!;:.", "，？！；：。")


def plain(text: str) -> str:
    """The hanzi only."""
    return "".join(_HANZI.findall(text))


def held_out(text: str) -> bool:
    """True for the fixed share of sentences kept for measuring."""
    digest = hashlib.sha256(plain(text).encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32


@cache
def fillers() -> dict[str, list[str]]:
    """Slot name → what may stand there, from `text/slots.txt` (`name: a|b|c`)."""
    table: dict[str, list[str]] = {}
    path = TEXT / "slots.txt"
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, values = line.partition(":")
            if values:
                table[name.strip()] = [v.strip() for v in _OUTER_BAR.split(values)]
    return table


def number(value: int) -> str:
    """A number below 100,000 as it is read aloud (`10500` → 一万零五百)."""
    digits = "零一二三四五六七八九"
    if value < 10:
        return digits[value]
    if 10 <= value < 20:
        return "十" + (digits[value % 10] if value % 10 else "")
    for size, name in ((10_000, "万"), (1_000, "千"), (100, "百"), (10, "十")):
        if value >= size:
            head, rest = divmod(value, size)
            gap = "零" if 0 < rest < size // 10 else ""
            tail = ("一" if 10 <= rest < 20 and size > 10 else "") + number(rest) if rest else ""
            return number(head) + name + gap + tail
    raise AssertionError(value)


def spoken_digits(text: str, rng: np.random.Generator) -> str:
    """Digit by digit, one as 幺 in about half the numbers."""
    one = "幺" if rng.random() < 0.5 else "一"
    return "".join(one if c == "1" else _DIGITS.get(c, c) for c in text)


def fill(template: str, rng: np.random.Generator) -> str:
    """Replace `{slot}` and `{a|b}`; unknown slots vanish; digits and Latin words as spoken."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if "|" in name:
            return str(rng.choice(name.split("|")))
        made = _made(name, rng)
        if made is not None:
            return made
        options = fillers().get(name)
        return fill(str(rng.choice(options)), rng) if options else ""

    return latin.spoken(spoken_digits(_SLOT.sub(value, template), rng))


def _made(name: str, rng: np.random.Generator) -> str | None:
    """Slots that are counted rather than listed."""

    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    def digits(count: int) -> str:
        return "".join(str(draw(0, 10)) for _ in range(count))

    def pick(*options: str) -> str:
        return options[draw(0, len(options))]

    def size(*highest: int) -> int:
        return draw(1, highest[draw(0, len(highest))])

    made = {
        "phone": lambda: "1" + digits(10),
        "digits": lambda: digits(draw(3, 9)),
        "hotline": lambda: pick("10010", "10011", "10000", "10086", "12345", "95588", "114"),
        "amount": lambda: (
            number(size(100, 1000, 20000))
            + pick("元", "块", "块钱")
            + pick("", "", "", "", "", number(draw(1, 10)) + "毛")
        ),
        "number": lambda: number(size(20, 100, 5000)),
        "date": lambda: number(draw(1, 13)) + "月" + number(draw(1, 32)) + pick("号", "日"),
        "clock": lambda: (
            pick("", "上午", "下午", "晚上", "早上")
            + number(draw(1, 13))
            + "点"
            + pick("", "半", "一刻", number(draw(10, 60)) + "分")
        ),
        "percent": lambda: "百分之" + number(draw(1, 101)),
    }
    return made[name]() if name in made else None


@cache
def turns(careless: bool = False) -> tuple[str, ...]:
    """The written turns (`text/*.txt`, `text/turns/*.txt`); `careless`: what must not be said."""
    found: dict[str, None] = {}
    for path in sorted((*TEXT.glob("*.txt"), *TEXT.glob("turns/*.txt"))):
        if path.name != "slots.txt" and path.name.startswith("careless") == careless:
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.strip() and not line.startswith("#"):
                    found[line.strip()] = None
    return tuple(found)


@cache
def ordinary() -> tuple[str, ...]:
    """The turns of the complete ordinary calls (`rules/dialogues/ordinary/*.yaml`)."""
    from ruamel.yaml import YAML

    found: dict[str, None] = {}
    for path in sorted((REPO / "rules/dialogues/ordinary").glob("*.yaml")):
        for call in YAML(typ="safe").load(path.read_text(encoding="utf-8"))["dialogues"]:
            if not call.get("want"):  # nothing in it that must not be said
                found |= dict.fromkeys(_SPEAKER.sub("", turn) for turn in call["turns"])
    return tuple(found)


@cache
def templates() -> tuple[str, ...]:
    """Written turns and calls, manuals' phrases and rule packs, deduplicated."""
    found: dict[str, None] = dict.fromkeys(turns())
    found |= dict.fromkeys(turns(careless=True))
    found |= dict.fromkeys(ordinary())
    inventory = shared() / "seeds" / "inventory.json"
    if inventory.is_file():
        for text in _manual(json.loads(inventory.read_text(encoding="utf-8"))):
            found[text] = None
    for path in sorted((REPO / "rules").glob("*.y*ml")):
        for text in re.findall(r"[\u4e00-\u9fff，。？！、]{3,}", path.read_text(encoding="utf-8")):
            found[text] = None
    return tuple(found)


def _manual(inventory: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What agents say and must not say, from the inventory of the manuals."""
    texts: list[str] = []
    for section in "ABC":
        for entry in inventory[section]:
            for key in ("reading", "template", "forbidden", "replacement_reading"):
                texts.append(str(entry.get(key) or ""))
            for item in entry.get("replacement") or []:
                texts.append(str(item.get("text", "")) if isinstance(item, dict) else str(item))
    cleaned = [re.sub(r"[\s…“”\"'《》√×]|X{2,}|Y{2,}", "", t).translate(_HALF) for t in texts]
    cleaned = [re.sub(r"\(([^()]*)\)|（[^（）]*）", "", t) for t in cleaned]
    return [
        t for t in cleaned if 3 <= len(_HANZI.findall(t)) <= 120 and not re.search("[A-Za-z]{3}", t)
    ]


@cache
def _words() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """jieba's words of one to four characters and their square-root frequencies."""
    import jieba
    import numpy as np

    jieba.setLogLevel(60)
    jieba.initialize()
    table = {
        w: f
        for w, f in jieba.dt.FREQ.items()
        if f >= 20 and len(w) <= 4 and len(_HANZI.findall(w)) == len(w) and units.from_hanzi(w)
    }
    weight = np.sqrt(np.array(list(table.values()), float))
    return tuple(table), np.cumsum(weight / weight.sum())


def random_words(rng: np.random.Generator) -> str:
    """Two to nine words in a row: every syllable in every neighbourhood, no meaning."""
    words, cumulative = _words()
    picks = cumulative.searchsorted(rng.random(int(rng.integers(2, 10))))
    return "".join(
        words[min(int(i), len(words) - 1)] + ("，" if rng.random() < 0.1 else "") for i in picks
    )


def clauses(text: str, rng: np.random.Generator, longest: int = 28) -> str:
    """One stretch of a text: whole clauses up to about `longest` characters."""
    parts = [p for p in re.split(r"(?<=[，。？！；：])", _KEEP.sub("", text.translate(_HALF))) if p]
    if not parts:
        return ""
    start = int(rng.integers(len(parts)))
    taken = parts[start]
    for part in parts[start + 1 :]:
        if len(taken) + len(part) > longest or rng.random() < 0.2:
            break
        taken += part
    return taken
