"""Which requirements of the manuals the packs cover, how far, and why the rest cannot be.

A row that some rule names in `source` is not thereby enforced: the rule may only
tip, be off, or wait for data that no recording holds. Each row counts once, by
the best of its rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import Severity
from monitor.rules.language.pack import Rule, Situation, When
from monitor.rules.language.resolve import ResolvedPack

SECTIONS = ("A", "B", "C", "D", "E")
"""Forbidden, scripts, situations, delivery; E is management, which no rule can check."""
MANAGED = "E"


class Standing(StrEnum):
    """How far a row is covered; the best first."""

    ENFORCED = "enforced"  # an alert of grade 一般 or above
    TIP = "tip"  # a tip only
    NEEDS_DATA = "needs_data"  # only where the call's data say what no recording does
    OFF = "off"  # the rule is off unless a pack turns it on
    NOT_COVERED = "not_covered"  # said so, with a reason
    MISSING = "missing"


STANDINGS = tuple(Standing)


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement: the rules that name it in `source`, or why there is none."""

    id: str
    text: str = ""
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    standing: Standing = Standing.MISSING
    needs: tuple[str, ...] = ()  # the data that its rules wait for

    @property
    def missing(self) -> bool:
        return self.standing is Standing.MISSING


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

    def counts(self, name: str) -> dict[Standing, int]:
        """How many rows of a section stand how."""
        rows = self.section(name)
        return {standing: sum(row.standing is standing for row in rows) for standing in STANDINGS}


@dataclass(slots=True)
class _Claim:
    rules: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    standings: set[Standing] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)

    def row(self, name: str, text: str) -> Row:
        standing = next((s for s in STANDINGS if s in self.standings), None)
        if standing is None and self.reasons:
            standing = Standing.NOT_COVERED
        if standing is None and name.startswith(MANAGED + "-"):
            standing = Standing.NOT_COVERED
            self.reasons.add(tr("管理要求，不由规则检查", "management; no rule checks it"))
        return Row(
            name,
            text,
            tuple(sorted(self.rules)),
            tuple(sorted(self.reasons)),
            standing or Standing.MISSING,
            tuple(sorted(self.needs)) if standing is Standing.NEEDS_DATA else (),
        )


def cover(packs: Iterable[ResolvedPack], inventory: Mapping[str, str] | None = None) -> Coverage:
    """What the packs say about each row; with an inventory (id → text), about all of its rows."""
    claims: dict[str, _Claim] = {}
    for pack in packs:
        for name, written in pack.rules.items():
            for source in written.rule.source:
                claim = claims.setdefault(source, _Claim())
                needs = _needs(pack, written.rule)
                claim.rules.add(name)
                claim.standings.add(_standing(written.rule, needs))
                claim.needs |= needs
        for source, reason in pack.not_covered.items():
            claims.setdefault(source, _Claim()).reasons.add(reason)
    texts = inventory if inventory is not None else dict.fromkeys(claims, "")
    rows = {
        name: claims.get(name, _Claim()).row(name, text) for name, text in sorted(texts.items())
    }
    return Coverage(rows, tuple(sorted(claims.keys() - rows.keys())))


def _standing(rule: Rule, needs: set[str]) -> Standing:
    if not rule.enabled:
        return Standing.OFF
    if needs:
        return Standing.NEEDS_DATA
    return Standing.TIP if rule.severity is Severity.TIP else Standing.ENFORCED


def _needs(pack: ResolvedPack, rule: Rule) -> set[str]:
    """What a rule must be told that neither the recording nor its time says."""
    found = set().union(*(_facts(when) for when in (*pack.when, rule.when) if when is not None))
    if rule.cases and all(case.when is not None for case in rule.cases):
        each = [_facts(case.when) for case in rule.cases if case.when is not None]
        found |= set.intersection(*each)
    known = pack.situations
    for names in (rule.avoid, rule.after, () if rule.after else rule.until):
        each = [_told(known, known[name], set()) for name in names if name in known]
        if each and len(each) == len(names) and all(each):
            found |= set().union(*each)
    return found


def _facts(when: When) -> set[str]:
    """The facts of the call that a condition asks for, besides time and direction."""
    found = {name for name in ("queue", "tier", "tenure") if getattr(when, name)}
    found |= set(when.facts)
    choices = [_facts(choice) for choice in when.any_]
    return found | (set.intersection(*choices) if choices else set())


def _told(known: Mapping[str, Situation], situation: Situation, seen: set[str]) -> set[str]:
    """What only the telephone system can tell of a situation; empty where listening is enough."""
    if situation.event is not None:
        return {f"events: {situation.event}"}
    if situation.released_by is not None:
        return {"released_by"}
    found: set[str] = set()
    for name in situation.any_:
        if name in seen or name not in known:
            return set()
        told = _told(known, known[name], {*seen, name})
        if not told:
            return set()
        found |= told
    return found


def read_inventory(file: Path) -> dict[str, str]:
    """The rows of sections A–E of an inventory.json: id → its words.

    Raises:
        UserError: not readable, or not an inventory.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(row["id"]): "".join(row.get("verbatim") or [row.get("rule", "")])
            for section in SECTIONS
            for row in (data[section] if section != MANAGED else data.get(section, ()))
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
