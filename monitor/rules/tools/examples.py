"""Examples put to the test: a text or a dialogue becomes a call, and the rules run over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import (
    Alert,
    CallEnd,
    CallInfo,
    Detail,
    Event,
    Party,
    Reading,
    ScriptState,
    Speech,
    Token,
    Utterance,
)
from monitor.language.normalise import normalise
from monitor.language.pinyin import syllables
from monitor.rules.compiler.compile import compile_packs
from monitor.rules.compiler.compiled import CompiledRule
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.pack import MEASURES, Example, PackPolicy, Policy, Turn, When
from monitor.rules.language.problems import Place
from monitor.rules.language.resolve import ResolvedPack, Written
from monitor.rules.tools.replay import KnownCall, replay, standing

PACE_MS = 200
"""One syllable: five a second, an ordinary telephone pace."""
LEAD_IN_MS = 500
PAUSE_MS = 500
TAIL_MS = 1000
LEVEL_DB = -25.0
_MARK = re.compile(r"[【】]")


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that did not do what it should: where it stands, and what happened instead."""

    rule: str
    title: str
    kind: Literal["alert", "quiet"]
    example: str
    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of a pack's examples."""

    rules: int
    examples: int
    failures: tuple[Failure, ...]


def try_packs(packs: Sequence[ResolvedPack], only: Iterable[str] = ()) -> Trial:
    """Run the examples of all rules (or those with the ids `only`), switched off or not."""
    chosen = set(only)
    rulebook = compile_packs([_all_on(pack) for pack in packs])
    failures: list[Failure] = []
    rules = examples = 0
    done: set[str] = set()
    for pack in packs:
        for name, written in pack.rules.items():
            if name in done or (chosen and name not in chosen):
                continue
            done.add(name)
            rules += 1
            for failure in _try_rule(rulebook, rulebook.rules[name], written):
                examples += 1
                if failure is not None:
                    failures.append(failure)
    return Trial(rules, examples, tuple(failures))


def _all_on(pack: ResolvedPack) -> ResolvedPack:
    """With every rule on, and every finding an alert: a cooldown would hide the marked words."""
    rules = {
        name: replace(
            written, rule=written.rule.model_copy(update={"enabled": True, "policy": Policy()})
        )
        for name, written in pack.rules.items()
    }
    return replace(pack, rules=rules, policy=PackPolicy())


def _try_rule(
    rulebook: Rulebook, ready: CompiledRule, written: Written
) -> Iterator[Failure | None]:
    kinds: tuple[Literal["alert", "quiet"], ...] = ("alert", "quiet")
    for kind in kinds:
        for number, example in enumerate(getattr(written.rule.examples, kind)):
            place = written.origin.place("examples", kind, number)
            try:
                call, marked = example_call(example, ready)
            except UserError as error:
                message = f"{place.problem(str(error))}"
                raise UserError(message) from None
            wrong = _verdict(kind, ready, call, marked, replay(rulebook, call))
            if wrong is None:
                yield None
                continue
            yield Failure(ready.id, ready.rule.title, kind, describe(example), place, wrong)


def _verdict(
    kind: str,
    ready: CompiledRule,
    call: KnownCall,
    marked: tuple[int, int] | None,
    outcome: Sequence[Alert | ScriptState],
) -> str | None:
    """What is wrong with the outcome of an example, or None."""
    alerts = [a for a in standing(outcome) if a.rule == ready.id]
    if kind == "quiet":
        return None if not alerts else tr("不该告警，却告警了：", "it alerted: ") + _told(alerts[0])
    if not alerts:
        return tr("该告警，却没有。", "no alert. ") + _why(ready, call, outcome)
    if marked is not None and not any(_covers(alert, marked) for alert in alerts):
        return tr(
            "告警了，但不在【】标的地方：", "it alerted, but not where 【】 marks it: "
        ) + _told(alerts[0])
    return None


def _told(alert: Alert) -> str:
    span = f"{alert.start_ms / 1000:.1f}–{alert.end_ms / 1000:.1f} s"
    phrase = alert.evidence.get("phrase")
    words = f"“{alert.quote}”" if alert.quote else tr("没有说", "not said")
    return f"{words} {span}" + (f" ← {phrase} ({alert.similarity:.0%})" if phrase else "")


