"""The scorecard of a call: what each rule earned or cost, and why.

Groups hold points. A script rule with a weight earns its share of its group
when met; findings deduct from the group. What does not apply leaves the
denominator. A fatal finding zeroes its group or the card, a grave one caps the
grade. What one sentence breaks in several rules is one finding, the gravest.
The model is described in docs/rules.md under `score`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.base.i18n import tr
from monitor.base.labels import stamp
from monitor.events import Alert, AlertState, ScriptState, ScriptStatus, Severity
from monitor.rules import Rulebook
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.engine.certainty import UNCERTAIN
from monitor.rules.language.pack import PackScore, Rule
from monitor.rules.language.resolve import ResolvedPack
from monitor.rules.one_finding import Told, once

FULL = 100.0
DEFAULT_GROUP = "服务规范"
DEFAULT_DEDUCT: Mapping[Severity, float] = {
    Severity.TIP: 0.0,
    Severity.MINOR: 2.0,
    Severity.MAJOR: 5.0,
    Severity.FATAL: 10.0,
}
DEFAULT_GRADES: Mapping[str, float] = {"优秀": 95.0, "良好": 85.0, "合格": 70.0, "不合格": 0.0}


def grade_name(grade: str) -> str:
    """A grade in the reader's language; one that a pack made up stands for itself."""
    names = {"优秀": "excellent", "良好": "good", "合格": "pass", "不合格": "fail"}
    return tr(grade, names.get(grade, grade))


class ItemStatus(StrEnum):
    MET = "met"  # 得分
    PARTLY = "partly"  # 部分得分
    LOST = "lost"  # 失分
    CLEAN = "clean"  # 没有违规
    NOT_APPLICABLE = "not_applicable"  # 不适用


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the card.

    `points` of a weighted item are those earned of `weight`; of any other item
    the (negative) deduction. `times` counts findings or missed scripts.
    """

    item: str
    title: str
    group: str
    status: ItemStatus
    weight: float
    points: float
    times: int
    fatal: bool
    reason: str


@dataclass(frozen=True, slots=True)
class GroupScore:
    """One group: `points` of `max`; `max` is 0 where nothing in it applied."""

    name: str
    max: float
    points: float
    fatal: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """`total` of `max`. `lines` holds every weighted item and every finding.

    `clean` counts the rules that applied and found nothing, `not_applicable`
    those that did not apply or never came up. `capped` says why the grade is
    lower than the points alone would make it.
    """

    total: float
    max: float
    grade: str
    fatal: bool
    groups: tuple[GroupScore, ...]
    lines: tuple[Line, ...]
    clean: int
    not_applicable: int
    capped: str = ""


@dataclass(frozen=True, slots=True)
class _Card:
    """The score settings of one pack."""

    groups: Mapping[str, float]  # shown name → points
    names: Mapping[str, str]  # the pack's name of a group → the shown one
    default: str
    deduct: Mapping[Severity, float]
    fatal: frozenset[Severity]
    cap: Mapping[Severity, str]  # the best grade that a finding leaves


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """How the packs of a rulebook score: what both the machine's card and a person's rest on.

    `full` and `grades` (best first) are the first pack's by name; every pack's
    rules keep the settings of its own card.
    """

    full: float
    cards: Mapping[str, _Card]
    grades: Sequence[tuple[str, float]]

    @staticmethod
    def of(packs: Sequence[ResolvedPack]) -> ScoreModel:
        return _merge(packs)

    @property
    def groups(self) -> Mapping[str, float]:
        """The points of every group, by its shown name."""
        return {name: n for card in self.cards.values() for name, n in card.groups.items()}

    def group(self, pack: str, rule: Rule) -> str:
        """The shown name of the group of a pack's rule."""
        card = self.cards[pack]
        return card.names.get(rule.score.group or "", card.default)

    def fatal(self, pack: str, rule: Rule) -> str | None:
        """What a finding of the rule zeroes: its "group", the "card", or (None) nothing."""
        if rule.score.fatal is not None:
            return rule.score.fatal
        return "card" if rule.severity in self.cards[pack].fatal else None

    def deduction(self, pack: str, rule: Rule, severity: Severity | None = None) -> float:
        """The points that one finding of the rule costs its group.

        `severity` is the finding's own, where it was less certain than the rule demands.
        """
        own = rule.score.deduct
        if own is not None and severity in (None, rule.severity):
            return own
        points = self.cards[pack].deduct[severity or rule.severity]
        return points if own is None else min(own, points)

    def cap(self, pack: str, severity: Severity) -> str | None:
        """The best grade that a finding of this severity leaves, where the pack limits it."""
        return self.cards[pack].cap.get(severity)


def _hint(rulebook: Rulebook, alert: Alert) -> bool:
    """Whether the words are only likely to mean it: a tip of a rule that is graver, at no cost."""
    return alert.severity is Severity.TIP is not rulebook.rules[alert.rule].rule.severity


