"""What is only its owner's: files and folders that nobody else on the machine may read.

Whatever the umask says. Windows gives a user's own folders to that user alone as it is.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE = 0o600
FOLDER = 0o700


def make_folder(folder: Path) -> None:
    """A folder and those above it that are missing; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    at = folder
    while not at.exists() and at != at.parent:
        missing.append(at)
        at = at.parent
    for path in reversed(missing):
        path.mkdir(mode=FOLDER, exist_ok=True)
    folder.mkdir(mode=FOLDER, exist_ok=True)


def make_file(file: Path) -> None:
    """An empty file, or one that is there, closed to others where it is ours.

    Raises:
        OSError: it cannot be made.
    """
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE))
    except FileExistsError:
        close(file)


def close(file: Path) -> None:
    """Take away what others may do with a file, where it is ours."""
    try:
        status = file.stat()
        if status.st_mode & 0o077 and (not hasattr(os, "getuid") or status.st_uid == os.getuid()):
            file.chmod(status.st_mode & 0o700)
    except OSError:
        pass  # somebody else's, or gone: theirs to say who reads it
