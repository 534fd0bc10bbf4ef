"""The arithmetic of the audit trail's chain: each row carries the digest of all before it.

A row that was changed, taken out or slipped in by other means than `monitor.store.audit`
no longer fits the digest of the next one. The store keeps the last digest and the number of
rows beside the trail, so that rows cut off at the end show, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

FIELDS = ("at", "user_id", "actor", "action", "object", "detail")
"""The columns of a row that its digest covers."""

HEAD, COUNT = "audit.head", "audit.count"
"""Names of the store's facts: the last digest, and how many rows there are."""


def link(before: str, row: Mapping[str, Any]) -> str:
    """The digest (SHA-256, hex) of a row that follows one of the digest `before`; "" begins."""
    said = {name: row[name] for name in FIELDS}
    at = said["at"]
    assert isinstance(at, datetime)
    zoned = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    said["at"] = zoned.isoformat(timespec="microseconds")
    text = json.dumps([before, said], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
