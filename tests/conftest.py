"""What every test may need: where the shared material lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared recordings, weights and manuals; skips where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("the shared material is not here (set MONITOR_SHARED to its folder)")
    return _SHARED
