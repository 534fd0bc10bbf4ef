#!/usr/bin/env python3
"""Draw the rooms of the package from its imports into `docs/architecture.md`.

    python scripts/rooms.py           write the picture
    python scripts/rooms.py --check   exit 1 where the picture is not what the imports say

A room is a folder at the first level of `monitor/`. An arrow is drawn where a room imports
another one; where the same can be reached over other rooms it is left out, or nobody could read
the picture.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "monitor"
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: drawn by scripts/rooms.py -->", "<!-- rooms end -->"


def modules(package: Path) -> dict[str, Path]:
    """Dotted name → file of every module below a package folder."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package.parent).with_suffix("")
        parts = inside.parts[:-1] if path.name == "__init__.py" else inside.parts
        found[".".join(parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ours that a file imports anywhere in it, lazily or for types too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full in known:
                    yield full
                elif node.module in known:
                    yield node.module


def room(module: str) -> str:
    """`monitor.rules.engine.session` → `rules`; the package itself is ``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def arrows(package: Path = PACKAGE) -> set[tuple[str, str]]:
    """Who imports whom, room by room."""
    known = modules(package)
    return {
        (room(name), room(other))
        for name, path in known.items()
        for other in imports(path, known)
        if room(name) != room(other) and room(name) and room(other)
    }


def reduced(drawn: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without the arrows that a longer way makes superfluous."""

    def reach(start: str, without: tuple[str, str]) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            here = waiting.pop()
            for a, b in drawn:
                if a == here and (a, b) != without and b not in seen:
                    seen.add(b)
                    waiting.append(b)
        return seen

    return {(a, b) for a, b in drawn if b not in reach(a, (a, b))}


def picture() -> str:
    """The Mermaid flow chart."""
    lines = [BEGIN, "```mermaid", "flowchart TD"]
    lines += [f"  {a} --> {b}" for a, b in sorted(reduced(arrows()))]
    return "\n".join([*lines, "```", END])


def main() -> int:
    text = DOCUMENT.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    fresh = before + picture() + after
    if "--check" in sys.argv[1:]:
        if fresh != text:
            print("docs/architecture.md: the rooms have changed: run python scripts/rooms.py")
            return 1
        return 0
    DOCUMENT.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
