"""Where the files that travel with the package lie: models, rule packs, demo calls.

An installed wheel carries them under `monitor/data`; a checkout (and an
editable install) has them beside the package.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def _find(name: str) -> Path:
    installed = _PACKAGE / "data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def models_dir() -> Path:
    """The folder that holds the recognisers shipped with the package."""
    return _find("models")


def rules_dir() -> Path:
    """The folder of the shipped rule packs."""
    return _find("rules")


def fixtures_dir() -> Path:
    """The folder of the bundled calls."""
    return _find("audio_fixtures")


def confusions_file() -> Path:
    """The counts of which syllable a recogniser heard for which."""
    return _find("benchmarks") / "confusions.json"
