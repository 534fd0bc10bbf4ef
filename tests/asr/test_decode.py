"""Greedy CTC decoding as a table: frames in, units out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.decode import GreedyDecoder, Unit


def _posteriors(best: list[int], sure: float = 0.9) -> np.ndarray:
    rows = np.full((len(best), 4), (1 - sure) / 3, dtype=np.float32)
    rows[np.arange(len(best)), best] = sure
    return np.log(rows)


def _spans(units: list[Unit]) -> list[tuple[int, int, int]]:
    return [(unit.index, unit.first, unit.last) for unit in units]


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        ([], []),
        ([0, 0, 0], []),
        ([1], [(1, 0, 0)]),
        ([0, 1, 1, 0, 0, 2], [(1, 1, 2), (2, 5, 5)]),
        ([1, 1, 2, 2], [(1, 0, 1), (2, 2, 3)]),
        ([1, 0, 1], [(1, 0, 0), (1, 2, 2)]),
    ],
)
def test_units(best: list[int], expected: list[tuple[int, int, int]]) -> None:
    decoder = GreedyDecoder(blank=0)
    assert _spans(decoder.feed(_posteriors(best)) + decoder.finish()) == expected


@given(best=st.lists(st.integers(0, 3), max_size=40), step=st.integers(1, 40))
def test_cutting_changes_nothing_and_settled_is_kept(best: list[int], step: int) -> None:
    whole = GreedyDecoder(blank=0)
    expected = _spans(whole.feed(_posteriors(best)) + whole.finish())
    decoder, got, settled = GreedyDecoder(blank=0), [], 0
    for at in range(0, len(best), step):
        new = _spans(decoder.feed(_posteriors(best[at : at + step])))
        assert all(first >= settled for _, first, _ in new)
        got += new
        assert decoder.settled >= settled
        settled = decoder.settled
    assert got + _spans(decoder.finish()) == expected


def test_the_surest_frame_gives_the_probability() -> None:
    rows = np.concatenate([_posteriors([1], 0.5), _posteriors([1], 0.8), _posteriors([1], 0.6)])
    (unit,) = GreedyDecoder(blank=0).feed(np.concatenate([rows, _posteriors([0])]))
    assert unit.peak == 1
    assert unit.probability == pytest.approx(0.8, abs=1e-5)


def test_a_penalty_on_the_blank_uncovers_a_weak_unit() -> None:
    rows = np.log(np.array([[0.5, 0.4, 0.05, 0.05]], dtype=np.float32))
    plain, eager = GreedyDecoder(blank=0), GreedyDecoder(blank=0, blank_penalty=0.5)
    assert plain.feed(rows) + plain.finish() == []
    (unit,) = eager.feed(rows) + eager.finish()
    assert unit.index == 1
    assert unit.probability == pytest.approx(0.4, abs=1e-5)  # the network's own, unbent
