"""Where the recipe reads and writes; everything can be moved with an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
EMBEDDED = REPO / "models" / "embedded"
WHISPER_CTC = REPO / "models" / "whisper-ctc"
TEXT = HERE / "text"


def shared() -> Path:
    """Folder with `data/`, `models/` and `seeds/`; `MONITOR_SHARED` overrides `../shared`."""
    return Path(os.environ.get("MONITOR_SHARED", REPO.parent / "shared"))


def cache() -> Path:
    """Folder of the computed features (git-ignored); `MONITOR_TRAIN_CACHE` overrides."""
    return Path(os.environ.get("MONITOR_TRAIN_CACHE", HERE / ".cache"))


def checkpoints() -> Path:
    """Folder of checkpoints and logs (git-ignored); `MONITOR_TRAIN_CHECKPOINTS` overrides."""
    return Path(os.environ.get("MONITOR_TRAIN_CHECKPOINTS", HERE / ".checkpoints"))
