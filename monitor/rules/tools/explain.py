"""Why a rule did or did not fire in a call, in lines a supervisor can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitor.base.i18n import tr
from monitor.base.labels import tenths
from monitor.events import Alert, Detail, Party, ScriptState, ScriptStatus, Token
from monitor.language.phrases import explain as aligned
from monitor.language.phrases import nearest
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.engine.conditions import facts_of, steady
from monitor.rules.tools.replay import KnownCall, replay_session, standing


def explain(rulebook: Rulebook, call: KnownCall, name: str) -> Iterator[str]:
    """The story of one rule in one call."""
    ready = rulebook.rules[name]
    session, outcome = replay_session(rulebook, call)
    alerts = [a for a in standing(outcome) if a.rule == name]
    states = [o for o in outcome if isinstance(o, ScriptState) and o.rule == name]
    yield f"{name}  {ready.rule.title}"
    yield from _conditions(ready, call)
    for key in sorted(ready.depends):
        moments = session.moments(key)
        shown = tr("、", ", ").join(tenths(at) for at in moments)
        label = key.rsplit("/", maxsplit=1)[-1]
        yield tr(f"情况 “{label}”：", f"situation {label!r}: ") + (
            shown or tr("没有发生", "did not happen")
        )
    for state in states:
        yield from _state(state)
    for alert in alerts:
        yield from _alert(alert, _tokens(call, alert.party))
    if not alerts and not any(s.status is ScriptStatus.MET for s in states):
        yield from _silence(rulebook, ready, call)


def _conditions(ready: CompiledRule, call: KnownCall) -> Iterator[str]:
    if ready.conditions:
        at_ms = call.end.duration_ms if ready.rule.as_of == "call.end" else 0
        facts = facts_of(call.info, ready.timezone, at_ms)
        verdict = steady(ready.conditions, facts, ready.rule.grace or 0)
        if verdict.holds:
            yield tr("条件成立", "its conditions hold")
        else:
            yield tr("不适用：", "not applicable: ") + verdict.reason


def _state(state: ScriptState) -> Iterator[str]:
    status = {
        ScriptStatus.PENDING: tr("等待", "pending"),
        ScriptStatus.MET: tr("已说", "met"),
        ScriptStatus.MISSED: tr("漏说", "missed"),
        ScriptStatus.NOT_APPLICABLE: tr("不适用", "not applicable"),
    }[state.status]
    line = f"[{state.occurrence}] {tenths(state.at_ms)} {status}"
    if state.deadline_ms is not None and state.status is ScriptStatus.PENDING:
        line += tr(f",期限 {tenths(state.deadline_ms)}", f", until {tenths(state.deadline_ms)}")
    if state.quote:
        line += f" “{state.quote}” ({state.similarity:.0%})"
    yield line
    if state.status is ScriptStatus.MISSED:
        yield from _searched(state.evidence)
    reason = state.evidence.get("reason")
    if reason:
        yield f"    {reason}"


def _searched(evidence: Mapping[str, Detail]) -> Iterator[str]:
    span = evidence.get("searched")
    if isinstance(span, dict):
        start, end = int(str(span["from_ms"])), int(str(span["to_ms"]))
        yield tr(
            f"    查了 {tenths(start)}–{tenths(end)},{span['syllables']} 个字",
            f"    searched {tenths(start)}–{tenths(end)}, {span['syllables']} syllables",
        )
    missing = evidence.get("missing")
    if isinstance(missing, list):
        yield tr("    缺：", "    missing: ") + tr("、", ", ").join(map(str, missing))
    near = evidence.get("nearest")
    if isinstance(near, dict):
        yield tr("    最接近的：", "    nearest: ") + (
            f"{tenths(int(str(near['start_ms'])))} “{near['quote']}” ← {near['phrase']} "
            f"({float(str(near['similarity'])):.0%})"
        )


def _alert(alert: Alert, tokens: list[Token]) -> Iterator[str]:
    yield tr(
        f"{tenths(alert.at_ms)} 告警 {alert.id}",
        f"{tenths(alert.at_ms)} alert {alert.id}",
    ) + (f" “{alert.quote}”" if alert.quote else "")
    yield from (f"    {line}" for line in meant(alert.evidence))
    phrase = alert.evidence.get("phrase")
    if isinstance(phrase, str) and not slot_alone(phrase):
        said = [t for t in tokens if alert.start_ms <= t.start_ms and t.end_ms <= alert.end_ms]
        match = nearest(phrase, said)
        if match is not None:
            yield from (f"    {line}" for line in aligned(match).splitlines())
    elif "measure" in alert.evidence:
        yield f"    {alert.evidence['measure']} {alert.evidence['value']} {alert.evidence['unit']}"


def _silence(rulebook: Rulebook, ready: CompiledRule, call: KnownCall) -> Iterator[str]:
    """Nothing fired: which phrase came nearest, anywhere in the call."""
    party = ready.rule.party or Party.AGENT
    tokens = _tokens(call, party)
    texts = {
        phrase.text
        for phrase in rulebook.matchers[party].phrases
        for listener in rulebook.listeners.get(phrase.key, ())
        if listener.kind == "rule" and listener.key == ready.id
    }
    found = [nearest(text, tokens) for text in sorted(texts)]
    best = max((m for m in found if m is not None), key=lambda m: m.similarity, default=None)
    if ready.rule.forbids:
        yield tr("没有告警", "no alert")
    if best is not None:
        yield tr(
            f"整通里最接近的({tenths(best.start_ms)}):",
            f"nearest in the whole call ({tenths(best.start_ms)}):",
        )
        yield from (f"    {line}" for line in aligned(best).splitlines())


def meant(evidence: Mapping[str, Detail]) -> Iterator[str]:
    """What was found by meaning: the family, its score, and the examples most like it."""
    like = evidence.get("like")
    if not isinstance(like, dict):
        return
    sure = tr("确定", "sure") if like["sure"] else tr("可能", "likely")
    yield tr(
        f"像“{like['family']}”一类 {float(str(like['score'])):.0%} ({sure})",
        f"like {like['family']} {float(str(like['score'])):.0%} ({sure})",
    )
    near = like.get("nearest")
    for one in near if isinstance(near, list) else ():
        if isinstance(one, dict):
            yield f"  ≈ {one['example']} ({float(str(one['alike'])):.0%})"


def _tokens(call: KnownCall, party: Party) -> list[Token]:
    return [token for u in call.utterances if u.party is party for token in u.tokens]
