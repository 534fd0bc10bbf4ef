"""Two languages, side by side in the source: `tr("中文", "English")`."""

from __future__ import annotations

import locale
import os
from contextvars import ContextVar
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

_language: ContextVar[Language] = ContextVar("language", default="zh")


def tr(zh: str, en: str) -> str:
    """The text in the language in use."""
    return zh if _language.get() == "zh" else en


def language() -> Language:
    return _language.get()


def use_language(name: Language) -> None:
    """Set the language for this context (the whole program, when called at its start)."""
    _language.set(name)


def system_language() -> Language:
    """English when the locale says so, Simplified Chinese otherwise.

    The C/POSIX locale says nothing about the reader, so it means Chinese,
    the product's default.
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return "en" if value.lower().startswith("en") else "zh"
    name = locale.getlocale()[0] or ""
    return "en" if name.lower().startswith("en") else "zh"
