"""How much a YAML file may ask for, looked at before anything is built of it.

A few hundred bytes of aliases of aliases stand for more data than a machine holds, and brackets
in brackets for a deeper tree than can be walked. The events of the parser tell both while nothing
is kept yet.
"""

from __future__ import annotations

import re

from monitor.base.i18n import tr

_MOST_BYTES = 4_000_000  # the largest pack we ship has 60 kB
_MOST_NODES = 200_000
_DEEPEST = 50
_MOST_DIGITS = 1_000

_ALIAS = re.compile(r"(?:^|[\s\[{,:-])\*\S")
_LONG_NUMBER = re.compile(rf"[0-9_]{{{_MOST_DIGITS},}}")


class TooMuchError(Exception):
    """The text asks for more than a pack may hold."""


def bounded(text: str) -> None:
    """Look at a YAML text.

    Raises:
        TooMuchError: too long, too deep, too large once its aliases stand for what they name.
        ruamel.yaml.error.YAMLError: it is not YAML.
    """
    if len(text) > _MOST_BYTES:
        raise TooMuchError(tr("文件太大", "the file is too large"))
    if _LONG_NUMBER.search(text):
        raise TooMuchError(tr("数字太长", "a number is too long"))
    # Both need characters that plain packs do not have; those are not parsed twice.
    if _ALIAS.search(text) or _deep(text):
        _count(text)


def _deep(text: str) -> bool:
    indented = max((len(line) - len(line.lstrip(" -?:")) for line in text.splitlines()), default=0)
    return text.count("[") + text.count("{") > _DEEPEST or indented > _DEEPEST


def _count(text: str) -> None:
    """Count what the text stands for, an alias as often as what it names."""
    from ruamel.yaml import YAML
    from ruamel.yaml.events import (
        AliasEvent,
        CollectionEndEvent,
        CollectionStartEvent,
        NodeEvent,
    )

    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []  # the anchor of each collection, and what was before
    total = 0
    for event in YAML(typ="rt").parse(text):
        if isinstance(event, CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = total - before
            continue
        if not isinstance(event, NodeEvent):
            continue
        if isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_):
                raise TooMuchError(
                    tr(f"*{event.anchor} 指向自己", f"*{event.anchor} stands for itself")
                )
            total += sizes.get(event.anchor, 1)
        else:
            total += 1
        if isinstance(event, CollectionStartEvent):
            open_.append((event.anchor, total - 1))
        if total > _MOST_NODES:
            raise TooMuchError(tr("内容太多（别名展开后）", "too much (its aliases counted)"))
        if len(open_) > _DEEPEST:
            raise TooMuchError(tr("嵌套太深", "nested too deeply"))