def scorecard(
    rulebook: Rulebook, alerts: Iterable[Alert], scripts: Iterable[ScriptState]
) -> Scorecard:
    """The card of a call from its alerts and script states (each in its last state)."""
    model = ScoreModel.of(rulebook.resolved)
    last = {alert.id: alert for alert in alerts}.values()
    told = once(
        [a for a in last if a.state is not AlertState.RETRACTED and not _hint(rulebook, a)],
        rulebook.rules,
    )
    states: dict[str, dict[int, ScriptState]] = {}
    for state in scripts:
        states.setdefault(state.rule, {})[state.occurrence] = state
    lines, caps = [], []
    zeroed = False
    for name, ready in rulebook.rules.items():
        if not ready.rule.score.counts:
            continue
        findings = told.of(name)
        line = _line(ready, model, findings, told, list(states.get(name, {}).values()))
        lines.append(line)
        zeroed = zeroed or (line.fatal and _fatal(ready, model) == "card")
        if line.times:
            severities = {finding.severity for finding in findings} or {ready.rule.severity}
            caps += [Cap(best, ready.rule.title) for s in severities
                     if (best := model.cap(ready.pack, s)) is not None]  # fmt: skip
    return summed(
        full=model.full,
        groups=model.groups,
        grades=model.grades,
        lines=lines,
        zeroed=zeroed,
        caps=caps,
    )


@dataclass(frozen=True, slots=True)
class Cap:
    """A finding that leaves `best` as the best grade, and its title."""

    best: str
    title: str


def summed(
    full: float,
    groups: Mapping[str, float],
    grades: Sequence[tuple[str, float]],
    lines: Sequence[Line],
    zeroed: bool,
    caps: Sequence[Cap] = (),
) -> Scorecard:
    """The card that its lines add up to, whoever judged them.

    `groups` are the points of each group, `grades` (name, least percent) run
    from the best to the worst, `zeroed` says that a finding is fatal to the
    whole card, `caps` what limits the grade. Only lines with points or findings
    are kept.
    """
    scores = tuple(_group(name, points, lines) for name, points in groups.items())
    possible = sum(group.max for group in scores)
    earned = sum(group.points for group in scores)
    total = round(0.0 if zeroed else full * earned / possible if possible else full, 1)
    grade, capped = _capped(_grade(total / full * 100, grades), grades, caps)
    return Scorecard(
        total=total,
        max=full,
        grade=grade,
        fatal=zeroed,
        groups=scores,
        lines=tuple(line for line in lines if line.weight or line.times),
        clean=sum(line.status in (ItemStatus.CLEAN, ItemStatus.MET) for line in lines),
        not_applicable=sum(line.status is ItemStatus.NOT_APPLICABLE for line in lines),
        capped=capped,
    )


def _line(
    ready: CompiledRule,
    model: ScoreModel,
    findings: Sequence[Alert],
    told: Told,
    states: Sequence[ScriptState],
) -> Line:
    score = ready.rule.score
    group = model.group(ready.pack, ready.rule)
    judged = [s for s in states if s.status in (ScriptStatus.MET, ScriptStatus.MISSED)]
    missed = [s for s in judged if s.status is ScriptStatus.MISSED]
    scripted = bool(ready.requirements or ready.slot)
    weight, points, times = score.weight or 0.0, 0.0, len(missed) if scripted else len(findings)
    status = ItemStatus.CLEAN
    if scripted and not judged:
        status, weight = ItemStatus.NOT_APPLICABLE, 0.0
    elif weight and scripted:
        points = (
            weight * (len(judged) - times) / len(judged) if score.each else weight * (not times)
        )
        status = ItemStatus.MET if not times else ItemStatus.PARTLY if points else ItemStatus.LOST
    elif weight:
        points = weight if not times else 0.0
        status = ItemStatus.MET if not times else ItemStatus.LOST
    elif times:
        points, status = -_deduction(ready, model, findings, times), ItemStatus.LOST
    # A fatal rule whose every finding is uncertain is not fatal.
    fatal = bool(times) and _fatal(ready, model) is not None
    if findings and all(UNCERTAIN in finding.evidence for finding in findings):
        fatal = False
    return Line(
        item=ready.id,
        title=ready.rule.title,
        group=group,
        status=status,
        weight=weight,
        points=round(points, 2),
        times=times,
        fatal=fatal,
        reason=_reason(status, findings, missed, judged, fatal) + told.beside(ready.id),
    )


def _fatal(ready: CompiledRule, model: ScoreModel) -> str | None:
    return model.fatal(ready.pack, ready.rule)


def _deduction(
    ready: CompiledRule, model: ScoreModel, findings: Sequence[Alert], times: int
) -> float:
    score = ready.rule.score
    each = [model.deduction(ready.pack, ready.rule, finding.severity) for finding in findings]
    if len(each) != times:  # a missed script whose alert the policy held back
        each = [model.deduction(ready.pack, ready.rule)] * times
    points = sum(each) if score.each else max(each)
    return points if score.at_most is None else min(points, score.at_most)


