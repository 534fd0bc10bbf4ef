"""What every test may need: the shared material, a sound card made of software."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from monitor.testing import pulse
from monitor.testing.pulse import VirtualCard

# In CI the properties are tried on the same examples each time: what lands is judged by the
# change, not by luck. Everywhere else new examples are drawn.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

_SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared recordings, weights and manuals; skips where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("the shared material is not here (set MONITOR_SHARED to its folder)")
    return _SHARED


@pytest.fixture(scope="session")
def card() -> Iterator[VirtualCard]:
    """A running virtual sound card; skips where its programs are missing."""
    lacking = pulse.missing()
    if lacking:
        pytest.skip(f"{lacking} is not installed")
    pytest.importorskip("sounddevice", exc_type=OSError, reason="PortAudio is not installed")
    with pulse.virtual_card() as card:
        yield card
