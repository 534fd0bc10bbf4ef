"""Precision and recall of a rule from what people said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.rules.precision import Stratum, precision, recall, trend


def test_precision_with_wilson_bounds() -> None:
    found = precision(["right"] * 8 + ["wrong"] * 2 + ["unsure"] * 5)
    assert found is not None
    assert (found.right, found.reviewed) == (8, 10)
    # Wilson's interval of 8/10 at 95 %, as tabled: 0.490 to 0.943.
    assert found.bounds == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert precision(["unsure"]) is None


def test_trend_keeps_the_versions_apart_and_in_order() -> None:
    judged = [("1.0", "wrong"), ("1.1", "right"), ("1.0", "right"), ("1.2", "unsure")]
    found = trend(judged)
    assert list(found) == ["1.0", "1.1"]
    assert (found["1.0"].value, found["1.1"].value) == (0.5, 1.0)


def test_recall_weighs_the_strata_by_their_size() -> None:
    # 100 calls with a hit, 9 of 10 judged right: 90 true. 900 without, 1 of 50 missed: 18 missed.
    found = recall(Stratum(100, 10, 9), Stratum(900, 50, 1))
    assert found is not None
    assert found.value == pytest.approx(90 / 108)
    assert 0.3 < found.low < found.value < found.high < 1


def test_recall_is_known_where_everything_was_heard() -> None:
    found = recall(Stratum(10, 10, 8), Stratum(20, 20, 2))
    assert found is not None
    assert (found.value, found.low, found.high) == (0.8, pytest.approx(0.8), pytest.approx(0.8))
    found = recall(Stratum(10, 10, 8), Stratum(20, 20, 0))
    assert found is not None
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_recall_of_no_misses_in_a_sample_is_not_certain() -> None:
    found = recall(Stratum(100, 20, 20), Stratum(900, 30, 0))
    assert found is not None
    assert found.value == found.high == 1
    assert found.low < 0.9


@pytest.mark.parametrize(
    ("hit", "quiet"),
    [
        (Stratum(10, 0, 0), Stratum(90, 9, 1)),  # nobody judged a hit
        (Stratum(10, 5, 4), Stratum(90, 0, 0)),  # nobody heard a call without one
        (Stratum(0, 0, 0), Stratum(90, 90, 0)),  # never broken
        (Stratum(0, 0, 0), Stratum(0, 0, 0)),
    ],
)
def test_recall_is_not_invented(hit: Stratum, quiet: Stratum) -> None:
    assert recall(hit, quiet) is None


def test_a_rule_that_never_hits_what_is_there_recalls_nothing() -> None:
    found = recall(Stratum(0, 0, 0), Stratum(90, 30, 3))
    assert found is not None
    assert found.value == 0


def test_a_sample_cannot_exceed_its_calls() -> None:
    with pytest.raises(ValueError, match="not a sample"):
        Stratum(5, 6, 1)


@st.composite
def _strata(draw: st.DrawFn) -> Stratum:
    calls = draw(st.integers(1, 1000))
    verified = draw(st.integers(1, calls))
    return Stratum(calls, verified, draw(st.integers(0, verified)))


@given(_strata(), _strata())
def test_bounds_hold_the_value_and_stay_within_zero_and_one(hit: Stratum, quiet: Stratum) -> None:
    found = recall(hit, quiet)
    if found is None:
        assert hit.positive == quiet.positive == 0
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """A thousand made-up months: 200 of 2000 calls hit, 170 of them truly, 60 true ones missed."""
    draw = np.random.default_rng(8)
    truth = 170 / 230
    covered = 0
    for _ in range(1000):
        right = int(draw.hypergeometric(170, 30, 60))
        missed = int(draw.hypergeometric(60, 1740, 300))
        found = recall(Stratum(200, 60, right), Stratum(1800, 300, missed))
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 920 <= covered <= 985
