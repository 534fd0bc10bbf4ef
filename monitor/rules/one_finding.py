"""What one sentence breaks in several rules is one finding: the gravest of them.

Packs overlap – company, hotline, general etiquette – and a card that counted the
same words once per pack would measure how many packs are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.base.i18n import tr
from monitor.events import Alert, Severity
from monitor.rules.compiler.compiled import CompiledRule

_GRAVITY = {Severity.TIP: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.FATAL: 3}


@dataclass(frozen=True)
class Told:
    """The findings that count, by rule; and for each rule the titles of those it stands with.

    `absorbed` holds the findings that were joined to another, with that one.
    """

    kept: Mapping[str, Sequence[Alert]]
    absorbed: Mapping[str, Sequence[tuple[Alert, Alert]]]
    titles: Mapping[str, str]

    def of(self, rule: str) -> Sequence[Alert]:
        return self.kept.get(rule, ())

    def beside(self, rule: str) -> str:
        """A remark for the card: what else the same words broke, or where they were counted."""
        others = {
            joined.rule
            for pairs in self.absorbed.values()
            for joined, into in pairs
            if into.rule == rule
        }
        if others:
            names = tr("、", ", ").join(sorted(self.titles[name] for name in others))
            return tr(f"（同一句话也违反：{names}）", f" (the same words also break: {names})")
        into = sorted({self.titles[into.rule] for _, into in self.absorbed.get(rule, ())})
        if into and not self.of(rule):
            names = tr("、", ", ").join(into)
            return tr(f"同一句话已计入：{names}", f"the same words count under: {names}")
        return ""


def once(alerts: Sequence[Alert], rules: Mapping[str, CompiledRule]) -> Told:
    """Join the findings of different rules on the same words into the gravest.

    The same words: one party, spoken, overlapping by at least half of the shorter.
    Rules that do not count on the card take no part. Among equally grave ones the
    more alike wins, then the earlier, then the name.
    """
    counted = [a for a in alerts if a.rule in rules and rules[a.rule].rule.score.counts]
    spoken = [a for a in counted if "phrase" in a.evidence or "like" in a.evidence]
    spoken = [a for a in spoken if a.quote and rules[a.rule].rule.forbids]
    ranked = sorted(
        spoken, key=lambda a: (-_GRAVITY[a.severity], -a.similarity, a.start_ms, a.rule, a.id)
    )
    winners: list[Alert] = []
    absorbed: dict[str, list[tuple[Alert, Alert]]] = {}
    joined: set[str] = set()
    for alert in ranked:
        into = next((w for w in winners if w.rule != alert.rule and _same_words(w, alert)), None)
        if into is None:
            winners.append(alert)
        else:
            joined.add(alert.id)
            absorbed.setdefault(alert.rule, []).append((alert, into))
    kept: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.id not in joined:
            kept.setdefault(alert.rule, []).append(alert)
    return Told(kept, absorbed, {name: ready.rule.title for name, ready in rules.items()})


def _same_words(one: Alert, other: Alert) -> bool:
    if one.party is not other.party:
        return False
    common = min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)
    shorter = min(one.end_ms - one.start_ms, other.end_ms - other.start_ms)
    return common > 0 and 2 * common >= shorter
