"""Which unit follows which: a backoff n-gram over a model's units.

p(unit | history) is the listed one where the n-gram is listed, else the
history's backoff weight times p(unit | the history less its oldest unit)
(Katz 1987). The unigrams and bigrams are a full table, higher orders sparse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from monitor.base.errors import UserError
from monitor.base.i18n import tr

STEP = 1 / 16
"""Files hold -ln p in steps of this, as bytes: 0 … 15.9 nats."""

_KEPT_ROWS = 8192  # of 4 bytes per unit: 13 MB with 400 units, shared by all calls

Vector: TypeAlias = npt.NDArray[np.float32]
Bytes: TypeAlias = npt.NDArray[np.uint8]
Keys: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The n-grams of one order above two.

    A row of units is one number, its digits in the base of the number of
    units, the oldest first; numbers are sorted.

    Attributes:
        listed: the n-grams, shape [n-grams].
        cost: -ln p of each, in steps.
        histories: those that list n-grams of this order, shape [histories].
        backoff: -ln of the weight of the shorter history, in steps.
    """

    listed: Keys
    cost: Bytes
    histories: Keys
    backoff: Bytes


class Ngram:
    """Looks probabilities up. Immutable but for a cache, shared by streams.

    Args:
        pairs: -ln p of a unit after another in steps, shape [units, units]; the blank's
            row is that after the beginning of a stretch.
        higher: the orders from three on.
    """

    def __init__(self, pairs: Bytes, higher: tuple[Order, ...] = ()) -> None:
        self.order = 2 + len(higher)
        self._pairs = pairs.astype(np.float32) * np.float32(-STEP)
        self._higher = higher
        self.after = lru_cache(maxsize=_KEPT_ROWS)(self._after)
        """`after(history)`: log-probability of every unit, shape [units].

        The history is the last `order` - 1 units, the oldest first, or fewer where the
        stretch is younger: then it begins with the blank's number.
        """

    def _after(self, history: tuple[int, ...]) -> Vector:
        if len(history) == 1:
            row: Vector = self._pairs[history[0]]
            return row
        shorter: Vector = self.after(history[1:])
        order = self._higher[len(history) - 2]
        base = len(self._pairs)
        key = 0
        for unit in history:
            key = key * base + unit
        at = int(np.searchsorted(order.histories, key))
        if at == len(order.histories) or order.histories[at] != key:
            return shorter
        row = shorter - np.float32(STEP) * order.backoff[at]
        first, last = np.searchsorted(order.listed, (key * base, (key + 1) * base))
        row[order.listed[first:last] % base] = order.cost[first:last] * np.float32(-STEP)
        return row


def write(file: Path, pairs: Bytes, higher: tuple[Order, ...]) -> None:
    """Store a grammar: sorted numbers as their gaps, which compress well."""
    arrays: dict[str, npt.NDArray[np.generic]] = {"pairs": pairs}
    for number, order in enumerate(higher, start=3):
        arrays[f"listed{number}"] = np.diff(order.listed, prepend=0).astype(np.uint64)
        arrays[f"cost{number}"] = order.cost
        arrays[f"histories{number}"] = np.diff(order.histories, prepend=0).astype(np.uint64)
        arrays[f"backoff{number}"] = order.backoff
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stub mistakes names for allow_pickle


def read(file: Path, units: int) -> Ngram:
    """A grammar of so many units.

    Raises:
        UserError: the file is no grammar, or one of another number of units.
    """
    try:
        with file.open("rb") as content:
            arrays = np.load(content, allow_pickle=False)
            if not isinstance(arrays, Mapping):
                raise ValueError(arrays.shape)
            return _of(arrays, units)
    except (ValueError, OSError, EOFError, KeyError, BadZipFile) as error:
        raise UserError(
            tr(
                f"{file}：不是 {units} 个单元的 n-gram"
                "（用 python -m models.training.ngram 重新生成）",
                f"{file}: not an n-gram of {units} units "
                "(make it again with python -m models.training.ngram)",
            )
        ) from error


def _of(arrays: Mapping[str, npt.NDArray[np.generic]], units: int) -> Ngram:
    pairs = arrays["pairs"]
    if pairs.shape != (units, units) or pairs.dtype != np.uint8:
        raise ValueError(pairs.shape)
    higher = []
    for number in range(3, 3 + (len(arrays) - 1) // 4):
        listed, histories = (
            np.cumsum(arrays[f"{name}{number}"], dtype=np.int64) for name in ("listed", "histories")
        )
        cost, backoff = (arrays[f"{name}{number}"] for name in ("cost", "backoff"))
        if len(listed) != len(cost) or len(histories) != len(backoff):
            raise ValueError(number)
        higher.append(Order(listed, cost.astype(np.uint8), histories, backoff.astype(np.uint8)))
    return Ngram(pairs.astype(np.uint8), tuple(higher))
