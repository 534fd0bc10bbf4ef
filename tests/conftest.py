"""What every test may need: the shared material, a sound card made of software."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import settings

from monitor.call import engine
from monitor.store import open_store
from monitor.testing import postgres, pulse
from monitor.testing.pulse import VirtualCard

if TYPE_CHECKING:
    from monitor.call.engine import Engine
    from monitor.store import Store

# In CI the properties are tried on the same examples each time: what lands is judged by the
# change, not by luck. Everywhere else new examples are drawn.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# The same alerts with and without the weights of a second recogniser; tests about it ask for it.
os.environ["MONITOR_CONFIRM"] = "none"

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


@pytest.fixture(scope="session")
def embedded() -> Engine:
    """The default engine: what a fresh install runs. Loaded once, shared by all tests."""
    return engine.load()


_DATABASES = os.environ.get("MONITOR_TEST_DATABASES", "sqlite,postgresql").split(",")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A real PostgreSQL server; skips where its programs are missing."""
    lacking = postgres.missing()
    if lacking:
        pytest.skip(f"{lacking} is not installed")
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="session")
def empty_databases() -> dict[str, str]:
    """The empty store of each kind that was needed so far: copying one is fast."""
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, empty_databases: dict[str, str]
) -> str:
    """Where a new, empty store lies, once in each database: a test that asks runs on both.

    `MONITOR_TEST_DATABASES=sqlite` leaves PostgreSQL out.
    """
    kind: str = request.param
    if kind not in _DATABASES:
        pytest.skip(f"{kind} is not among MONITOR_TEST_DATABASES")
    if kind == "sqlite":
        where = tmp_path / "store"
        if kind not in empty_databases:
            template = request.getfixturevalue("tmp_path_factory").mktemp("empty")
            open_store(template).close()
            empty_databases[kind] = str(template)
        shutil.copytree(empty_databases[kind], where)
        return str(where)
    server: postgres.Server = request.getfixturevalue("postgresql")
    if kind not in empty_databases:
        server.create("empty")
        open_store(server.url("empty"), audio=tmp_path / "unused").close()
        empty_databases[kind] = "empty"
    name = f"store_{uuid4().hex}"
    server.create(name, template="empty")
    return server.url(name)


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    """A new, empty store, once in each database."""
    with open_store(store_url, audio=tmp_path / "audio") as opened:
        yield opened


@pytest.fixture(scope="session")
def sherpa_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `MONITOR_MODELS`: the embedded network dressed for the real sherpa-onnx.

    `sherpa/tiny-test` (CTC), `tiny-transducer` and `tiny-paraformer` stream, `tiny-offline` hears
    whole utterances. Skips where sherpa-onnx is not installed.
    """
    pytest.importorskip("onnx", reason="the models are put together with onnx")
    pytest.importorskip("sherpa_onnx", reason="sherpa-onnx is not installed")
    root = Path(__file__).parents[1]
    if str(root) not in sys.path:
        sys.path.append(str(root))  # the recipe is not part of the installed package
    from models.training import sherpa

    place = tmp_path_factory.mktemp("models")
    names = ("tiny-test", "tiny-transducer", "tiny-offline", "tiny-paraformer")
    for name, kind in zip(names, sherpa.KINDS, strict=True):
        sherpa.build(root / "models" / "embedded", kind, place / "sherpa" / name)
    return place
