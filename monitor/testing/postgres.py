"""A PostgreSQL server of one's own, for tests: started in a folder, gone with it.

Needs PostgreSQL's programs (`apt-get install postgresql`); no server has to
run, nothing is configured, nobody else can reach it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USER = "postgres"
_PLACES = "/usr/lib/postgresql/*/bin/initdb"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `url` names one of its databases."""

    sockets: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_USER}@/{database}?host={self.sockets}"

    def create(self, database: str, template: str = "template1") -> None:
        """A new database, as a copy of `template`, which nobody may be using."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')


def missing() -> str | None:
    """What is not there of all that a server needs; None if nothing."""
    if _programs() is None:
        return "PostgreSQL"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "runuser"
    return None


@contextmanager
def server() -> Iterator[Server]:
    """A server that listens on a socket in a folder of its own.

    It keeps nothing safe from a power cut, and is the faster for it.

    Raises:
        subprocess.CalledProcessError: it cannot be started; its log goes to standard error.
    """
    programs = _programs()
    assert programs is not None, "ask missing() first"
    # Not the test's own folder: a socket's path may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, _USER)
        data, log = folder / "data", folder / "log"
        _run(programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        fast = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        options = f"-k {folder} -c listen_addresses= -c max_connections=200 {fast}"
        control = (programs / "pg_ctl", "-D", data, "-w")
        try:
            _run(*control, "-l", log, "-o", options, "start")
        except subprocess.CalledProcessError:
            print(log.read_text("utf-8", "replace") if log.exists() else "no log")
            raise
        try:
            yield Server(folder)
        finally:
            _run(*control, "-m", "immediate", "stop")


def _programs() -> Path | None:
    """The folder of the newest version's programs; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl") is not None:
        return Path(found).parent
    installed = sorted(Path("/").glob(_PLACES.lstrip("/")), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", _USER, "--", *words]
    # The server inherits what we give its starter: a pipe would stay open as long as it runs.
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
