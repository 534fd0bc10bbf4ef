"""Costs of syllables: a scale with the order that ears and recognisers know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.language.phrases.cells import compile_line
from monitor.language.phrases.costs import CostTable, alternative_cost, confusions, syllable_cost
from monitor.language.phrases.pattern import parse

SOUNDS = (
    *(
        "zhang",
        "zang",
        "jiang",
        "shi",
        "si",
        "xi",
        "ni",
        "li",
        "nv",
        "lv",
        "lve",
        "an",
        "ang",
        "en",
    ),
    *("er", "a", "o", "wo", "wu", "yu", "yuan", "yun", "hui", "fei", "gao", "hao", "bu", "xing"),
    *("x", "y", "v"),
)
sounds = st.sampled_from(SOUNDS)


@given(sounds, sounds)
def test_symmetric_and_bounded(one: str, other: str) -> None:
    assert syllable_cost(one, other) == syllable_cost(other, one)
    assert syllable_cost(one, one) == 0.0
    if one != other:
        assert 0.1 <= syllable_cost(one, other) <= 1.0


@given(st.lists(sounds, min_size=1, unique=True), sounds)
def test_a_row_is_the_scalar_many_times(expected: list[str], heard: str) -> None:
    row = CostTable(expected).row(heard)
    assert np.allclose(row, [syllable_cost(heard, sound) for sound in expected])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zhang", "zang"), ("chu", "cu"), ("shi", "si"), ("nan", "lan"), ("hu", "fu"),
        ("ru", "lu"), ("ban", "bang"), ("chen", "cheng"), ("xin", "xing"),
    ],
)  # fmt: skip
def test_what_speakers_mix_up_is_cheap(one: str, other: str) -> None:
    assert syllable_cost(one, other) <= 0.21


def test_the_measured_order_is_plausible() -> None:
    assert syllable_cost("ju", "qu") < syllable_cost("ju", "ma")
    assert syllable_cost("gao", "kao") < syllable_cost("gao", "shi")
    assert syllable_cost("gao", "hao") < 1.0
    assert syllable_cost("ma", "xing") == 1.0
    table = confusions()
    assert 0 < table.base < table.base + table.initial_apart < 1


def test_alternatives_cost_by_their_odds() -> None:
    costs = [alternative_cost(relative) for relative in (2.0, 1.0, 0.5, 0.2, 0.05, 0.0)]
    assert costs == sorted(costs)
    assert costs[0] == costs[1] == 0
    assert costs[-2:] == [16, 16]


def test_weights_negations_particles_and_budgets() -> None:
    (line,) = [compile_line(v, None, exact=False) for v in parse("我们解决不了")]
    by_char = {cell.text: cell for cell in line.cells}
    assert by_char["不"].weight >= 1.5
    assert by_char["们"].weight < by_char["决"].weight
    (line,) = [compile_line(v, None, exact=False) for v in parse("你快说啊")]
    assert line.cells[-1].skip == 4
    assert line.firm == 3
    (line,) = [compile_line(v, None, exact=False) for v in parse("什么")]
    assert line.firm == 2  # the 么 of 什么 is no particle
    likened = compile_line(parse("你有没有搞错")[0], 0.9, exact=False)
    assert likened.budget == round(16 * 0.1 * likened.length)


@given(st.text(st.sampled_from("你有没搞错清楚知道不行吗"), min_size=1, max_size=40))
def test_budgets_never_reach_the_ceiling(text: str) -> None:
    for likeness in (None, 0.0, 0.5, 1.0):
        line = compile_line(parse(text)[0], likeness, exact=False)
        assert 0 <= line.budget < 200
        assert line.similarity(0) == 1.0
        assert 0.0 <= line.similarity(line.budget) <= 1.0
