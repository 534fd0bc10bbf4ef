"""How late alerts are: from the phrase's last syllable to the alert in the sink.

    python benchmarks/latency.py [--asr NAME] [--call NAME]...

Plays bundled calls in real time and compares the wall time at which each
alert on spoken words reached a sink with the wall time at which the last
syllable of its words ended (`Alert.end_ms`, as the recogniser places it).
Alerts about something *not* said have no last syllable and are left out.
Prints one JSON line: `p50_ms`, `p95_ms`, `max_ms` over all alerts, and the
compute cost of each stage in milliseconds per second of call audio.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitor import engine, live
from monitor.audio import file as audio_file
from monitor.events import Alert, Event
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture


class Timed:
    """Stands in for an object and adds up the time spent in the named methods."""

    def __init__(self, inner: Any, stage: str, methods: Sequence[str], spent: dict[str, float]):
        self._inner = inner
        self._stage = stage
        self._methods = methods
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name not in self._methods:
            return value

        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return value(*args)
            finally:
                self._spent[self._stage] += time.perf_counter() - began

        return timed


def instrument(loaded: engine.Engine, spent: dict[str, float]) -> engine.Engine:
    """The same engine, with the time of each stage added up in `spent` (seconds)."""

    class Recognizer:
        name = loaded.recognizer.name

        def stream(self, party: Any) -> Any:
            return Timed(loaded.recognizer.stream(party), "asr", ("feed", "end_turn"), spent)

    class Vad:
        def stream(self, settings: Any = None) -> Any:
            return Timed(loaded.vad.stream(settings), "vad", ("feed",), spent)

    class Rulebook:
        def __getattr__(self, name: str) -> Any:
            return getattr(loaded.rulebook, name)

        def session(self, info: Any) -> Any:
            methods = ("start", "feed", "settle", "finish")
            return Timed(loaded.rulebook.session(info), "rules", methods, spent)

    recognizer: Any = Recognizer()
    rulebook: Any = Rulebook()
    vad: Any = Vad()
    return engine.Engine(recognizer, rulebook, vad)


def measure(loaded: engine.Engine, fixture: Fixture) -> tuple[list[float], float]:
    """Delay (ms) of every alert on spoken words in one call, and the call's length (s)."""
    delays: list[float] = []
    began = 0.0

    def sink(events: list[Event], _now_ms: int) -> None:
        now_ms = (time.monotonic() - began) * 1000
        delays.extend(
            now_ms - event.end_ms for event in events if isinstance(event, Alert) and event.quote
        )

    parties = audio_file.parties(fixture.audio, None)
    call = loaded.call(fixture.name, parties)
    chunks = list(audio_file.read_call(fixture.audio, parties, block_ms=20))
    began = time.monotonic()
    live.play(call, live.paced(chunks), [sink])
    return delays, max(c.start_ms + len(c.samples) / 16 for c in chunks) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asr")
    parser.add_argument("--call", action="append", help="bundled call (default: all with alerts)")
    args = parser.parse_args()
    spent: dict[str, float] = defaultdict(float)
    loaded = instrument(engine.load(args.asr), spent)
    chosen = [
        fixture
        for fixture in fixtures.load_all()
        if (fixture.name in args.call if args.call else fixture.alerts)
    ]
    delays: list[float] = []
    seconds = 0.0
    for fixture in chosen:
        more, length = measure(loaded, fixture)
        delays += more
        seconds += length
    print(
        json.dumps(
            {
                "benchmark": "latency",
                "model": loaded.recognizer.name,
                "calls": len(chosen),
                "alerts": len(delays),
                "p50_ms": round(float(np.percentile(delays, 50))) if delays else None,
                "p95_ms": round(float(np.percentile(delays, 95))) if delays else None,
                "max_ms": round(max(delays)) if delays else None,
                "audio_s": round(seconds, 1),
                **{f"{stage}_ms_per_s": round(1000 * s / seconds, 3) for stage, s in spent.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
