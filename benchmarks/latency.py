"""How late alerts are: from the phrase's last syllable to the alert in the sink.

    python -m benchmarks.latency [--asr NAME] [--call NAME]...

Plays bundled calls in real time and compares the wall time at which each
expected alert reached a sink with the wall time at which the words it is about
ended, by the call's description (exact: the calls are synthesised). An alert
may come before the last syllable has been spoken, when what was said already
leaves no doubt. Prints one JSON line: `p50_ms`, `p95_ms`, `max_ms` over all alerts, and the
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

from monitor.audio import file as audio_file
from monitor.call import engine, live
from monitor.call import flow as call_flow
from monitor.events import Alert, Event
from monitor.rules.engine.session import RuleSession
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

    def session(*args: Any) -> Any:
        return Timed(RuleSession(*args), "rules", ("start", "feed", "settle", "finish"), spent)

    flow: Any = call_flow
    flow.RuleSession = session
    recognizer: Any = Recognizer()
    vad: Any = Vad()
    return engine.Engine(recognizer, loaded.rulebook, vad)


def measure(loaded: engine.Engine, fixture: Fixture) -> tuple[list[float], int]:
    """Delay (ms) of every expected alert that was raised in one call, and how many were not."""
    raised: dict[str, float] = {}
    began = 0.0

    def sink(events: Sequence[Event], _now_ms: int) -> None:
        now_ms = (time.monotonic() - began) * 1000
        for event in events:
            if isinstance(event, Alert):
                raised.setdefault(event.rule, now_ms)

    parties = audio_file.parties(fixture.audio, None)
    call = loaded.call(fixture.name, parties)
    chunks = list(audio_file.read_call(fixture.audio, parties, block_ms=20))
    began = time.monotonic()
    live.play(call, live.paced(chunks), [sink])
    delays = [raised[a.rule] - a.end_ms for a in fixture.alerts if a.rule in raised]
    return delays, len(fixture.alerts) - len(delays)


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
    missed = 0
    for fixture in chosen:
        more, lost = measure(loaded, fixture)
        delays += more
        missed += lost
    seconds = sum(fixture.duration_ms for fixture in chosen) / 1000
    print(
        json.dumps(
            {
                "benchmark": "latency",
                "model": loaded.recognizer.name,
                "calls": len(chosen),
                "alerts": len(delays),
                "missed": missed,
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
