"""Which findings become alerts, and which of them may interrupt the agent.

Findings of the *prompt* groups (a forbidden phrase of one party, reported as it
is said) are judged against their own group only, so that the outcome cannot
depend on how far the other party's recogniser happens to be. Findings of the
*ordered* group come in the order of call time and give way to everything that
was on the screen at that moment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from monitor.events import Severity
from monitor.rules.compiler.compiled import CompiledRule

ORDERED = "ordered"
_PRIORITY = {Severity.TIP: 0, Severity.MINOR: 10, Severity.MAJOR: 20, Severity.FATAL: 30}
_KEPT = 16


@dataclass(slots=True)
class _Count:
    alerts: int = 0
    last_ms: int | None = None


@dataclass(slots=True)
class Gate:
    """The alert policy's memory of one call. `tenure_ms` is the agent's, None when unknown."""

    tenure_ms: int | None = None
    _counts: dict[str, _Count] = field(default_factory=dict)
    _shown: dict[str, deque[tuple[int, int]]] = field(default_factory=dict)

    def admits(self, ready: CompiledRule, at_ms: int) -> bool:
        """Whether the finding becomes an alert, by cooldown and count; counts it if so."""
        count = self._counts.setdefault(ready.id, _Count())
        policy = ready.policy
        if (
            policy.cooldown is not None
            and count.last_ms is not None
            and at_ms - count.last_ms < policy.cooldown
        ):
            return False
        most = 1 if policy.once else policy.at_most
        if most is not None and count.alerts >= most:
            return False
        count.alerts += 1
        count.last_ms = at_ms
        return True

    def number(self, ready: CompiledRule) -> int:
        """How many alerts the rule has had."""
        return self._counts[ready.id].alerts

    def interrupts(self, ready: CompiledRule, at_ms: int, group: str) -> bool:
        """Whether the alert may take the screen: one at a time, a graver one goes first."""
        policy = ready.policy
        if policy.interrupt is False:
            return False
        if (
            policy.quiet_after is not None
            and self.tenure_ms is not None
            and self.tenure_ms >= policy.quiet_after
        ):
            return False
        own = policy.priority if policy.priority is not None else _PRIORITY[ready.rule.severity]
        groups = list(self._shown) if group == ORDERED else [group]
        for name in groups:
            for shown_ms, priority in self._shown.get(name, ()):
                if shown_ms <= at_ms < shown_ms + ready.gap_ms and priority >= own:
                    return False
        self._shown.setdefault(group, deque(maxlen=_KEPT)).append((at_ms, own))
        return True
