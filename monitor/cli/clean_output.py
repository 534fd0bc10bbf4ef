"""What is printed cannot steer the terminal.

Names of agents, files and calls come from elsewhere, and a terminal obeys what it is sent: an
escape sequence in a name can hide lines, change what was printed or fill the clipboard. Controls
are shown as signs (␛) instead; colours pass. Screens that draw themselves write past this, to
`raw`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_CONTROL = re.compile(
    r"(\x1b\[(?!(?:\d+;)*8[;m])[0-9;]*m)"  # a colour or weight, but for "concealed"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)


def clean(text: str) -> str:
    """The text with its controls as signs; new lines and tabs stay."""
    return _CONTROL.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\ufffd"


class _Clean:
    """A stream through which no controls pass; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(clean(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def raw(stream: TextIO) -> TextIO:
    """The stream itself, for a screen that draws."""
    return stream.stream if isinstance(stream, _Clean) else stream


@contextmanager
def cleaned() -> Iterator[None]:
    """Let standard output and errors be clean until the block ends."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Clean(before[0]), _Clean(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
