"""Rules put to the test in the browser: a sentence, the examples, the calls in the store.

The same engines as `monitor rules try | test | backtest`; here they return
values for a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.events import Alert, Party, ScriptState, ScriptStatus, Token
from monitor.language.phrases import nearest
from monitor.quality.review.evidence import Comparison, compare
from monitor.quality.rules.labelled import reviews
from monitor.quality.stored_packs import Version, compiled, resolved
from monitor.rules import Rulebook
from monitor.rules.language.pack import Example, Rule, Turn
from monitor.rules.tools import examples as trial
from monitor.rules.tools.backtest import Backtest, backtest
from monitor.rules.tools.replay import replay
from monitor.store.read import call_json
from monitor.store.schema import Call, CallPack, Pack

KINDS: tuple[Literal["alert"], Literal["quiet"]] = ("alert", "quiet")
_NEAR_MISSES = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """A rule's answer to a sentence: `outcome` is hit, said (a script) or near."""

    outcome: Literal["hit", "said", "near"]
    rule: str
    title: str
    severity: str
    quote: str
    advice: str
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """An example of a rule; `problem` is empty where it did what it should."""

    kind: str  # alert, quiet
    text: str
    problem: str


def try_text(version: Version, text: str, party: Party) -> list[Heard]:
    """What a pack makes of one sentence: hits, scripts said, and else the nearest misses.

    Raises:
        UserError: the pack cannot be read.
    """
    rulebook = compiled([version])
    example = Example(turns=(Turn(party=party.value, say=text),))  # type: ignore[arg-type]
    call, _ = trial.example_call(example)
    tokens = [token for utterance in call.utterances for token in utterance.tokens]
    found: list[Heard] = []
    for outcome in replay(rulebook, call):
        match outcome:
            case Alert() if outcome.quote and "phrase" in outcome.evidence:
                found.append(_heard("hit", outcome, outcome.severity, tokens))
            case ScriptState() if outcome.status is ScriptStatus.MET:
                found.append(_heard("said", outcome, "", tokens))
            case _:
                pass
    if not any(one.outcome == "hit" for one in found):
        found += _near(rulebook, party, tokens)
    return found


def examples(version: Version, rule: str) -> list[ExampleResult]:
    """The examples of one rule and whether they do what they should.

    Raises:
        UserError: the pack cannot be read.
    """
    pack = resolved(version)
    outcome = trial.try_packs([pack], [rule])
    failed = {(failure.kind, failure.example): failure.message for failure in outcome.failures}
    written = pack.rules[rule].rule
    return [
        ExampleResult(kind, text, failed.get((kind, text), ""))
        for kind in KINDS
        for text in described(written, kind)
    ]


def described(rule: Rule, kind: Literal["alert", "quiet"]) -> list[str]:
    """A rule's examples, one line each."""
    return [trial.describe(example) for example in getattr(rule.examples, kind)]


def history(
    session: Session, version: Version, against: Version | None, most: int
) -> tuple[Backtest, dict[str, int]]:
    """A pack over the newest stored calls it judged, compared with another version.

    Returns the outcome and call names → ids, for links.

    Raises:
        UserError: a pack cannot be read.
    """
    ids: dict[str, int] = {}

    def calls() -> Iterator[tuple[str, dict[str, Any]]]:
        for call_id, name in _recent(session, version.name, most):
            shown = name if name not in ids else f"{name} #{call_id}"
            ids[shown] = call_id
            data = call_json(session, call_id)
            yield shown, {**data, "reviews": reviews(session, call_id)}

    other = compiled([against]) if against else None
    return backtest(compiled([version]), calls(), other), ids


def _recent(session: Session, pack: str, most: int) -> Sequence[tuple[int, str]]:
    query = (
        select(Call.id, Call.name)
        .where(
            Call.status == "complete",
            Call.id.in_(
                select(CallPack.call_id)
                .join(Pack, Pack.id == CallPack.pack_id)
                .where(Pack.name == pack)
            ),
        )
        .order_by(Call.started_at.desc())
        .limit(most)
    )
    return [(number, name) for number, name in session.execute(query)]


def _heard(
    outcome: Literal["hit", "said", "near"],
    found: Alert | ScriptState,
    severity: str,
    tokens: Sequence[Token],
) -> Heard:
    phrase = found.evidence.get("phrase")
    return Heard(
        outcome=outcome,
        rule=found.rule,
        title=found.title,
        severity=severity,
        quote=found.quote,
        advice=found.advice,
        comparison=compare(phrase, tokens) if isinstance(phrase, str) else None,
    )


def _near(rulebook: Rulebook, party: Party, tokens: Sequence[Token]) -> list[Heard]:
    """The forbidden phrases that came nearest, best first."""
    best: dict[str, tuple[float, str]] = {}
    for phrase in rulebook.matchers[party].phrases:
        for listener in rulebook.listeners.get(phrase.key, ()):
            if listener.kind != "rule" or not rulebook.rules[listener.key].rule.forbids:
                continue
            match = nearest(phrase.text, tokens)
            if match is not None and match.similarity > best.get(listener.key, (0.0, ""))[0]:
                best[listener.key] = (match.similarity, phrase.text)
    ranked = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:_NEAR_MISSES]
    return [
        Heard(
            outcome="near",
            rule=rule,
            title=rulebook.rules[rule].rule.title,
            severity=rulebook.rules[rule].rule.severity,
            quote="",
            advice="",
            comparison=compare(phrase, tokens),
        )
        for rule, (_, phrase) in ranked
    ]
