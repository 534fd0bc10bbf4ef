"""Which weights of the decoder are kept."""

from __future__ import annotations

from models.training import tune


def _tried(ser: float, missing: float) -> dict[str, float]:
    return {"ser": ser, "del": missing}


def test_of_those_that_err_alike_the_one_that_leaves_out_least() -> None:
    best, same, worse = _tried(0.3, 0.06), _tried(0.3015, 0.04), _tried(0.31, 0.01)
    assert tune.choose([best, same, worse]) is same


def test_clearly_fewer_errors_win() -> None:
    best, worse = _tried(0.3, 0.06), _tried(0.303, 0.01)
    assert tune.choose([worse, best]) is best
