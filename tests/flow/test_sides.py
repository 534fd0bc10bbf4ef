"""A recording whose channels are the wrong way round is scored the right way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor import rules
from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.call.score_recording import Scorer
from monitor.events import Party, Token, Utterance
from monitor.language.pinyin import syllables
from monitor.rules.tools.sides import agents_side
from monitor.testing import fixtures
from monitor.testing.recordings import encode

from .conftest import samples_of

_AS_RECORDED = (Party.AGENT, Party.CUSTOMER)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled call "compliant", the customer's channel first."""
    audio = samples_of(fixtures.load("compliant").audio)
    sound = np.stack([audio[Party.CUSTOMER], audio[Party.AGENT]], axis=1)
    return encode(tmp_path_factory.mktemp("swapped") / "swapped.wav", sound, "pcm_s16le")


def _judged(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(script["rule"], script["state"]) for script in data["scripts"]]


def test_a_swap_is_corrected_before_rules_judge(embedded: Engine, swapped: Path) -> None:
    data = Scorer(embedded).score(swapped, "call", CallFacts())
    right = Scorer(embedded).score(fixtures.load("compliant").audio, "call", CallFacts())
    assert data["call"]["facts"]["swapped"] == "corrected"
    assert "swapped" not in right["call"]["facts"]
    assert _judged(data) == _judged(right)
    assert data["score"]["total"] == right["score"]["total"]


def test_what_the_user_says_of_the_channels_holds(embedded: Engine, swapped: Path) -> None:
    data = Scorer(embedded, channels=_AS_RECORDED).score(swapped, "call", CallFacts())
    assert data["call"]["facts"]["swapped"] == "suspected"
    assert data["call"]["parties"] == ["agent", "customer"]
    declared = Scorer(embedded, channels=_AS_RECORDED[::-1])
    assert "swapped" not in declared.score(swapped, "call", CallFacts())["call"]["facts"]


def _said(party: Party, text: str) -> Utterance:
    tokens = tuple(
        Token(party, character, syllable, 200 * place, 200 * place + 200)
        for place, (character, syllable) in enumerate(zip(text, syllables(text), strict=True))
    )
    return Utterance(party, 0, tokens[-1].end_ms, tokens)


@pytest.mark.parametrize(
    ("agent", "customer", "side"),
    [
        ("您好请问有什么可以帮您吗", "我想查一下话费", Party.AGENT),
        ("我想查一下话费", "您好请问有什么可以帮您吗", Party.CUSTOMER),
        ("好的", "你们怎么又多扣我的钱", None),
        ("谢谢您", "好的谢谢再见", None),
    ],
)
def test_sides_are_told_by_what_is_said(agent: str, customer: str, side: Party | None) -> None:
    book = rules.load(("unicom-10010",))
    turns = [_said(Party.AGENT, agent), _said(Party.CUSTOMER, customer)]
    assert agents_side(book, turns) is side
