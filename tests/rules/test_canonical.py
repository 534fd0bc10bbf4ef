"""A rulebook's fingerprint is the same in every process, or nothing could be resumed."""

from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.compiler.canonical import canonical


def test_the_digest_is_the_same_in_every_process() -> None:
    code = "from monitor import rules; print(rules.load(['unicom-10010']).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(values, values)
def test_equal_texts_mean_equal_values(one: object, other: object) -> None:
    if canonical(one) == canonical(other):
        assert one == other


@given(st.frozensets(st.text(max_size=3)))
def test_sets_are_written_in_one_order(some: frozenset[str]) -> None:
    assert canonical(some) == canonical(frozenset(sorted(some, reverse=True)))
