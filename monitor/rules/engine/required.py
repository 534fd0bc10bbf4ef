"""The verbs that require something: must, all_of, in_order, cases.

A rule with `after` (or with neither `after` nor `until`) opens an obligation
at the anchor and decides it when it is met or its window closes. A rule with
`until` alone looks back when that situation happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from monitor.base.i18n import tr
from monitor.events import CallEnd, Detail, Party, ScriptStatus
from monitor.language.phrases import Match
from monitor.rules.compiler.compiled import CompiledRule, Requirement
from monitor.rules.engine.conditions import FactsAt, Verdict, facts_of, judge, steady
from monitor.rules.engine.evidence import of_absence, of_match, similarity
from monitor.rules.engine.timed_queue import (
    LAG_MS,
    RANK_TIMER,
    TURN_GAP_MS,
    Finding,
    Happening,
    TimedQueue,
    Watcher,
)
from monitor.rules.language.pack import When

_KEPT_HITS = 500


@dataclass(slots=True)
class _Obligation:
    """Something owed in (after_ms, deadline_ms]; no deadline: until a situation or the end."""

    number: int
    after_ms: int
    deadline_ms: int | None
    hits: list[Hit] = field(default_factory=list)
    open: bool = True


class Must(Watcher):
    """A script rule in one call."""

    def __init__(self, ready: CompiledRule) -> None:
        self.ready = ready
        span = ready.span
        self._anchors = span.after or (() if span.until else ("call.start",))
        self._lead = ready.rule.lead or 0
        self._hits: list[Hit] = []
        self._open: list[_Obligation] = []
        self._opened = False
        self._chosen: tuple[int, ...] = tuple(range(len(ready.requirements)))
        self._verdict: Verdict = Verdict(True)
        self._judged_back = 0

    # -- which case -----------------------------------------------------------

    def applies(self, queue: TimedQueue, at_ms: int = 0) -> Verdict:
        """Whether the rule applies to this call, and which case, by the clock at `at_ms`."""
        ready = self.ready
        facts = facts_of(queue.info, ready.timezone, at_ms)
        grace = ready.rule.grace or 0
        verdict = steady(ready.conditions, facts, 0 if ready.rule.cases else grace)
        if verdict.holds and ready.rule.cases:
            verdict = self._choose(facts, grace)
        self._verdict = verdict
        return verdict

    def _choose(self, facts: FactsAt, grace: int) -> Verdict:
        conditions = [requirement.when for requirement in self.ready.requirements]
        chosen: set[int] = set()
        for shift in (0, -grace, grace) if grace else (0,):
            picked = _first(conditions, facts.shifted(shift))
            if isinstance(picked, Verdict):
                return picked
            chosen.add(picked)
        self._chosen = tuple(sorted(chosen))
        return Verdict(True)

    @property
    def _requirements(self) -> list[tuple[int, Requirement]]:
        return [(n, self.ready.requirements[n]) for n in self._chosen]

    @property
    def _advice(self) -> str:
        return self._requirements[0][1].advice

    # -- the call -------------------------------------------------------------

    @override
    def start(self, queue: TimedQueue) -> None:
        if "call.start" in self._anchors:
            within = self.ready.span.within
            if within is None or queue.heard_ms <= within:  # later only after a reload
                self._begin(queue, 0)
        elif self._waits_for_end:
            queue.script(self.ready, ScriptStatus.PENDING, queue.now_ms, advice=self._advice)

    @override
    def heard(self, queue: TimedQueue, match: Match, tag: tuple[int, int]) -> None:
        hit = Hit(*tag, match)
        if hit.case not in self._chosen and self.ready.rule.as_of == "call.start":
            return
        self._hits.append(hit)
        self._prune(queue)
        for owed in self._open:
            if hit.at_ms > owed.after_ms and not (
                owed.deadline_ms is not None and hit.at_ms > owed.deadline_ms
            ):
                owed.hits.append(hit)
                self._try(queue, owed)
        self._open = [owed for owed in self._open if owed.open]

    @override
    def happened(self, queue: TimedQueue, key: str, what: Happening) -> None:
        span = self.ready.span
        if key in span.until:
            if self._anchors:
                for owed in self._open:
                    if what.at_ms > owed.after_ms + self._lead:
                        self._miss(queue, owed, what.at_ms)
                self._open = [owed for owed in self._open if owed.open]
            elif self._judged_back == 0 or self.ready.rule.trigger == "each":
                self._look_back(queue, what.at_ms)
        if key in span.after and key != "call.start":
            first_only = self.ready.rule.trigger == "first"
            if not self._open and not (first_only and self._opened):
                self._begin(queue, what.at_ms)

    @override
    def ended(self, queue: TimedQueue, end: CallEnd) -> None:
        for owed in self._open:
            self._miss(queue, owed, end.duration_ms)
        self._open = []

    def drop(self, queue: TimedQueue) -> None:
        """Other rules took over in mid-call: what was still open is no longer asked for."""
        numbers = [owed.number for owed in self._open]
        if self._waits_for_end and not self._judged_back:
            numbers.append(0)
        for number in numbers:
            reason = tr("规则已更换", "the rule was replaced")
            queue.script(
                self.ready,
                ScriptStatus.NOT_APPLICABLE,
                queue.heard_ms,
                occurrence=number,
                evidence={"reason": reason},
            )
        for owed in self._open:
            owed.open = False
        self._open = []

    @property
    def _waits_for_end(self) -> bool:
        return self.ready.span.until == ("call.end",) and not self._anchors

    # -- obligations ----------------------------------------------------------

    def _begin(self, queue: TimedQueue, at_ms: int) -> None:
        if self._excepted(queue, at_ms):
            return
        self._opened = True
        within = self.ready.span.within
        after_ms = at_ms - self._lead if at_ms else -1
        owed = _Obligation(
            queue.occurrence(self.ready), after_ms, None if within is None else at_ms + within
        )
        queue.script(
            self.ready,
            ScriptStatus.PENDING,
            at_ms,
            deadline_ms=owed.deadline_ms,
            occurrence=owed.number,
            advice=self._advice,
        )
        owed.hits = [
            hit
            for hit in self._hits
            if hit.at_ms > after_ms and (owed.deadline_ms is None or hit.at_ms <= owed.deadline_ms)
        ]
        self._try(queue, owed)
        if not owed.open:
            return
        self._open.append(owed)
        if owed.deadline_ms is not None:
            deadline = owed.deadline_ms

            def expire() -> None:
                if owed.open and owed in self._open:
                    self._open.remove(owed)
                    self._miss(queue, owed, deadline)

            queue.put(deadline, RANK_TIMER, self.ready.id, expire)

    def _try(self, queue: TimedQueue, owed: _Obligation) -> None:
        proof = self._proof(owed.hits)
        if proof is None or not owed.open:
            return
        owed.open = False
        self._meet(queue, proof, proof[-1].at_ms, owed.number, owed.deadline_ms)

    def _look_back(self, queue: TimedQueue, at_ms: int) -> None:
        """Judge what should have been said before this moment."""
        self._judged_back += 1
        if self.ready.rule.as_of == "call.end":
            verdict = self.applies(queue, at_ms)
            if not verdict.holds:
                queue.script(
                    self.ready,
                    ScriptStatus.NOT_APPLICABLE,
                    at_ms,
                    evidence={"reason": verdict.reason},
                )
                return
        within = self.ready.span.within
        after_ms = -1 if within is None else at_ms - within
        if "call.end" in self.ready.span.until:  # what opens the call cannot end it
            after_ms = max(after_ms, queue.opening_end(self.ready.rule.party, at_ms))
        hits = [h for h in self._hits if after_ms < h.at_ms <= at_ms]
        number = queue.occurrence(self.ready)
        proof = self._proof(hits)
        if proof is not None:
            self._meet(queue, proof, at_ms, number, at_ms)
        else:
            self._missed(queue, after_ms, at_ms, hits, number)

    def _proof(self, hits: Sequence[Hit]) -> list[Hit] | None:
        proofs = [
            prove(requirement, [h for h in hits if h.case == case], self.ready.rule.times)
            for case, requirement in self._requirements
        ]
        found = [proof for proof in proofs if proof]
        return min(found, key=lambda p: p[-1].at_ms, default=None)

    def _meet(
        self, queue: TimedQueue, proof: list[Hit], at_ms: int, number: int, deadline_ms: int | None
    ) -> None:
        matches = [hit.match for hit in proof]
        evidence: dict[str, Detail] = of_match(matches[0])
        if len(matches) > 1:
            evidence = {"steps": [{"quote": m.quote, **of_match(m)} for m in matches]}
        queue.script(
            self.ready,
            ScriptStatus.MET,
            at_ms,
            deadline_ms=deadline_ms,
            start_ms=min(m.start_ms for m in matches),
            end_ms=max(m.end_ms for m in matches),
            quote=" … ".join(m.quote for m in matches),
            similarity=min(m.similarity for m in matches),
            occurrence=number,
            advice=self._advice,
            evidence=evidence,
        )

    def _miss(self, queue: TimedQueue, owed: _Obligation, at_ms: int) -> None:
        owed.open = False
        self._missed(queue, owed.after_ms, at_ms, owed.hits, owed.number)

    def _excepted(self, queue: TimedQueue, at_ms: int) -> bool:
        return any(queue.timeline.inside(span, at_ms) for span in self.ready.excepts)

    def _missed(
        self, queue: TimedQueue, after_ms: int, at_ms: int, hits: Sequence[Hit], number: int
    ) -> None:
        if self._excepted(queue, at_ms):
            reason = tr("属于例外的时段", "in a stretch that is excepted")
            queue.script(
                self.ready,
                ScriptStatus.NOT_APPLICABLE,
                at_ms,
                occurrence=number,
                evidence={"reason": reason},
            )
            return
        party = self.ready.rule.party
        case, requirement = self._requirements[0]
        absent = missing(requirement, [h for h in hits if h.case == case])
        texts = [
            text
            for _, wanted in self._requirements
            for name, step in zip(wanted.steps, wanted.texts, strict=True)
            if name in absent or len(self._chosen) > 1
            for text in step
        ]
        evidence = of_absence(
            texts,
            queue.said(party, after_ms, at_ms),
            after_ms,
            at_ms,
            queue.lost(party, after_ms, at_ms),
        )
        if requirement.kind != "any":
            evidence["missing"] = list(absent)
        if self.ready.rule.times > 1:
            evidence["heard"] = len(hits)
        queue.script(
            self.ready,
            ScriptStatus.MISSED,
            at_ms,
            deadline_ms=at_ms,
            occurrence=number,
            advice=self._advice,
            evidence=evidence,
        )
        found = Finding(
            self.ready.rule.party or Party.AGENT,
            max(0, after_ms),
            at_ms,
            "",
            similarity(evidence),
            evidence,
        )
        queue.alert(self.ready, found, at_ms, advice=self._advice)

    def _prune(self, queue: TimedQueue) -> None:
        """Keep what an obligation still to open, or a look back, could count."""
        if len(self._hits) <= _KEPT_HITS:
            return
        if self._anchors:
            oldest = queue.now_ms - self._lead - TURN_GAP_MS - 2 * LAG_MS
        elif self.ready.span.within is not None:
            oldest = queue.now_ms - self.ready.span.within - 2 * LAG_MS
        else:  # met for good: the first hits are as good as any
            self._hits = self._hits[:_KEPT_HITS]
            return
        self._hits = [h for h in self._hits if h.at_ms >= oldest]


def _first(conditions: Sequence[When | None], facts: FactsAt) -> int | Verdict:
    """The number of the first case that holds, or why none can be chosen."""
    for number, when in enumerate(conditions):
        verdict = judge(when, facts) if when is not None else Verdict(True)
        if verdict.holds is None:
            return verdict
        if verdict.holds:
            return number
    return Verdict(False, tr("没有适用的分支", "no case applies"))


@dataclass(frozen=True, slots=True)
class Hit:
    """One phrase of a requirement, heard: which step of which case."""

    case: int
    step: int
    match: Match

    @property
    def at_ms(self) -> int:
        """The moment a phrase counts: when its last syllable ends."""
        return self.match.end_ms


def prove(requirement: Requirement, hits: Sequence[Hit], times: int = 1) -> list[Hit] | None:
    """The earliest hits that meet the requirement, or None.

    `hits` are those of this requirement in the window, in any order.
    """
    ordered = sorted(hits, key=lambda h: (h.at_ms, h.match.start_ms, h.step))
    match requirement.kind:
        case "any":
            return _several(ordered, times)
        case "all":
            first = {step: hit for hit in reversed(ordered) for step in (hit.step,)}
            if len(first) < len(requirement.steps):
                return None
            return sorted(first.values(), key=lambda h: h.at_ms)
        case "order":
            chain = _chain(ordered)
            return chain if len(chain) == len(requirement.steps) else None


def missing(requirement: Requirement, hits: Sequence[Hit]) -> list[str]:
    """The names of the steps that were not met."""
    ordered = sorted(hits, key=lambda h: (h.at_ms, h.match.start_ms, h.step))
    if requirement.kind == "order":
        return list(requirement.steps[len(_chain(ordered)) :])
    said = {hit.step for hit in ordered}
    return [name for step, name in enumerate(requirement.steps) if step not in said]


def _several(hits: Sequence[Hit], times: int) -> list[Hit] | None:
    """The first `times` hits that do not overlap (two wordings may cover the same words)."""
    chosen: list[Hit] = []
    for hit in hits:
        if not chosen or hit.match.start_ms >= chosen[-1].at_ms:
            chosen.append(hit)
            if len(chosen) == times:
                return chosen
    return None


def _chain(hits: Sequence[Hit]) -> list[Hit]:
    """Hits of the steps 0, 1, … each after the one before, as early as possible."""
    chain: list[Hit] = []
    for hit in hits:
        if hit.step == len(chain) and (not chain or hit.match.start_ms >= chain[-1].at_ms):
            chain.append(hit)
    return chain
