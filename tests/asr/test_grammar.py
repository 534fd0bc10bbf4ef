"""The n-gram of units: what it says, and that it is stored as it was."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from monitor.asr.ctc import ngram
from monitor.asr.ctc.decode import CtcDecoder, DecodingSettings
from monitor.asr.ctc.ngram import Ngram, Order
from monitor.base.errors import UserError

BASE = 4
PAIRS = np.arange(16, dtype=np.uint8).reshape(4, 4) * 2


def _order(rows: dict[tuple[int, ...], int], backoff: dict[tuple[int, ...], int]) -> Order:
    def number(units: tuple[int, ...]) -> int:
        return sum(unit * BASE**place for place, unit in enumerate(reversed(units)))

    def told(table: dict[tuple[int, ...], int]) -> tuple[np.ndarray, np.ndarray]:
        keys = sorted(table, key=number)
        values = [table[key] for key in keys]
        return np.array([number(key) for key in keys], np.int64), np.array(values, np.uint8)

    return Order(*told(rows), *told(backoff))


THREE = _order({(0, 1, 2): 5, (1, 2, 3): 7, (1, 2, 1): 9}, {(0, 1): 16, (1, 2): 32})
FOUR = _order({(0, 1, 2, 3): 1}, {(0, 1, 2): 8})


def _costs(built: Ngram, *history: int) -> list[float]:
    return [float(-16 * chance) for chance in built.after(history)]


def test_what_is_listed_counts_and_the_rest_backs_off() -> None:
    built = Ngram(PAIRS, (THREE, FOUR))
    assert built.order == 4
    assert _costs(built, 2) == [16, 18, 20, 22]
    assert _costs(built, 1, 2) == [16 + 32, 9, 20 + 32, 7]
    assert _costs(built, 2, 2) == [16, 18, 20, 22]  # a history nothing is listed for
    assert _costs(built, 0, 1, 2) == [48 + 8, 9 + 8, 52 + 8, 1]
    assert _costs(built, 1, 1, 2) == _costs(built, 1, 2)


def test_a_file_holds_it_whole(tmp_path: Path) -> None:
    ngram.write(tmp_path / "ngram.npz", PAIRS, (THREE, FOUR))
    again = ngram.read(tmp_path / "ngram.npz", BASE)
    for history in ((2,), (1, 2), (2, 2), (0, 1, 2), (3, 1, 2)):
        assert _costs(again, *history) == _costs(Ngram(PAIRS, (THREE, FOUR)), *history)


_TABLE = io.BytesIO()
np.save(_TABLE, PAIRS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"{}", _TABLE.getvalue()])
def test_what_is_no_ngram_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ngram.npz"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"ngram\.npz"):
        ngram.read(file, BASE)


def test_one_of_other_units_is_refused(tmp_path: Path) -> None:
    ngram.write(tmp_path / "ngram.npz", PAIRS, (THREE,))
    with pytest.raises(UserError, match="5"):
        ngram.read(tmp_path / "ngram.npz", 5)


def test_the_decoder_remembers_what_it_has_returned() -> None:
    """Units decided long ago are still the history of the next one."""
    pairs = np.full((BASE, BASE), 22, np.uint8)
    three = _order(
        {(1, 2, 3): 1, (1, 2, 1): 80, (2, 2, 3): 80, (2, 2, 1): 1}, {(1, 2): 22, (2, 2): 22}
    )
    settings = DecodingSettings(lm_weight=1.0)
    silence = np.log(np.array([[0.97, 0.01, 0.01, 0.01]] * 30))
    open_question = np.log(np.array([[0.02, 0.49, 0.0001, 0.4899]]))
    for first, expected in ((1, 3), (2, 1)):
        decoder = CtcDecoder(0, settings, Ngram(pairs, (three,)))
        rows = [_sure(first), silence, _sure(2), silence, open_question]
        heard = [unit.index for part in rows for unit in decoder.feed(part.astype(np.float32))]
        assert heard == [first, 2]  # all that came before was returned
        assert [unit.index for unit in decoder.finish()] == [expected]


def _sure(unit: int) -> np.ndarray:
    row = np.full((1, BASE), 0.01)
    row[0, unit] = 0.97
    return np.log(row)
