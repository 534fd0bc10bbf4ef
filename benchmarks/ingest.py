#!/usr/bin/env python3
"""How many calls that come in a core recognises: CPU seconds per second of a two-party call.

    python benchmarks/ingest.py [--calls 4] [--seconds 16] [--alone]

Real WebSocket clients send a bundled call (stereo, 8 kHz, as FreeSWITCH does) in packets of
20 ms as fast as they are taken, all at once; the CPU time of the whole process is counted, with
that of the clients. CPU time does not depend on what else the machine does; delay would, so it
is not measured here. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import soxr
from websockets.sync.client import connect

from monitor.audio import file as audio_file
from monitor.call import engine
from monitor.call.live_shared_acoustic import shared_acoustic
from monitor.events import Chunk, Event, Party, Token
from monitor.ingest.live_board import WORKERS, Board, Limits, Outgoing
from monitor.ingest.sources import Source, Sources
from monitor.rules.scorecard import Scorecard
from monitor.testing import fixtures
from monitor.web.telephony.server import bind, serving

PACKET = 640  # bytes of 20 ms, stereo, 8 kHz
NAME = "compliant"


class Counted:
    """An outlet that counts."""

    tokens = 0

    def __init__(self) -> None:
        self.over = threading.Event()

    def __call__(self, events: Sequence[Event], _now_ms: int) -> None:
        Counted.tokens += sum(isinstance(event, Token) for event in events)

    def record(self, _chunk: Chunk) -> None:
        """Not kept."""

    def finish(self, _card: Scorecard) -> list[str]:
        self.over.set()
        return []


def sound(seconds: float) -> bytes:
    parts: dict[Party, list[np.ndarray]] = {Party.CUSTOMER: [], Party.AGENT: []}
    for chunk in audio_file.read_call(fixtures.load(NAME).audio):
        parts[chunk.party].append(chunk.samples)
    sides = [soxr.resample(np.concatenate(blocks), 16_000, 8_000) for blocks in parts.values()]
    length = min(map(len, sides))
    once = np.stack([side[:length] for side in sides], 1)
    times = -(-int(seconds * 8_000) // length)
    both = np.tile(once, (times, 1))[: int(seconds * 8_000)]
    return np.round(both * 32_767).astype("<i2").tobytes()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=4)
    options.add_argument("--seconds", type=float, default=16.0)
    options.add_argument("--alone", action="store_true", help="each call's network by itself")
    given = options.parse_args()
    loaded = engine.load(live=True)
    data = sound(given.seconds)
    made: list[Counted] = []

    def outlet(_call: Outgoing) -> Counted:
        made.append(Counted())
        return made[-1]

    sources = Sources((Source(name="b", protocol="stream", mix="stereo", paced=False),))
    ports = bind("127.0.0.1", 0, sources)
    url = f"ws://127.0.0.1:{ports.common.getsockname()[1]}"
    board = Board(loaded, outlet, Limits(given.calls, workers=WORKERS))

    def send(number: int) -> None:
        with connect(url, proxy=None) as peer:
            peer.send(json.dumps({"call": f"c{number}"}))
            for at in range(0, len(data), PACKET):
                peer.send(data[at : at + PACKET])

    sharing = nullcontext() if given.alone else shared_acoustic(loaded.recognizer)
    with sharing as shared, serving(board, loaded, sources, ports):
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, cpu = time.monotonic(), time.process_time()
        senders = [threading.Thread(target=send, args=(n,)) for n in range(given.calls)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        while len(made) < given.calls or not all(one.over.wait(1) for one in made):
            time.sleep(0.05)
        cpu, wall = time.process_time() - cpu, time.monotonic() - began
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    ports.close()
    audio = given.calls * given.seconds
    print(
        json.dumps(
            {
                "benchmark": "ingest",
                "recogniser": loaded.recognizer.name,
                "call": NAME,
                "calls": given.calls,
                "seconds": given.seconds,
                "largest_batch": shared.largest if shared else 1,
                "tokens": Counted.tokens,
                "cpu_s": round(cpu, 2),
                "wall_s": round(wall, 2),
                "cpu_per_call_second": round(cpu / audio, 4),
                "calls_per_core": round(audio / cpu, 1),
                "peak_memory_per_call_mb": round(grown_kb / 1024 / given.calls, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
