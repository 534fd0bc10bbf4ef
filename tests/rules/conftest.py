"""What the tests of the rules share: packs from text, calls from dialogues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.events import Alert, ScriptState, ScriptStatus
from monitor.rules import Rulebook, load
from monitor.rules.language.pack import Example
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import KnownCall, replay

Outcome = list[Alert | ScriptState]
HEAD = 'pack: test\ntitle: 测试\nversion: "1"\n'

MakeBook = Callable[[str], Rulebook]


@pytest.fixture(name="book")
def _book(tmp_path: Path) -> MakeBook:
    """A rulebook from the body of a pack; the head may be left out."""

    def make(body: str) -> Rulebook:
        file = tmp_path / "test.yaml"
        file.write_text(body if body.startswith("pack:") else HEAD + body, encoding="utf-8")
        return load([file])

    return make


def call_of(*turns: Mapping[str, Any], **more: Any) -> KnownCall:
    """A call from example steps; `more` as in a full example (`call`, `end`, `released_by`)."""
    return example_call(Example.model_validate({"turns": list(turns), **more}))[0]


def alerts(outcome: Outcome, rule: str | None = None) -> list[Alert]:
    return [o for o in outcome if isinstance(o, Alert) and rule in (None, o.rule)]


def scripts(outcome: Outcome, rule: str | None = None) -> list[ScriptState]:
    return [o for o in outcome if isinstance(o, ScriptState) and rule in (None, o.rule)]


def decided(outcome: Outcome, rule: str) -> list[ScriptStatus]:
    """The states of a rule's scripts that are not pending, in order."""
    return [s.status for s in scripts(outcome, rule) if s.status is not ScriptStatus.PENDING]


def run(book: Rulebook, *turns: Mapping[str, Any], **more: Any) -> Outcome:
    """What the rules say of a small call."""
    return replay(book, call_of(*turns, **more))
