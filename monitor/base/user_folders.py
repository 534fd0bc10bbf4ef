"""Where this system keeps what belongs to its user."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_data_path


def user_folder() -> Path:
    """Where this system keeps a user's data of this program."""
    return user_data_path("callmonitor", appauthor=False)
