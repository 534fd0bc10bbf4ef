"""The other calls of `benchmarks.panel`: recorded event logs, sent and watched as live calls are.

    python -m benchmarks.panel_load PLAN.json

A process of its own. For each token in the plan one connection sends the log
over and over at the pace it was recorded, through the same door as `monitor
listen --to`, and another follows that call as an agent's panel would. There is
no recogniser behind these calls: what the server and the network do is the
same, the sender's machine is spared.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Log = Sequence[tuple[int, Sequence[Mapping[str, Any]]]]
"""What a sink was given: call time (ms) and the events."""


def numbered(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The events that carry a number; partials do not."""
    return [event for event in events if event["event"] != "partial"]


async def play(socket: ClientConnection, log: Log, key: str) -> None:
    """One call, from its beginning to its end, in real time."""
    info = log[0][1][0]
    await say(socket, type="hello", protocol=1, key=key, info=info)
    began = time.monotonic()
    seq = told_ms = 0
    for now_ms, events in log:
        await asyncio.sleep(max(0.0, began + now_ms / 1000 - time.monotonic()))
        kept = numbered(events)
        if kept:
            await say(socket, type="events", seq=seq, now_ms=now_ms, events=kept)
            seq += len(kept)
        for event in events:
            if event["event"] == "partial":
                await say(socket, type="partial", partial=event)
        if now_ms - told_ms >= 1000:
            told_ms = now_ms
            await say(socket, type="tick", now_ms=now_ms)
    await say(socket, type="close", score=None)
    async for message in socket:
        if json.loads(message)["type"] == "closed":
            return


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message, ensure_ascii=False))


async def send_for_ever(url: str, token: str, log: Log, after_s: float) -> None:
    await asyncio.sleep(after_s)  # not all calls begin at once
    while True:
        async with door(f"{url}/ws/ingest", token) as socket:
            await play(socket, log, secrets.token_hex(8))


def door(url: str, token: str) -> connect:
    headers = {"Authorization": f"Bearer {token}"}
    return connect(url, additional_headers=headers, proxy=None, max_queue=None)


async def _drain(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


async def watch_for_ever(url: str, path: str, token: str) -> None:
    """A panel (or the wall) without a browser: takes what it is sent."""
    async with door(f"{url}{path}", token) as socket:
        await _drain(socket)


async def run(plan: Mapping[str, Any]) -> None:
    log: Log = json.loads(Path(plan["log"]).read_text("utf-8"))
    length_s = log[-1][0] / 1000
    tokens = plan["tokens"]
    async with asyncio.TaskGroup() as group:
        for number, token in enumerate(tokens):
            # Spread over a fraction of a call, so that the run can begin soon.
            after_s = number / len(tokens) * min(length_s, plan["within_s"])
            group.create_task(send_for_ever(plan["url"], token, log, after_s))
            group.create_task(watch_for_ever(plan["url"], "/ws/calls/current", token))
        group.create_task(watch_for_ever(plan["url"], "/ws/wall", plan["supervisor"]))
        print("ready", flush=True)


if __name__ == "__main__":
    asyncio.run(run(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
