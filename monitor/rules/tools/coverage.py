"""Which requirements of the manuals the packs cover, and why the rest cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.rules.language.resolve import ResolvedPack

SECTIONS = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement: the rules that name it in `source`, or why there is none."""

    id: str
    text: str = ""
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        return not self.rules and not self.reasons


@dataclass(frozen=True, slots=True)
class Coverage:
    """All rows by id; `unknown` are ids that packs name and the inventory does not have."""

    rows: Mapping[str, Row]
    unknown: tuple[str, ...] = ()

    @property
    def missing(self) -> list[Row]:
        return [row for row in self.rows.values() if row.missing]

    def section(self, name: str) -> list[Row]:
        """The rows of an inventory section: A, B (BO-, BC-, BP-, BS-), C, D."""
        return [row for row in self.rows.values() if row.id.startswith(name)]


@dataclass(slots=True)
class _Claim:
    rules: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)


def cover(packs: Iterable[ResolvedPack], inventory: Mapping[str, str] | None = None) -> Coverage:
    """What the packs say about each row; with an inventory (id → text), about all of its rows."""
    claims: dict[str, _Claim] = {}
    for pack in packs:
        for name, written in pack.rules.items():
            for source in written.rule.source:
                claims.setdefault(source, _Claim()).rules.add(name)
        for source, reason in pack.not_covered.items():
            claims.setdefault(source, _Claim()).reasons.add(reason)
    texts = inventory if inventory is not None else dict.fromkeys(claims, "")
    rows = {
        name: Row(
            name,
            text,
            tuple(sorted(claims[name].rules)) if name in claims else (),
            tuple(sorted(claims[name].reasons)) if name in claims else (),
        )
        for name, text in sorted(texts.items())
    }
    return Coverage(rows, tuple(sorted(claims.keys() - rows.keys())))


def read_inventory(file: Path) -> dict[str, str]:
    """The rows of sections A–D of an inventory.json: id → its words.

    Raises:
        UserError: not readable, or not an inventory.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(row["id"]): "".join(row.get("verbatim") or [row.get("rule", "")])
            for section in SECTIONS
            for row in data[section]
        }
    except OSError as error:
        raise UserError(
            tr(f"{file}：读不了：{error.strerror}", f"{file}: cannot be read: {error.strerror}")
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            tr(
                f"{file}：不是条目清单（应有 A、B、C、D 各节）：{error}",
                f"{file}: not an inventory with sections A, B, C, D: {error}",
            )
        ) from None
