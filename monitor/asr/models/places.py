"""Where models lie on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

SEARCH_PATH = "MONITOR_MODELS"
"""Environment variable: folders that hold model folders, separated as in PATH."""


def search_path() -> Iterator[Path]:
    """Folders that may hold models, nearest first; the user's own comes last."""
    named = os.environ.get(SEARCH_PATH, "").split(os.pathsep)
    yield from dict.fromkeys([*(Path(place) for place in named if place), user_folder()])


def store() -> Path:
    """The folder that models are put in: the first of `MONITOR_MODELS`, or the user's own."""
    return next(search_path())


def user_folder() -> Path:
    """The per-user folder for models, by the custom of the operating system."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local")
    elif sys.platform == "darwin":
        base = home / "Library/Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return base / "callmonitor/models"
