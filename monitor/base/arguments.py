"""Secrets on the command line: out of what other users of the machine see of it."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

_ARG_START, _ARG_END = 48, 49  # fields of /proc/self/stat, proc(5)
_AFTER_NAME = 3  # the first field after the name, which may hold anything


def hide(secret: str) -> bool:
    """Overwrite a secret in what `ps` shows of this process; False where that cannot be done.

    Linux shows the memory that the arguments lie in, which is the process's own to change.
    """
    if sys.platform != "linux" or not secret:
        return False
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[_ARG_START - _AFTER_NAME]), int(fields[_ARG_END - _AFTER_NAME])
        shown = Path("/proc/self/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return False
    wanted = secret.encode()
    at = shown.find(wanted)
    if at < 0 or end - start < len(shown):
        return False
    while at >= 0:
        ctypes.memset(start + at, ord("x"), len(wanted))
        at = shown.find(wanted, at + 1)
    return True
