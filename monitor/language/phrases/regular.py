"""Regular expressions in time that grows with the text, whatever the expression (RE2).

Whoever writes rules – or pastes some into a page – must not be able to stop a call or a server
with one expression. RE2 knows no backreferences and no looking around, which is why it can promise
that; `\\d` and `\\w` are ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from monitor.language.phrases.values import PatternError

_LONGEST = 500
"""Characters of an expression; the longest of the packs, a list of surnames, has under 100."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where an expression was found: characters `first` to `end`, `end` excluded."""

    first: int
    end: int


class Regular:
    """A compiled expression."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def search(self, text: str) -> Span | None:
        """The first place where it matches."""
        hit = self._compiled.search(text)
        return None if hit is None else Span(*hit.span())


def compile_regular(body: str, text: str) -> Regular:
    """The expression `body`, which stands in the pattern `text` after one character.

    Raises:
        PatternError: no regular expression, one that cannot run in linear time, or one that
            matches nothing at all.
    """
    import re2

    if len(body) > _LONGEST:
        raise PatternError(text, 1, f"longer than {_LONGEST} characters; split it up")
    try:
        re.compile(body)  # for the place of a mistake; it is not run
    except re.error as error:
        column = 2 + (error.pos or 0)
        raise PatternError(text, column, f"not a regular expression: {error.msg}") from error
    except (RecursionError, OverflowError) as error:
        raise PatternError(text, 1, "not a regular expression: nested too deeply") from error
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(body, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise PatternError(
            text, 1, f"this regular expression cannot run in linear time: {reason}"
        ) from error
    if compiled.match("") is not None:
        raise PatternError(text, 1, "this regular expression also matches nothing at all")
    return Regular(compiled)
