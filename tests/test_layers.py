"""The core has no clock, no thread and no socket, and imports point one way: down."""

from __future__ import annotations

import ast
import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT / "monitor"

# The rooms, floor by floor; a room may import what lies on a lower floor, and nothing else.
# `events` is the ground that everything stands on.
_FLOORS = (
    ("events",),
    ("base",),
    ("audio", "language"),
    ("asr", "rules"),
    ("store",),
    ("call", "testing"),
    ("ingest",),
    ("quality",),
    ("web",),
    ("cli",),
    ("__main__",),
)
_FLOOR = {room: number for number, rooms in enumerate(_FLOORS) for room in rooms}

# Floors inside a room. What is not named (its `__init__` and single files) may see all of them.
_INSIDE = {
    "rules": ("language", "compiler", "engine", "tools"),
    "asr": ("models", "protocol", "token_writer", "ctc"),
    "language": ("normalise", "phrases"),
}
# Engines know nothing of each other.
_SIDE_BY_SIDE = {"asr": ("whisper", "sherpa", "whisper_ctc", "remote")}

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
_EDGE_ROOMS = {"cli", "testing", "web"}
# In the room of the call, files named `live…` have threads and queues, `batch.py` has processes,
# and the uplink has a connection. So it is in the room of calls that come in.
# PortAudio calls back on a thread of its own: the capture room owns no thread but lives beside one.
# The one question about a GPU is put to the driver's own tool. Packages come by pip; whoever
# waits for another process, or for a server to come back, waits by the clock.
# The store has one lock per process, and live calls are written beside the call, not in it.
_MAY = {
    "audio/headset.py": {"threading", "time"},
    "asr/models/machine.py": {"subprocess"},
    "asr/models/pull.py": {"time"},
    "asr/models/wheels.py": {"subprocess"},
    "asr/remote/client.py": {"time"},
    "base/orphans.py": {"multiprocessing", "threading"},  # processes end with their parent
    "quality/imports/trial.py": {"multiprocessing"},  # a suspect recording gets one of its own
    "store/lease.py": {"threading"},
    "store/live.py": {"queue", "threading", "time"},
}

_MODULES = sorted(_PACKAGE.rglob("*.py"))


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", _ROOT / "scripts" / "rooms.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_ROOMS = _script()


def _is_edge(path: Path) -> bool:
    parts = path.relative_to(_PACKAGE).parts
    if parts[0] == "call":
        return parts[1].startswith("live") or parts[1] in {"batch.py", "uplink"}
    if parts[0] == "ingest":
        return parts[1].startswith("live")
    return parts[0] in _EDGE_ROOMS


@pytest.mark.parametrize(
    "path",
    [path for path in _MODULES if not _is_edge(path)],
    ids=lambda p: str(p.relative_to(_PACKAGE)),
)
def test_only_the_edges_know_clocks_threads_and_processes(path: Path) -> None:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            used |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            used.add(node.module.split(".")[0])
    name = path.relative_to(_PACKAGE).as_posix()
    assert used & _WALL_CLOCK_OR_IO <= _MAY.get(name, set())


def _back_arrows(package: Path) -> list[str]:
    """Imports that do not lead to a lower floor, as `importer -> imported`."""
    known = _ROOMS.modules(package)
    found = []
    for name, path in known.items():
        for other in _ROOMS.imports(path, known):
            here, there = _ROOMS.room(name), _ROOMS.room(other)
            if not here or not there:
                continue
            wrong = _FLOOR[here] <= _FLOOR[there] if here != there else _wrong_inside(name, other)
            if wrong:
                found.append(f"{name} -> {other}")
    return found


def _wrong_inside(name: str, other: str) -> bool:
    room, *here = name.split(".")[1:]
    there = other.split(".")[2:]
    if not here or not there:
        return False
    floors = _INSIDE.get(room, ())
    beside = _SIDE_BY_SIDE.get(room, ())
    if here[0] in beside and there[0] in beside:
        return here[0] != there[0]
    if here[0] in floors and there[0] in floors:
        return floors.index(here[0]) < floors.index(there[0])
    return here[0] in floors and there[0] in beside


def _circles(package: Path) -> list[list[str]]:
    """Groups of modules that import each other when loaded (imports for types do not count)."""
    known = _ROOMS.modules(package)
    edges = {name: set(_at_load(path, known)) - {name} for name, path in known.items()}
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:  # Tarjan's strongly connected components
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in edges[name]:
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            group = []
            while (top := stack.pop()) != name:
                group.append(top)
            if group:
                groups.append([*group, name])

    for name in edges:
        if name not in number:
            visit(name)
    return groups


def _at_load(path: Path, known: dict[str, Path]) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found |= {full} if full in known else {node.module} & set(known)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & set(known)
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {_ROOMS.room(name) for name in _ROOMS.modules(_PACKAGE)} - {""}
    assert rooms == set(_FLOOR)


def test_no_more_than_a_dozen_rooms_and_no_loose_files() -> None:
    folders = [path for path in _PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert len(folders) <= 12
    loose = {path.name for path in _PACKAGE.glob("*.py")}
    assert loose == {"__init__.py", "__main__.py", "events.py"}


def test_every_import_leads_down() -> None:
    assert _back_arrows(_PACKAGE) == []


def test_nothing_goes_in_a_circle() -> None:
    assert _circles(_PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("asr/protocol.py", "from monitor.rules.engine import session"),
        ("asr/whisper/__init__.py", "import monitor.asr.sherpa"),
        ("rules/language/pack.py", "from monitor.rules.engine import session"),
        ("store/read.py", "from monitor.quality import scope"),
        ("quality/scope.py", "    from monitor.web import app"),
        ("base/errors.py", "from monitor.audio.file import read"),
        ("events.py", "from monitor.base.errors import UserError"),
    ],
)
def test_a_drawn_arrow_is_seen(file: str, line: str, tmp_path: Path) -> None:
    """The test of the test: each of these must not pass."""
    copy = tmp_path / "monitor"
    shutil.copytree(_PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "static", "*.mo"))
    before = set(_back_arrows(copy))
    text = (copy / file).read_text("utf-8")
    guarded = f"\ndef _late() -> None:\n{line}\n" if line.startswith(" ") else f"\n{line}\n"
    (copy / file).write_text(text + guarded, "utf-8")
    assert len(set(_back_arrows(copy)) - before) == 1


def test_a_circle_is_seen(tmp_path: Path) -> None:
    copy = tmp_path / "monitor"
    copy.mkdir()
    (copy / "__init__.py").write_text("", "utf-8")
    (copy / "a.py").write_text("from monitor import b\n", "utf-8")
    (copy / "b.py").write_text("from monitor.a import x\n", "utf-8")
    assert [sorted(group) for group in _circles(copy)] == [["monitor.a", "monitor.b"]]


def test_the_picture_of_the_rooms_is_current() -> None:
    assert _ROOMS.picture() in (_ROOT / "docs" / "architecture.md").read_text("utf-8")