def _why(ready: CompiledRule, call: KnownCall, outcome: Sequence[Alert | ScriptState]) -> str:
    """Why nothing was found: the script's state, or what came nearest."""
    states = [o for o in outcome if isinstance(o, ScriptState) and o.rule == ready.id]
    if states:
        last = states[-1]
        reason = last.evidence.get("reason")
        said = f"“{last.quote}”" if last.quote else ""
        return f"{last.status.value} {said}{reason or ''}".strip()
    from monitor.language.phrases import nearest

    party = ready.rule.party or Party.AGENT
    tokens = [t for u in call.utterances if u.party is party for t in u.tokens]
    phrases = [phrase for phrase in (p.say for p in ready.rule.never) if "<" not in phrase]
    best = max(
        (m for m in (nearest(p, tokens) for p in phrases) if m is not None),
        key=lambda m: m.similarity,
        default=None,
    )
    if best is None:
        return ""
    return tr(
        f"最接近的是“{best.quote}” ← {best.pattern} ({best.similarity:.0%})",
        f"nearest: {best.quote!r} ← {best.pattern} ({best.similarity:.0%})",
    )


def _covers(alert: Alert, marked: tuple[int, int]) -> bool:
    """Whether the alert's words and the marked ones are mostly the same."""
    start, end = marked
    common = min(alert.end_ms, end) - max(alert.start_ms, start)
    whole = max(alert.end_ms, end) - min(alert.start_ms, start)
    return common > 0 and common * 2 >= whole


def describe(example: Example) -> str:
    """An example in one line."""
    if example.text is not None:
        return example.text
    return " / ".join(_step(turn) for turn in example.turns)


def _step(turn: Turn) -> str:
    party, text = speech_of(turn)
    if text is not None:
        return f"{'客服' if party is Party.AGENT else '客户'}:{text}"
    if turn.silence is not None:
        return f"({turn.silence / 1000:g} s)"
    return f"[{turn.measure} {turn.value:g}]"


def speech_of(turn: Turn) -> tuple[Party | None, str | None]:
    """Who says what in a step; (None, None) when nobody speaks."""
    if turn.agent is not None:
        return Party.AGENT, turn.agent
    if turn.customer is not None:
        return Party.CUSTOMER, turn.customer
    return (turn.party, turn.say) if turn.say is not None else (None, None)


def tokens_of(
    text: str, party: Party, start_ms: int, pace_ms: int = PACE_MS
) -> tuple[list[Token], tuple[int, int] | None]:
    """The text as tokens, `pace_ms` a syllable, and the span of 【…】 in ms.

    Punctuation is not spoken; digits are read out.
    """
    tokens: list[Token] = []
    marks: list[int] = []
    at = start_ms
    for part in re.split(r"([【】])", text):
        if part in ("【", "】"):
            marks.append(at)
            continue
        plain = normalise(part).text
        for char, syllable in zip(plain, syllables(plain), strict=True):
            tokens.append(Token(party, char, syllable, at, at + pace_ms))
            at += pace_ms
    return tokens, (marks[0], marks[1]) if len(marks) == 2 else None


