"""The core has no clock, no thread and no socket, and imports point one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).parents[1] / "monitor"

_EDGES = {"live.py", "batch.py"}
_EDGE_ROOMS = {"cli", "screen", "testing", "uplink", "web"}
_WALL_CLOCK_OR_IO = {
    "time",
    "threading",
    "queue",
    "asyncio",
    "socket",
    "multiprocessing",
    "concurrent",
    "subprocess",
    "selectors",
    "signal",
}
# PortAudio calls back on a thread of its own: the capture room owns no thread but lives beside one.
# The one question about a GPU is put to the driver's own tool.
# The store has one lock per process, and live calls are written beside the call, not in it.
_MAY = {
    "audio/headset.py": {"threading", "time"},
    "models/machine.py": {"subprocess"},
    "store/lease.py": {"threading"},
    "store/live.py": {"queue", "threading", "time"},
}

_MODULES = sorted(_PACKAGE.rglob("*.py"))


def _is_edge(path: Path) -> bool:
    name = path.relative_to(_PACKAGE).as_posix()
    return name in _EDGES or name.split("/")[0] in _EDGE_ROOMS


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    "path",
    [path for path in _MODULES if not _is_edge(path)],
    ids=lambda p: str(p.relative_to(_PACKAGE)),
)
def test_only_the_edges_know_clocks_threads_and_processes(path: Path) -> None:
    name = path.relative_to(_PACKAGE).as_posix()
    used = {module.split(".")[0] for module in _imports(path)} & _WALL_CLOCK_OR_IO
    assert used <= _MAY.get(name, set())


@pytest.mark.parametrize(
    ("room", "may_not_import"),
    [
        ("events.py", {"monitor"}),
        ("vad.py", {"monitor.rules", "monitor.asr", "monitor.call.flow", "monitor.cli"}),
        ("asr", {"monitor.rules.engine", "monitor.call.flow", "monitor.cli", "monitor.cli.screen"}),
        (
            "audio",
            {
                "monitor.rules",
                "monitor.asr",
                "monitor.call.flow",
                "monitor.cli",
                "monitor.call.live",
            },
        ),
        ("models", {"monitor.rules", "monitor.asr", "monitor.call.flow", "monitor.cli"}),
        ("text", {"monitor.rules", "monitor.asr", "monitor.call.flow"}),
        (
            "rules",
            {
                "monitor.asr",
                "monitor.audio",
                "monitor.call.live",
                "monitor.cli",
                "monitor.audio.vad",
            },
        ),
        ("dynamics.py", {"monitor.rules", "monitor.asr", "monitor.audio", "monitor.call.flow"}),
        ("ahead.py", {"monitor.rules", "monitor.call.flow", "monitor.cli", "monitor.call.live"}),
        (
            "confirm.py",
            {"monitor.call.flow", "monitor.cli", "monitor.call.live", "monitor.call.batch"},
        ),
        (
            "uplink",
            {
                "monitor.web",
                "monitor.store",
                "monitor.cli",
                "monitor.call.flow",
                "monitor.call.live",
            },
        ),
        ("web", {"monitor.cli"}),
        (
            "call.py",
            {"monitor.cli", "monitor.call.live", "monitor.call.batch", "monitor.cli.screen"},
        ),
        (
            "store",
            {
                "monitor.cli",
                "monitor.web",
                "monitor.quality",
                "monitor.quality.review",
                "monitor.call.engine",
            },
        ),
        (
            "review",
            {
                "monitor.cli",
                "monitor.web",
                "monitor.call.live",
                "monitor.call.batch",
                "monitor.asr",
            },
        ),
    ],
)
def test_no_arrow_points_back(room: str, may_not_import: set[str]) -> None:
    place = _PACKAGE / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        for module in _imports(path):
            wrong = [ban for ban in may_not_import if module == ban or module.startswith(ban + ".")]
            assert not wrong, f"{path.relative_to(_PACKAGE)} imports {module}"
