"""`monitor serve` in a process of its own over a fresh store, for benchmarks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitor.store import open_store
from monitor.web import users
from monitor.web.passwords import Passwords
from monitor.web.roles import Role

PASSWORD = "seven calls a day"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
START_S = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A running server; `tokens`: sign-in name → API token."""

    url: str
    folder: Path
    tokens: Mapping[str, str]


def people(calls: int) -> dict[str, Role]:
    """The agent whose panel is looked at, those of the other calls, and two who look on."""
    agents = {f"agent-{number}": Role.AGENT for number in range(calls - 1)}
    return {"measured": Role.AGENT, "supervisor": Role.SUPERVISOR, "qa": Role.QA, **agents}


@contextmanager
def serving(folder: Path, roles: Mapping[str, Role]) -> Iterator[Served]:
    """Make the users, start the server, and stop it at the end of the block."""
    passwords = Passwords()
    tokens = {}
    hashed = passwords.hash(PASSWORD)
    with open_store(folder) as store, store.session() as session:
        for name, role in roles.items():
            user = users.add_hashed(session, name, role, hashed)
            tokens[name] = users.new_token(session, user, "benchmark")[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "monitor",
        "serve",
        "--store",
        str(folder),
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ)) as process:
        try:
            _wait(port, process)
            yield Served(f"http://127.0.0.1:{port}", folder, tokens)
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.1)
