"""A bounded number of cases for every parser, the same ones each time: only the errors that a
parser promises leave it. `scripts/fuzz` tries others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CASES = {
    "audio": 500,
    "metadata": 2_000,
    "call_json": 600,
    "events": 3_000,
    "packs": 60,
    "names": 3_000,
}
"""About a minute in all."""


@pytest.mark.parametrize("name", TARGETS)
def test_only_promised_errors_leave_a_parser(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    for number in range(CASES[name]):
        try:
            target(random.Random(f"{name}-{number}"), tmp_path)
        except BaseException as error:
            error.add_note(f"scripts/fuzz {name} --case {number}")
            raise