def example_call(
    example: Example, ready: CompiledRule | None = None
) -> tuple[KnownCall, tuple[int, int] | None]:
    """The call of an example, and the span of its marked words.

    Metadata the example leaves open (direction, queue, tier, facts; never the
    time) is filled in so that the rule's `when` holds.

    Raises:
        UserError: metadata that is not what it should be.
    """
    turns = example.turns
    speaker = (ready.rule.party if ready else None) or Party.AGENT
    if example.text is not None:
        turns = (Turn(party=speaker.value, say=example.text), *turns)  # type: ignore[arg-type]
    utterances: list[Utterance] = []
    readings: list[Reading] = []
    marked: tuple[int, int] | None = None
    now, gap = 0, LEAD_IN_MS
    for turn in turns:
        party, text = speech_of(turn)
        start = turn.at if turn.at is not None else now + gap
        gap = PAUSE_MS
        if text is not None and party is not None:
            tokens, mark = tokens_of(text, party, start)
            marked = mark or marked
            if tokens:
                now = max(now, tokens[-1].end_ms)
                utterances.append(Utterance(party, start, tokens[-1].end_ms, tuple(tokens)))
        elif turn.silence is not None:
            now, gap = (turn.at if turn.at is not None else now) + turn.silence, 0
        elif turn.measure is not None:
            reading = _reading(turn, turn.at if turn.at is not None else now)
            readings.append(reading)
            now = max(now, reading.end_ms)
    duration = example.end if example.end is not None else now + TAIL_MS
    info = _info(example, ready)
    released = example.released_by.value if example.released_by else None
    by_hand = {reading.name for reading in readings}
    readings += [r for r in _measured(info, utterances, duration) if r.name not in by_hand]
    call = KnownCall(info, tuple(utterances), tuple(readings), (), CallEnd(duration, released))
    return call, marked


def _measured(info: CallInfo, utterances: Sequence[Utterance], duration: int) -> list[Reading]:
    """What would be measured of a call with these turns, spoken at an even level."""
    from monitor.audio.conversation import Dynamics

    dynamics = Dynamics(info.parties)
    found: list[Reading] = []
    for turn in sorted(utterances, key=lambda u: (u.start_ms, u.party)):
        if turn.party not in info.parties:
            continue
        speech = Speech(turn.party, turn.start_ms, turn.end_ms, LEVEL_DB)
        events: tuple[Event, ...] = (*turn.tokens, speech, turn)
        for event in events:
            found += dynamics.feed(event)
    found += dynamics.finish(duration)
    return [reading for reading in found if reading.final]


def _reading(turn: Turn, at_ms: int) -> Reading:
    assert turn.measure is not None
    assert turn.value is not None
    unit = MEASURES[turn.measure]
    length = round(turn.value) if unit == "ms" else 2000
    return Reading(turn.measure, turn.value, unit, at_ms, at_ms + length, turn.party)


def _info(example: Example, ready: CompiledRule | None) -> CallInfo:
    known: dict[str, Detail] = {}
    for when in ready.conditions if ready else ():
        known.update(_wanted(when))
    known.update(example.call)
    started_at, direction = known.pop("started_at", None), known.pop("direction", None)
    direction = {"呼入": "inbound", "呼出": "outbound"}.get(str(direction), direction)
    if direction not in (None, "inbound", "outbound"):
        raise UserError(
            tr(
                f"direction 应为 inbound 或 outbound，不是 {direction}",
                f"direction must be inbound or outbound, not {direction}",
            )
        )
    names = known.pop("parties", None)
    try:
        parties = tuple(Party(str(n)) for n in names) if isinstance(names, list) else tuple(Party)
    except ValueError:
        raise UserError(
            tr("parties 应为 [agent, customer]", "parties must be [agent, customer]")
        ) from None
    return CallInfo(
        id="example",
        source="example",
        parties=parties,
        started_at=None if started_at is None else str(started_at),
        direction=direction,  # type: ignore[arg-type]  # checked above
        facts=known,
    )


def _wanted(when: When) -> dict[str, Detail]:
    found: dict[str, Detail] = {}
    if when.direction is not None:
        found["direction"] = when.direction
    for name, values in (("queue", when.queue), ("tier", when.tier), *when.facts.items()):
        if values:
            found[name] = values[0]
    return found


def strict_problems(packs: Iterable[ResolvedPack]) -> Iterator[tuple[Place, str]]:
    """Rules without both kinds of examples."""
    seen: set[str] = set()
    for pack in packs:
        for name, written in pack.rules.items():
            if name in seen:
                continue
            seen.add(name)
            examples = written.rule.examples
            for kind in ("alert", "quiet"):
                if not getattr(examples, kind):
                    yield (
                        written.origin.place("id"),
                        tr(
                            f"规则 {name} 缺少 examples: {kind} 的例子",
                            f"rule {name} has no examples under {kind}",
                        ),
                    )
