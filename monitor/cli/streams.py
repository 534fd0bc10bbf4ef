"""Output streams that cannot show every character: GBK consoles, ASCII pipes, files.

What a stream cannot show is written as what comes nearest, else escaped; no
verb ends because of a tick. Lone surrogates (bytes of file names that are no
text) are escaped even where the stream could take them.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Mapping

_NEAREST: Mapping[str, str] = {
    "✓": "√",
    "✗": "×",
    "◐": "◎",
    "–": "-",
    "—": "-",
    "…": "...",
    "·": ".",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "：": ":",
    "，": ",",
    "；": ";",
    "。": ".",
    "（": "(",
    "）": ")",
    "、": ",",
    "→": "->",
    "←": "<-",
    "╸": "-",
    "╺": "-",
    "√": "v",
    "×": "x",
    "◎": "o",
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
    "\u2009": " ",
    "\xa0": " ",
    "━": "=",
    "─": "-",
    "│": "|",
    "█": "#",
    "▁": "_",
    "▲": "^",
    "▼": "v",
    "●": "*",
    "○": "o",
    "║": "|",
    "═": "=",
    "┃": "|",
    "╭": "+",
    "╮": "+",
    "╯": "+",
    "╰": "+",
    "￥": "Y",
    "！": "!",
}
"""Signs and what they look like; tried one after the other."""

NAME = "callmonitor-nearest"


def write_anything() -> None:
    """Let this program's output and complaints take every text."""
    codecs.register_error(NAME, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    shown = "".join(_sign(sign, error.encoding) for sign in error.object[error.start : error.end])
    return shown, error.end


def _sign(sign: str, encoding: str) -> str:
    text = sign
    for _ in range(3):
        text = _NEAREST.get(text, "")
        if not text:
            break
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            continue
        return text
    return sign.encode("ascii", "backslashreplace").decode("ascii")
