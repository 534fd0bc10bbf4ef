"""What customers and agents say makes the packs' situations happen, and nothing near it does."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor.events import Party
from monitor.rules.compiler.compile import compile_packs
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.pack import Example, Turn
from monitor.rules.language.resolve import resolve
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import replay_session

SAID: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(
    (Path(__file__).parent / "situations.yaml").read_text("utf-8")
)
CASES: list[Any] = [
    pytest.param(name, sentence, kind == "yes", id=f"{name.split('/')[1]}: {sentence}")
    for name, kinds in SAID.items()
    for kind, sentences in kinds.items()
    for sentence in sentences
]


@cache
def _book(pack: str) -> Rulebook:
    return compile_packs(resolve([pack]))


@pytest.mark.parametrize(("name", "sentence", "wanted"), CASES)
def test_a_situation_happens(name: str, sentence: str, wanted: bool) -> None:
    book = _book(name.split("/", maxsplit=1)[0])
    party = book.situations[name].situation.party or Party.CUSTOMER
    turn = Turn(party=party.value, say=sentence)  # type: ignore[arg-type]
    call, _ = example_call(Example(turns=(turn,), end=60))
    session, _ = replay_session(book, call)
    assert bool(session.moments(name)) is wanted
