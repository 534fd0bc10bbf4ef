"""Where models lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from monitor.base.user_folders import user_folder

SEARCH_PATH = "MONITOR_MODELS"
"""Environment variable: folders that hold model folders, separated as in PATH."""


def search_path() -> Iterator[Path]:
    """Folders that may hold models, nearest first; the user's own comes last."""
    named = os.environ.get(SEARCH_PATH, "").split(os.pathsep)
    yield from dict.fromkeys([*(Path(place) for place in named if place), user_folder() / "models"])


def store() -> Path:
    """The folder that models are put in: the first of `MONITOR_MODELS`, or the user's own."""
    return next(search_path())
