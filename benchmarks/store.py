"""How fast the store is: saving calls, listing and searching many.

    python -m benchmarks.store [--store WHERE] [--calls 100000] [--turns 4]

Fills the store (a new one in a temporary folder unless `--store` names one)
with made-up calls up to `--calls`, then measures. Prints one JSON line per
measurement: wall and processor time of this process in milliseconds, the
median of `--repeat` runs, and how many calls were found.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import func, select

from monitor.events import Severity
from monitor.store import Store, open_store
from monitor.store.read import CallFilter, list_calls
from monitor.store.schema import Call
from monitor.store.write import save_call
from monitor.testing.calls import AGENTS, QUEUES, Made, made_calls
from monitor.testing.filling import fill

_LISTS: Mapping[str, dict[str, Any]] = {
    "newest": {},
    "page 1,000": {"offset": 49_950},
    "by score": {"sort": "score", "descending": False},
    "by alerts": {"sort": "alerts"},
    "one agent": {"which": CallFilter(agent=AGENTS[7])},
    "queue, score under 80": {"which": CallFilter(queue=QUEUES[0], score_max=80)},
    "fatal": {"which": CallFilter(fatal=True)},
    "grave": {"which": CallFilter(severity=Severity.MAJOR)},
    "rule": {"which": CallFilter(rule="etiquette-no-way")},
    "script missed": {"which": CallFilter(missed="goodbye")},
    "text 退订": {"which": CallFilter(text="退订")},
    "text 增值业务": {"which": CallFilter(text="增值业务")},
    "text 您 (every call)": {"which": CallFilter(text="您")},
    "text 没有的事": {"which": CallFilter(text="没有的事")},
    "sound 推定": {"which": CallFilter(sound="推定")},
    "sound 国际慢游": {"which": CallFilter(sound="国际慢游")},
    "sound nin hao": {"which": CallFilter(sound="nin hao")},
}


def measured(run: Callable[[], int], repeat: int) -> dict[str, Any]:
    """Median times of some runs; the first one, which warms caches, does not count."""
    run()
    wall, own = [], []
    for _ in range(repeat):
        began, busy = time.perf_counter(), time.process_time()
        found = run()
        wall.append(1_000 * (time.perf_counter() - began))
        own.append(1_000 * (time.process_time() - busy))
    return {
        "wall_ms": round(statistics.median(wall), 1),
        "cpu_ms": round(statistics.median(own), 1),
        "found": found,
    }


def _listed(store: Store, which: CallFilter | None = None, **order: Any) -> int:
    with store.reading() as session:
        return list_calls(session, which, **order).total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="folder, .db file or postgresql://… to fill and measure")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_store(given.store or folder) as store:
        with store.reading() as session:
            there = session.scalar(select(func.count()).select_from(Call)) or 0
        if there < given.calls:
            began = time.perf_counter()
            fill(store, Made(calls=given.calls - there, turns=given.turns, seed=there + 1))
            took = time.perf_counter() - began
            print(json.dumps({"what": "fill", "calls": given.calls - there, "s": round(took, 1)}))
        calls = iter(made_calls(Made(calls=1_000, turns=60, seed=0)))

        def save() -> int:
            with store.session() as session:
                save_call(session, next(calls), key=f"benchmark:{time.time_ns()}")
            return 1

        saved = {"what": "save a call of 60 turns", **measured(save, given.repeat)}
        print(json.dumps(saved, ensure_ascii=False), flush=True)
        for name, asked in _LISTS.items():
            times = measured(lambda asked=asked: _listed(store, **asked), given.repeat)
            print(json.dumps({"what": name, **times}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
