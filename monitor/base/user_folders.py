"""Where a user's own data lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def user_folder() -> Path:
    """Where this system keeps a user's data of this program."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "callmonitor"
