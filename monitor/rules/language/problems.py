"""What is wrong with a pack file, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.base.errors import UserError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: `line` and `column` count from 1; `message` says what and how to mend it."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class PackErrors(UserError):  # noqa: N818 – several errors, in one
    """Every problem of the packs, one per line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a pack file; `line` and `column` count from 1."""

    file: Path
    line: int = 1
    column: int = 1

    def problem(self, message: str) -> Problem:
        return Problem(_short(self.file), self.line, self.column, message)


def _short(file: Path) -> str:
    """The path as a user would type it: relative when it lies below the working folder."""
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
