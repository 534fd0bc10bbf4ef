"""Kappa against published examples, its degenerate cases, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.review.agreement import agreement, bias, cohen, fleiss, pairs, spread, strength

# Fleiss (1971), table 1 as widely reprinted: ten subjects, fourteen raters, five categories.
_FLEISS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)


def _ratings(table: tuple[tuple[int, ...], ...]) -> dict[object, dict[object, object]]:
    found: dict[object, dict[object, object]] = {}
    for subject, counts in enumerate(table):
        given = [category for category, number in enumerate(counts) for _ in range(number)]
        found[subject] = dict(enumerate(given))
    return found


def test_fleiss_published_example() -> None:
    found = fleiss(_ratings(_FLEISS))
    assert found.kappa == pytest.approx(0.210, abs=5e-4)
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert found.expected == pytest.approx(0.213, abs=5e-4)
    assert (found.subjects, found.raters) == (10, 14)


@pytest.mark.parametrize(
    ("both_yes", "only_first", "only_second", "both_no", "kappa"),
    [  # the textbook table of fifty grant proposals, and two that differ in their margins only
        (20, 5, 10, 15, 0.4),
        (45, 15, 25, 15, 0.1304),
        (25, 35, 5, 35, 0.2593),
    ],
)
def test_cohen_published_examples(
    both_yes: int, only_first: int, only_second: int, both_no: int, kappa: float
) -> None:
    first = "y" * both_yes + "y" * only_first + "n" * only_second + "n" * both_no
    second = "y" * both_yes + "n" * only_first + "y" * only_second + "n" * both_no
    assert cohen(first, second).kappa == pytest.approx(kappa, abs=5e-5)


def test_everybody_saying_the_same_is_agreement_but_no_kappa() -> None:
    found = fleiss({call: {"a": "met", "b": "met", "c": "met"} for call in range(5)})
    assert (found.kappa, found.observed, found.expected) == (None, 1.0, 1.0)
    assert cohen("mmm", "mmm").kappa is None


@pytest.mark.parametrize("ratings", [{}, {1: {}}, {1: {"a": "met"}, 2: {"b": "lost"}}])
def test_nothing_to_compare(ratings: dict[object, dict[object, object]]) -> None:
    assert fleiss(ratings).kappa is None
    assert fleiss(ratings).observed is None
    assert fleiss(ratings).subjects == 0
    assert agreement(ratings).kappa is None


def test_cohen_refuses_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="same subjects"):
        cohen("ab", "a")


def test_a_missing_rating_leaves_the_subject_to_the_others() -> None:
    full = {1: {"a": 0, "b": 0, "c": 1}, 2: {"a": 1, "b": 1}, 3: {"c": 1}}
    found = fleiss(full)
    assert (found.subjects, found.raters) == (2, 3)
    assert found.observed == pytest.approx((1 / 3 + 1) / 2)
    shares = (2 / 5) ** 2 + (3 / 5) ** 2
    assert found.kappa == pytest.approx((2 / 3 - shares) / (1 - shares))


def test_two_raters_are_judged_by_cohen_and_more_by_fleiss() -> None:
    two = {n: {"a": a, "b": b} for n, (a, b) in enumerate(zip("yyyn", "yynn", strict=True))}
    assert agreement(two) == cohen("yyyn", "yynn")
    assert list(pairs(two)) == [("a", "b")]
    three = {n: {**given, "c": "y"} for n, given in two.items()}
    assert agreement(three) == fleiss(three)
    assert set(pairs(three)) == {("a", "b"), ("a", "c"), ("b", "c")}


_CATEGORY = st.sampled_from(["met", "lost", "na"])


@given(st.lists(st.tuples(_CATEGORY, _CATEGORY), min_size=1, max_size=30))
def test_cohen_is_symmetric_bounded_and_one_only_for_perfect_agreement(
    given_by: list[tuple[str, str]],
) -> None:
    first, second = zip(*given_by, strict=True)
    found = cohen(first, second)
    assert found == cohen(second, first)
    if found.kappa is not None:
        assert -1 - 1e-9 <= found.kappa <= 1 + 1e-9
        assert (abs(found.kappa - 1) < 1e-9) == (first == second)


@given(
    st.lists(st.lists(_CATEGORY, min_size=2, max_size=5), min_size=1, max_size=15),
    st.randoms(use_true_random=False),
)
def test_fleiss_does_not_care_for_the_order_of_raters(
    table: list[list[str]], random: object
) -> None:
    before = fleiss({n: dict(enumerate(row)) for n, row in enumerate(table)})
    shuffled = [list(row) for row in table]
    for row in shuffled:
        random.shuffle(row)  # type: ignore[attr-defined]
    after = fleiss({n: dict(enumerate(row)) for n, row in enumerate(shuffled)})
    if before.kappa is None:
        assert after.kappa is None
    else:
        assert after.kappa == pytest.approx(before.kappa)


def test_spread_and_bias() -> None:
    found = spread([80, 90, 100])
    assert found is not None
    assert (found.lowest, found.highest, found.range, found.mean) == (80, 100, 20, 90)
    assert found.deviation == pytest.approx(10)
    assert spread([]) is None
    alone = spread([75])
    assert alone is not None
    assert alone.deviation is None
    apart = bias({1: {"a": 90.0, "b": 80.0}, 2: {"a": 100.0, "b": 80.0}, 3: {"b": 10.0}})
    assert apart == {"a": pytest.approx(7.5), "b": pytest.approx(-7.5)}


@pytest.mark.parametrize(
    ("kappa", "name"),
    [(None, "undefined"), (-0.1, "poor"), (0.0, "slight"), (0.21, "fair"), (0.61, "substantial"),
     (0.81, "almost perfect"), (1.0, "almost perfect")],
)  # fmt: skip
def test_strength(kappa: float | None, name: str) -> None:
    assert strength(kappa) == name
