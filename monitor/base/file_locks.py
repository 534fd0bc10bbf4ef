"""A lock on a file that the system lets go of when its process ends, however that happens."""

from __future__ import annotations

import sys
from typing import IO, Any


def hold(file: IO[Any]) -> bool:
    """Lock an open file for this process until it is closed; False when another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
