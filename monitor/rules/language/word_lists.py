"""`<name>` in a phrase: any word of the pack's list of that name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.base.i18n import tr
from monitor.rules.language.yaml_source import suggest

_NAME = re.compile(r"<([^<>]+)>")
_DEEPEST = 8


class WordsError(ValueError):
    """A list that is missing, empty, or contains itself; `column` counts from 1."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


def expand(text: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """The phrase with each `<name>` replaced by its words.

    Raises:
        WordsError: there is no such list, it is empty, or lists go in a circle.
    """
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        return text  # a regular expression has angle brackets of its own
    return _expand(text, words, 0)


def _expand(text: str, words: Mapping[str, tuple[str, ...]], depth: int) -> str:
    def put(match: re.Match[str]) -> str:
        name, column = match[1], match.start() + 1
        if name not in words:
            raise WordsError(
                column,
                tr(f"没有词表 “{name}”", f"there is no word list {name!r}") + suggest(name, words),
            )
        if not words[name]:
            raise WordsError(
                column,
                tr(
                    f"词表 “{name}” 是空的，请在 words 里填上",
                    f"word list {name!r} is empty: fill it in under words",
                ),
            )
        if depth == _DEEPEST:
            raise WordsError(
                column, tr(f"词表 “{name}” 绕成了圈", f"word list {name!r} contains itself")
            )
        choices = [_expand(word, words, depth + 1) for word in words[name]]
        return choices[0] if len(choices) == 1 else "(" + "|".join(choices) + ")"

    return _NAME.sub(put, text)
