"""Turning what is right into what nearly is, from a seed: bytes, JSON, lines."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

NUMBERS = (
    0,
    1,
    2,
    7,
    44,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 2**31, 2**63, 10**30, -(10**18)),
    *("", "x", "agent", "2026-02-17", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59Z"),
    *("\x00", "\ud800", "\u202e", "一" * 300, "1e9", "NaN", "=1+1", "../../x", "%s{0}"),
    *([], {}, [[]], [None], {"": None}, [1, "a", {}], {"a": {"b": []}}),
)
CELLS = (
    *("", " ", "\x00", '"', '""', "'", "=1+1", "agent", "坐席", "呼入", "是", "1e999", "nan", "-5"),
    *("2026-02-17", "2026/2/30 10:00", "24:00", "9999-12-31", "0000", "2026-02-17T10:00:00+99:00"),
    *(
        "a.wav",
        "D:\\rec\\a.wav",
        "\\\\server\\a.wav",
        "/",
        "..",
        "a/b/c.wav",
        "x" * 5000,
        "😀",
        "\r",
    ),
)


def data(rng: random.Random, seed: bytes, head: int = 120) -> bytes:
    """Bytes with a few changes, most of them near the start, where the structure is."""
    out = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not out:
            break
        at = rng.randrange(min(len(out), head)) if rng.random() < 0.7 else rng.randrange(len(out))
        match rng.randrange(9):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                number = rng.choice(NUMBERS)
                out[at : at + 4] = struct.pack(rng.choice(("<I", ">I")), number)
            case 3:
                out[at : at + 2] = struct.pack(
                    rng.choice(("<H", ">H")), rng.choice(NUMBERS) & 0xFFFF
                )
            case 4:
                del out[at:]
            case 5:
                del out[at : at + rng.choice((1, 2, 3, 8, 40))]
            case 6:
                out[at:at] = rng.randbytes(rng.choice((1, 2, 8, 30)))
            case 7:
                out[at:at] = out[: rng.randrange(1, min(len(out), 400) + 1)]
            case _:
                out[at:at] = bytes(rng.choice((1, 3, 8, 4096)))
    return bytes(out)


def value(rng: random.Random, seed: Any) -> Any:
    """JSON data with one to three of its nodes changed."""
    made = copy.deepcopy(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(made))
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(("x", "event", "party", "start_ms", "", "\ud800"))] = rng.choice(
                    ODD
                )
            case 2 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(rng.choice((holder[key], rng.choice(ODD)))))
            case 3:
                other, name = rng.choice(places)
                if name in other if isinstance(other, dict) else name < len(other):
                    holder[key] = copy.deepcopy(other[name])
            case _:
                holder[key] = copy.deepcopy(rng.choice(ODD))
    return made


def _places(node: Any) -> Any:
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, child in list(items):
        yield node, key
        yield from _places(child)


def text(rng: random.Random, seed: Any) -> str:
    """JSON text of changed data, sometimes with the text itself changed."""
    try:
        made = json.dumps(value(rng, seed), ensure_ascii=rng.random() < 0.5)
    except (RecursionError, ValueError):
        made = "["
    match rng.randrange(12):
        case 0:
            return made[: rng.randrange(len(made) + 1)]
        case 1:
            return made.replace("0", rng.choice(("NaN", "Infinity", "-0", "0" * 5000, "1e999")), 1)
        case 2:
            return "[" * rng.choice((10, 2_000, 200_000)) + made
        case 3:
            at = rng.randrange(len(made) + 1)
            return made[:at] + rng.choice(("\x00", "\\ud800", "\ufeff", ",", "}", '"')) + made[at:]
        case _:
            return made


def table(rng: random.Random) -> bytes:
    """A CSV of metadata with mistakes."""
    names = rng.sample(
        (
            "file",
            "文件",
            "agent",
            "坐席",
            "started_at",
            "开始时间",
            "方向",
            "满意度",
            "等待秒数",
            "x",
            "",
        ),
        rng.randrange(1, 7),
    )
    if rng.random() < 0.8 and "file" not in names:
        names[0] = "file"
    sign = rng.choice((",", ",", ";", "\t"))
    rows = [sign.join(names)]
    for _ in range(rng.randrange(6)):
        wide = len(names) + (rng.random() < 0.1)
        cells = (rng.choice(CELLS) for _ in range(wide))
        rows.append(sign.join(f'"{c}"' if rng.random() < 0.3 else c for c in cells))
    raw = rng.choice(("\n", "\r\n", "\r")).join(rows)
    encoded = raw.encode(rng.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16")), "replace")
    return data(rng, encoded) if rng.random() < 0.4 else encoded


def lines(rng: random.Random, seed: str) -> str:
    """A text (YAML) with lines lost, doubled, moved in or out, and values changed."""
    made = seed.split("\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not made:
            break
        at = rng.randrange(len(made))
        match rng.randrange(8):
            case 0:
                del made[at]
            case 1:
                made.insert(at, made[rng.randrange(len(made))])
            case 2:
                made[at] = "  " + made[at]
            case 3:
                made[at] = made[at].removeprefix("  ")
            case 4:
                key, colon, _ = made[at].partition(":")
                made[at] = f"{key}{colon} {rng.choice(SCALARS)}"
            case 5:
                made[at] = made[at].replace(rng.choice("[]{}:-\"'#&*|") or "x", "", 1)
            case 6:
                cut = rng.randrange(len(made[at]) + 1)
                made[at] = made[at][:cut] + rng.choice(SIGNS) + made[at][cut:]
            case _:
                made[at] = rng.choice(
                    ("- &a [*a]", "<<: *x", "? [a]: b", "!!python/object:os.x {}", "---")
                )
    return "\n".join(made)


SIGNS = (
    "[",
    "]",
    "{",
    "}",
    ":",
    "|",
    "*",
    "&a",
    "!x",
    "\t",
    "\x00",
    "/(a+)+$/",
    "{金额}",
    "~",
    "……",
    "\ud800",
)
SCALARS = (
    *("~", "[]", "{}", "yes", "-1", "0", "1e400", ".nan", "9" * 400, "2026-13-45", "''", "[[]]"),
    *(
        "/(/",
        "/(a|a)*b/",
        "/[/",
        "{",
        "{金额}",
        "<3>",
        "一" * 2000,
        "a: b: c",
        "25:61-3",
        "10min",
        "-3s",
    ),
)
