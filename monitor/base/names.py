"""Names as they are shown and kept: always text of one line, whatever bytes the file system has.

File names from zip archives and old shares are often GBK; Python carries the
bytes that are not UTF-8 as lone surrogates, which no file, database or terminal
takes. Names may also hold line breaks and the control sequences of terminals.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path, PurePath
from urllib.parse import quote_from_bytes, unquote_to_bytes

_RUN = re.compile(
    "[\x80-\u07ff]*[\udc80-\udcff](?:[\udc80-\udcff\x80-\u07ff]|[\x20-\x2e\x30-\x7e])*"
)
"""A name in a message with bytes that are not UTF-8. Two bytes of GB 18030 may be ASCII in part,
and may happen to be a letter in UTF-8."""

_LONE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_BYTES = "bytes:"
"""Before a path that is kept as its percent-encoded bytes."""


def readable(name: object) -> str:
    """A name or path as one line of text: undecodable bytes as GB 18030, else escaped; control
    characters escaped."""
    parts = (_part(part) if _LONE.search(part) else part for part in str(name).split("/"))
    return _CONTROL.sub(_escaped, "/".join(parts))


def _part(part: str) -> str:
    try:
        return os.fsencode(part).decode("gb18030")
    except UnicodeError:
        return text_of(part)


def text_of(message: str) -> str:
    """A message with the names in it as text that can be written anywhere; lines stay lines."""
    if message.isascii():
        return message
    return _LONE.sub(_escaped, _RUN.sub(_decoded, message))


def safe_lines(message: str) -> str:
    """A message of one or more lines without anything that would steer a terminal."""
    lines = text_of(message).split("\n")
    return "\n".join(
        _CONTROL.sub(lambda m: m[0] if m[0] == "\t" else _escaped(m), x) for x in lines
    )


def _decoded(run: re.Match[str]) -> str:
    raw = run[0].encode("utf-8", "surrogateescape")
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace")


def _escaped(sign: re.Match[str]) -> str:
    code = ord(sign[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(
        code, f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    )


def fitting(name: str, ending: str, most: int = 255) -> str:
    """A file name (the last part of `name`, which may have folders) with its ending, short enough
    for file systems that take `most` bytes: the end of a long one becomes its digest."""
    folder, _, last = name.rpartition("/")
    before = f"{folder}/" if folder else ""
    if len(os.fsencode(last + ending)) <= most:
        return before + last + ending
    digest = hashlib.sha256(last.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    room = most - len(ending) - len(digest) - 1
    short = last.encode("utf-8", "surrogatepass")[:room].decode("utf-8", "ignore")
    return f"{before}{short}~{digest}{ending}"


def kept_path(path: Path) -> str:
    """A path as text that any database takes; `path_of` gives it back."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _BYTES + quote_from_bytes(os.fsencode(text))
    return text


def path_of(kept: str) -> Path:
    """The path that `kept_path` wrote."""
    if kept.startswith(_BYTES):
        return Path(os.fsdecode(unquote_to_bytes(kept.removeprefix(_BYTES))))
    return Path(kept)


def stem_of(name: PurePath) -> str:
    """The readable name of a recording without its ending, folders kept."""
    return readable(name.with_suffix(""))
