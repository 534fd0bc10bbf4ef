"""The zone that days, weeks and months are counted in: this machine's own."""

from __future__ import annotations

from datetime import tzinfo

from tzlocal import get_localzone


def local_zone() -> tzinfo:
    """The system's zone, with its summer time."""
    return get_localzone()
