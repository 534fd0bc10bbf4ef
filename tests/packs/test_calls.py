"""Whole calls through the packs a team would load together: good ones stay quiet."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor.events import Alert, Severity
from monitor.rules.compiler.compile import compile_packs
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.pack import Example
from monitor.rules.language.resolve import resolve
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import replay

CALLS: dict[str, list[dict[str, Any]]] = YAML(typ="safe").load(
    (Path(__file__).parent / "calls.yaml").read_text("utf-8")
)


@cache
def _book(packs: tuple[str, ...]) -> Rulebook:
    return compile_packs(resolve(packs))


def _findings(told: dict[str, Any]) -> list[Alert]:
    """The alerts of grade 一般 and above."""
    example = Example.model_validate(
        {key: told[key] for key in ("call", "turns", "end", "released_by") if key in told}
    )
    call, _ = example_call(example)
    outcome = replay(_book(tuple(told["packs"])), call)
    return [o for o in outcome if isinstance(o, Alert) and o.severity is not Severity.TIP]


@pytest.mark.parametrize("told", CALLS["quiet"], ids=lambda told: told["title"])
def test_a_good_call_is_quiet(told: dict[str, Any]) -> None:
    assert [(a.rule, a.quote, dict(a.evidence)) for a in _findings(told)] == []


@pytest.mark.parametrize("told", CALLS["alert"], ids=lambda told: told["title"])
def test_a_bad_call_is_told(told: dict[str, Any]) -> None:
    assert {a.rule for a in _findings(told)} == set(told["findings"])
