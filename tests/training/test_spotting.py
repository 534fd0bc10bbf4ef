"""What the estimate of mistaken phrases is drawn from."""

from __future__ import annotations

import pytest

spotting = pytest.importorskip("models.training.spotting", reason="the recipe is not here")

LINES = [
    "今天天气很好，我们一起出去走走吧。",
    "您好，请问有什么可以帮您的吗？",
    "这个月的话费一共是一百二十八元。",
]


def test_phrases_are_drawn_the_same_way_each_time() -> None:
    drawn = spotting.draw([LINES], each=8)
    assert drawn == spotting.draw([LINES], each=8)
    assert drawn != spotting.draw([LINES], each=8, seed=2)
    assert any("…" in phrase for phrase in drawn)
    clauses = "".join(LINES)
    for phrase in drawn:
        parts = [part.lstrip("0123456789") for part in phrase.split("…")]
        assert len("".join(parts)) in spotting.LENGTHS
        assert "".join(parts) in clauses


@pytest.mark.parametrize(
    ("sentence", "near"),
    [
        ("wo men zou ba", True),
        ("ni wo men zou ba le", True),
        ("wo men chi ba", True),
        ("wo zou ba", True),
        ("wo ni chi ba", False),
        ("zou", False),
    ],
)
def test_all_but_one_syllable_is_nearly_said(sentence: str, near: bool) -> None:
    assert spotting.is_near(["wo", "men", "zou", "ba"], sentence.split()) is near


class _Law:
    """Says one false alarm per hour at any doubt."""

    def chance(self, paths: object, classes: object) -> float:
        return 0.0

    def rate(self, chance: float, doubt: float) -> float:
        return 1.0


def test_the_law_is_raised_to_what_is_seen() -> None:
    often = [spotting.Mistaken((), 10.0, (-1.0,) * 40), spotting.Mistaken((), 10.0, ())]
    seldom = [spotting.Mistaken((), 10.0, (-11.0,) * 5)]  # none near the limits: seen at DOUBT
    assert spotting.excess(_Law(), often, ()) == pytest.approx(0.693, abs=1e-3)
    assert spotting.excess(_Law(), seldom, ()) == pytest.approx(-0.693, abs=1e-3)
