"""CTC decoding: frames in, units out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.asr.ctc.decode import CtcDecoder, DecodingSettings, Unit
from monitor.asr.ctc.ngram import Ngram


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
    decoder = CtcDecoder(0)
    assert _spans(decoder.feed(_posteriors(best)) + decoder.finish()) == expected


@given(best=st.lists(st.integers(0, 3), max_size=40), step=st.integers(1, 40))
def test_cutting_changes_nothing_and_settled_is_kept(best: list[int], step: int) -> None:
    whole = CtcDecoder(0)
    expected = _spans(whole.feed(_posteriors(best)) + whole.finish())
    decoder, got, settled = CtcDecoder(0), [], 0
    for at in range(0, len(best), step):
        new = _spans(decoder.feed(_posteriors(best[at : at + step])))
        assert all(first >= settled for _, first, _ in new)
        got += new
        assert decoder.settled >= settled
        settled = decoder.settled
    assert got + _spans(decoder.finish()) == expected


def test_the_surest_frame_gives_the_probability() -> None:
    rows = np.concatenate([_posteriors([1], 0.5), _posteriors([1], 0.8), _posteriors([1], 0.6)])
    decoder = CtcDecoder(0)
    (unit,) = decoder.feed(np.concatenate([rows, _posteriors([0])])) + decoder.finish()
    assert unit.peak == 1
    assert np.exp(unit.row[unit.index]) == pytest.approx(0.8, abs=1e-5)


def test_a_penalty_on_the_blank_uncovers_a_weak_unit() -> None:
    rows = np.log(np.array([[0.5, 0.4, 0.05, 0.05]], dtype=np.float32))
    plain, eager = CtcDecoder(0), CtcDecoder(0, DecodingSettings(blank_penalty=0.5))
    assert plain.feed(rows) + plain.finish() == []
    (unit,) = eager.feed(rows) + eager.finish()
    assert unit.index == 1
    assert np.exp(unit.row[unit.index]) == pytest.approx(0.4, abs=1e-5)  # the network's own, unbent


def test_units_are_decided_within_the_patience() -> None:
    """Two readings stay about as likely for ever; the wait for a decision ends all the same."""
    settings = DecodingSettings(patience=5)
    decoder = CtcDecoder(0, settings)
    rows = np.log(np.array([[0.1, 0.46, 0.43, 0.01], *[[0.97, 0.01, 0.01, 0.01]] * 9], np.float32))
    counts = [len(decoder.feed(row[None])) for row in rows]
    assert counts.index(1) == settings.patience
    assert decoder.settled >= len(rows) - settings.patience


def test_a_clear_unit_is_decided_at_once() -> None:
    decoder = CtcDecoder(0)
    rows = np.concatenate([_posteriors([1], 0.95), _posteriors([0, 0], 0.99)])
    assert [len(decoder.feed(row[None])) for row in rows] == [0, 1, 0]


def test_the_grammar_settles_what_sounds_alike() -> None:
    rows = np.log(
        np.array([[0.02, 0.94, 0.02, 0.02], [0.97, 0.01, 0.01, 0.01], [0.02, 0.02, 0.45, 0.51]])
    ).astype(np.float32)
    grammar = Ngram(np.array([[22] * 4, [48, 48, 3, 48], [22] * 4, [22] * 4], np.uint8))
    plain = CtcDecoder(0)
    assert [unit.index for unit in plain.feed(rows) + plain.finish()] == [1, 3]
    helped = CtcDecoder(0, DecodingSettings(lm_weight=0.5), grammar)
    assert [unit.index for unit in helped.feed(rows) + helped.finish()] == [1, 2]


def _spelt(path: tuple[int, ...]) -> tuple[int, ...]:
    """What a path of frames spells."""
    return tuple(u for at, u in enumerate(path) if u and (at == 0 or path[at - 1] != u))


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_a_wide_search_finds_the_likeliest_row_of_units(seed: int, length: int) -> None:
    """Against the definition: the sum over all paths, counted out."""
    chances = np.random.default_rng(seed).dirichlet([0.5] * 4, size=length)
    totals: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(4), repeat=length):
        chance = float(np.prod([chances[at, unit] for at, unit in enumerate(path)]))
        totals[_spelt(path)] = totals.get(_spelt(path), 0.0) + chance
    wide = DecodingSettings(
        beam=500, beam_threshold=99, sure=99, patience=99, least=-99, candidates=9
    )
    decoder = CtcDecoder(0, wide)
    units = decoder.feed(np.log(chances + 1e-12).astype(np.float32)) + decoder.finish()
    found = totals[tuple(unit.index for unit in units)]
    assert found == pytest.approx(max(totals.values()), rel=1e-3)


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_any_posteriors_give_ordered_units_inside_the_frames(seed: int, length: int) -> None:
    chances = np.random.default_rng(seed).dirichlet([0.3] * 4, size=length)
    decoder, units, settled = CtcDecoder(0), [], 0
    for row in np.log(chances + 1e-12).astype(np.float32):
        new = decoder.feed(row[None])
        assert all(unit.first >= settled for unit in new)
        assert decoder.settled >= settled
        settled = decoder.settled
        units += new
    units += decoder.finish()
    edges = [edge for unit in units for edge in (unit.first, unit.last + 0.5)]
    assert edges == sorted(edges)
    assert not edges or (edges[0] >= 0 and edges[-1] < length)
