"""Cells of tables that people open in spreadsheet programs.

Text that such a program would run as a formula is made plain text on its way
out: file names and what agents and customers say end up in tables.
"""

from __future__ import annotations

from typing import TypeVar

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make spreadsheet programs take a text for a formula (OWASP, CSV
injection; the full-width signs too, which some of them fold)."""

T = TypeVar("T")


def plain(text: str) -> str:
    """Text that no spreadsheet program runs: an apostrophe goes before what it might."""
    return f"'{text}" if text.startswith(_RUNS) else text


def plain_cell(value: T) -> T | str:
    """A cell, its text made plain."""
    return plain(value) if isinstance(value, str) else value


def as_written(text: str) -> str:
    """The text that `plain` made plain."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_RUNS) else text
