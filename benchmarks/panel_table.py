"""A large store for the calls table, and the pages that are timed."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from monitor.store import open_store
from monitor.testing.calls import AGENTS, Made
from monitor.testing.filling import fill

DAYS = 365
"""How far back the calls go."""

PAGES = {
    "newest": "/calls",
    "by score": "/calls?" + urlencode({"sort": "score"}),
    "page 1000": "/calls?" + urlencode({"page": "1000"}),
    "one agent": "/calls?" + urlencode({"agent": AGENTS[16]}),
    "fatal findings": "/calls?" + urlencode({"severity": "fatal"}),
    "said, by characters": "/calls?" + urlencode({"text": "查询一下"}),
    "said, by sound": "/calls?" + urlencode({"sound": "推定"}),
}


def generate(folder: Path, calls: int) -> None:
    """Fill the store in `folder` with so many made-up calls."""
    with open_store(folder) as store:
        fill(store, Made(calls=calls, days=DAYS))
