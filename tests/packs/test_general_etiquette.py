"""What the examples inside general-etiquette and phone-procedures cannot say.

An example has the metadata its rule wants; here are whole calls, calls whose
metadata is unknown, and recordings of one party.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor.events import Alert, ScriptState, ScriptStatus, Severity
from monitor.rules import load
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.pack import Example
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import replay

GOOD_CALLS: list[dict[str, Any]] = YAML(typ="safe").load(
    (Path(__file__).parent / "good_calls.yaml").read_text("utf-8")
)


@cache
def _book() -> Rulebook:
    return load(["general-etiquette"])


def _outcome(**example: Any) -> list[Alert | ScriptState]:
    call, _ = example_call(Example.model_validate(example))
    return replay(_book(), call)


def _alerts(**example: Any) -> list[tuple[str, str]]:
    return [(out.rule, out.quote) for out in _outcome(**example) if isinstance(out, Alert)]


@pytest.mark.parametrize("call", GOOD_CALLS, ids=lambda call: str(call["name"]))
def test_a_good_call_has_no_finding(call: dict[str, Any]) -> None:
    assert _alerts(**{key: value for key, value in call.items() if key != "name"}) == []


@pytest.mark.parametrize("call", GOOD_CALLS, ids=lambda call: str(call["name"]))
def test_a_good_call_recorded_on_one_channel_has_no_grave_finding(call: dict[str, Any]) -> None:
    """Nobody is a silent customer when the customer was not recorded."""
    turns = [
        {"silence": f"{len(turn['customer']) * 200}ms"} if "customer" in turn else turn
        for turn in call["turns"]
    ]
    kept = {key: call[key] for key in ("released_by",) if key in call}
    found = _outcome(turns=turns, call={**call["call"], "parties": ["agent"]}, **kept)
    grave = [out for out in found if isinstance(out, Alert) and out.severity is not Severity.TIP]
    assert [(out.rule, out.quote) for out in grave] == []


def test_rules_for_one_direction_do_not_judge_a_call_of_unknown_direction() -> None:
    outcome = _outcome(turns=[{"agent": "喂"}, {"customer": "没有别的事了"}, {"agent": "嗯"}])
    directed = {
        name
        for name, ready in _book().rules.items()
        if any(when.direction is not None for when in ready.conditions)
    }
    assert {"etiquette-opening", "etiquette-closing", "etiquette-forgot-to-record"} <= directed
    assert [out.rule for out in outcome if isinstance(out, Alert) and out.rule in directed] == []
    states = {out.rule: out.status for out in outcome if isinstance(out, ScriptState)}
    assert states["etiquette-opening"] is ScriptStatus.NOT_APPLICABLE


GREETING = "您好，请问有什么可以帮助您？"
NO_AUDIO = "对不起，您的电话没有声音，请您换一部电话再次打来，好吗？再见！"
WAIT_S = 5
LEAD_IN_S, SYLLABLE_S = 0.5, 0.2  # the pace of examples, docs/rules.md


@pytest.mark.parametrize(
    ("waited_s", "early"), [(3.0, True), (3.9, True), (4.1, False), (5.0, False)]
)
def test_five_seconds_before_hanging_up_give_or_take_one(waited_s: float, early: bool) -> None:
    """手册写“再稍停5秒，挂机”，从话说完数起；早一秒以内不追究。"""
    syllables = sum(char.isalpha() for char in GREETING * 2 + NO_AUDIO)
    found = _alerts(
        turns=[
            {"agent": GREETING},
            {"silence": f"{WAIT_S}s"},
            {"agent": GREETING},
            {"silence": f"{WAIT_S}s"},
            {"agent": NO_AUDIO},
        ],
        end=LEAD_IN_S + syllables * SYLLABLE_S + 2 * WAIT_S + waited_s,
        released_by="agent",
    )
    rules = {rule for rule, _ in found}
    assert ("phone-no-audio-hang-up" in rules) is early
    assert "phone-customer-hangs-up-first" not in rules


def test_a_threat_is_one_finding() -> None:
    """The longer phrase wins over the one inside it."""
    said = _alerts(text="喂，说话呀！再不说话我就挂了啊！")
    assert [rule for rule, _ in said] == ["etiquette-threat-hang-up"]
