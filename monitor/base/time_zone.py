"""The zone that days, weeks and months are counted in: this machine's own."""

from __future__ import annotations

import os
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

_SYSTEM = Path("/etc/localtime")


def local_zone() -> tzinfo:
    """The system's zone with its summer time where its name is known, else its present offset."""
    target = str(_SYSTEM.resolve()) if _SYSTEM.is_symlink() else ""
    for name in (os.environ.get("TZ", "").lstrip(":"), target.rpartition("zoneinfo/")[2]):
        if name:
            try:
                return ZoneInfo(name)
            except (ValueError, OSError):  # unknown to the time-zone data, or no name at all
                continue
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    return zone