def _group(name: str, points: float, lines: Sequence[Line]) -> GroupScore:
    own = [line for line in lines if line.group == name]
    applicable = [line for line in own if line.status is not ItemStatus.NOT_APPLICABLE]
    if not applicable:
        reason = tr("没有适用的项目", "nothing applied")
        return GroupScore(name, 0.0, 0.0, False, reason)
    weight = sum(line.weight for line in applicable)
    share = sum(line.points for line in applicable if line.weight) / weight if weight else 1.0
    deducted = -sum(line.points for line in applicable if not line.weight)
    fatal = any(line.fatal for line in applicable)
    earned = 0.0 if fatal else max(0.0, points * share - deducted)
    parts = []
    if fatal:
        parts.append(tr("有致命项", "a fatal item"))
    if share < 1.0:
        parts.append(tr(f"应做到的做到 {share:.0%}", f"{share:.0%} of what was due"))
    if deducted:
        parts.append(tr(f"扣 {deducted:g} 分", f"{deducted:g} points off"))
    return GroupScore(name, points, round(earned, 2), fatal, tr(";", "; ").join(parts))


def _reason(
    status: ItemStatus,
    findings: Sequence[Alert],
    missed: Sequence[ScriptState],
    judged: Sequence[ScriptState],
    fatal: bool,
) -> str:
    prefix = tr("致命：", "fatal: ") if fatal else ""
    if missed:
        last = missed[-1]
        near = last.evidence.get("nearest")
        said = f"“{near['quote']}”" if isinstance(near, dict) else ""
        where = stamp(last.at_ms)
        text = tr(f"到 {where} 没有说", f"not said by {where}")
        if said:
            text += tr(f",最接近的是{said}", f"; nearest {said}")
        if len(judged) > 1:
            text += tr(
                f"（{len(judged)} 次中 {len(missed)} 次）",
                f" ({len(missed)} of {len(judged)} times)",
            )
        return prefix + text
    if findings:
        quotes = [f"{stamp(a.start_ms)} “{a.quote}”" for a in findings[:3]]
        more = len(findings) - len(quotes)
        rest = tr(f" 等 {len(findings)} 次", f" and {more} more") if more else ""
        return prefix + tr("、", ", ").join(quotes) + rest
    if status is ItemStatus.NOT_APPLICABLE:
        return tr("不适用", "not applicable")
    if judged:
        met = judged[-1]
        return f"{stamp(met.start_ms or met.at_ms)} “{met.quote}”"
    return ""


def _grade(percent: float, grades: Sequence[tuple[str, float]]) -> str:
    return next((name for name, least in grades if percent >= least), grades[-1][0])


def _capped(
    grade: str, grades: Sequence[tuple[str, float]], caps: Sequence[Cap]
) -> tuple[str, str]:
    """The grade under its caps, and what lowered it."""
    rank = {name: at for at, (name, _) in enumerate(grades)}
    known = [cap for cap in caps if cap.best in rank]
    lowest = max(known, key=lambda cap: rank[cap.best], default=None)
    if lowest is None or rank[lowest.best] <= rank[grade]:
        return grade, ""
    why = tr(
        f"有“{lowest.title}”，最高 {lowest.best}",
        f"{lowest.title}: at best {grade_name(lowest.best)}",
    )
    return lowest.best, why


def _merge(packs: Sequence[ResolvedPack]) -> ScoreModel:
    """The cards of all packs side by side; each pack's rules keep their own card's settings."""
    scores = [pack.score for pack in packs]
    grades = next((g for g in (getattr(s, "grades", {}) for s in scores) if g), DEFAULT_GRADES)
    ranked = sorted(grades.items(), key=lambda band: -band[1])
    cards: dict[str, _Card] = {}
    several = len(packs) > 1
    for pack in packs:
        score: PackScore = pack.score
        points: Mapping[str, float] = getattr(score, "groups", {}) or {DEFAULT_GROUP: FULL}
        names = {name: f"{pack.title} · {name}" if several else name for name in points}
        cards[pack.id] = _Card(
            groups={names[name]: value for name, value in points.items()},
            names=names,
            default=names.get(getattr(score, "group", None) or "", next(iter(names.values()))),
            deduct={**DEFAULT_DEDUCT, **getattr(score, "deduct", {})},
            fatal=frozenset(getattr(score, "fatal", ())),
            cap=_cap(score, ranked),
        )
    full = next((f for f in (getattr(s, "full", None) for s in scores) if f), FULL)
    return ScoreModel(full, cards, ranked)


def _cap(score: PackScore, grades: Sequence[tuple[str, float]]) -> Mapping[Severity, str]:
    """The caps of a pack; unless it says otherwise, a grave finding rules out the best grade."""
    if "cap" in score.model_fields_set:
        return score.cap
    return {Severity.MAJOR: grades[1][0], Severity.FATAL: grades[1][0]} if len(grades) > 1 else {}
