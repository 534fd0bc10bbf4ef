"""How late a card is in the agent's browser, and how fast the calls table of a large store is.

    python -m benchmarks.panel live [--calls N]... [--rounds R] [--probes P]
    python -m benchmarks.panel table [--calls N]

`live` starts `monitor serve` on an empty store and N calls at once, and opens
the panel of one of them in Chromium. Prints one JSON line per N:

`syllable_to_card_ms`
    from the end of a phrase (by the bundled call's description) to its card
    painted: a bundled call in real time through recogniser, rules, `listen
    --to`'s sender, server and browser.
`alert_to_card_ms`
    the part of it behind the rules: from the alert in the sink to its card
    painted. Many more alerts are measured so, sent by hand.

The other N - 1 calls are recorded event logs played in time, each with a
watcher as a panel has it, and one more for the wall (benchmarks/panel_load.py).
A card counts as painted when the frame it was put into has been produced.

`table` generates N calls (100,000) with utterances, findings and scorecards,
and asks for pages of the calls table as QA staff do: `server_ms` until the
whole answer is there, `browser_ms` from the request to the page laid out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import panel_table
from benchmarks.panel_site import CHROMIUM, PASSWORD, Served, people, serving
from monitor.audio import file as audio_file
from monitor.call import engine, live
from monitor.call.uplink.sender import Uplink
from monitor.events import Alert, CallEnd, CallInfo, Event, Party, Severity, to_json
from monitor.testing import fixtures

MEASURED = "forbidden-phrases"
BACKGROUND = "demo"

# When a card is first seen in the document, wait for the frame that shows it: a task that is
# posted from within the frame's own callback runs once that frame has been produced.
_NOTE_PAINTS = """
window.painted = {};
new MutationObserver(() => {
  for (const card of document.querySelectorAll(".alert-card[data-alert]")) {
    const id = card.dataset.alert;
    if (id in window.painted) continue;
    window.painted[id] = null;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        window.painted[id] = performance.timeOrigin + performance.now();
      };
      port2.postMessage(0);
    });
  }
}).observe(document, { childList: true, subtree: true });
"""


def spread(values: Sequence[float]) -> dict[str, float | int]:
    """p50, p95 and the greatest of some times (ms)."""
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "p50": round(float(np.percentile(values, 50)), 1),
        "p95": round(float(np.percentile(values, 95)), 1),
        "max": round(max(values), 1),
    }


def recorded(loaded: engine.Engine, name: str) -> list[tuple[int, list[Any]]]:
    """What a sink is given of a bundled call: call time and events as JSON data."""
    fixture = fixtures.load(name)
    parties = audio_file.parties(fixture.audio, None)
    log: list[tuple[int, list[Any]]] = []

    def sink(events: Sequence[Event], now_ms: int) -> None:
        if events:
            log.append((now_ms, [json.loads(to_json(event)) for event in events]))

    call = loaded.call(fixture.audio.name, parties)
    live.play(call, audio_file.read_call(fixture.audio, parties), [sink])
    return log


class Watch:
    """When alerts were raised (epoch ms), and what sends them on."""

    def __init__(self, uplink: Uplink) -> None:
        self.raised: dict[str, tuple[Alert, float]] = {}
        self._uplink = uplink

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        now = time.time() * 1000
        for event in events:
            if isinstance(event, Alert):
                self.raised.setdefault(event.id, (event, now))
        self._uplink(events, now_ms)


def play_measured(loaded: engine.Engine, served: Served, page: Any) -> tuple[list[float], Any]:
    """A bundled call in real time: delays from the ends of its phrases, and from its alerts."""
    fixture = fixtures.load(MEASURED)
    parties = audio_file.parties(fixture.audio, None)
    chunks = list(audio_file.read_call(fixture.audio, parties, block_ms=20))
    uplink = Uplink(served.url, served.tokens["measured"], served.folder / "spool")
    watch = Watch(uplink)
    began = time.time() * 1000

    def run() -> None:
        nonlocal began
        call = loaded.call(fixture.audio.name, parties)
        began = time.time() * 1000
        live.play(call, live.paced(chunks), [watch])
        uplink.finish(None)

    painted = beside(run, page)
    spoken = [
        painted[alert.id] - (began + expected.end_ms)
        for expected in fixture.alerts
        for alert, _ in watch.raised.values()
        if alert.rule == expected.rule and painted.get(alert.id)
    ]
    return spoken, added(watch, painted)


def play_probes(served: Served, page: Any, count: int) -> list[float]:
    """Alerts one after the other at odd intervals: delays until their cards are painted."""
    uplink = Uplink(served.url, served.tokens["measured"], served.folder / "spool")
    watch = Watch(uplink)
    draw = np.random.default_rng(1)

    def run() -> None:
        watch([CallInfo("probes", "probes", (Party.AGENT,))], 0)
        began = time.monotonic()
        for number in range(count):
            time.sleep(float(draw.uniform(0.15, 0.35)))
            now_ms = int((time.monotonic() - began) * 1000)
            watch([probe(number, now_ms)], now_ms)
        now_ms = int((time.monotonic() - began) * 1000)
        watch([CallEnd(now_ms)], now_ms)
        uplink.finish(None)

    return added(watch, beside(run, page))


def probe(number: int, at_ms: int) -> Alert:
    return Alert(
        id=f"probe-{number}",
        rule="probe",
        title=f"禁用语 {number}",
        family="服务禁语",
        severity=Severity.MAJOR,
        party=Party.AGENT,
        start_ms=max(0, at_ms - 1000),
        end_ms=at_ms,
        at_ms=at_ms,
        quote="这个不归我管",
        similarity=1.0,
        advice="您的问题我马上帮您核实,请您稍等。",
    )


def beside(run: Callable[[], None], page: Any) -> Mapping[str, float]:
    """Run on a thread while the browser is served from this one; when cards were painted."""
    page.reload()
    page.wait_for_selector('[data-line="open"]')
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=guarded)
    thread.start()
    while thread.is_alive():
        page.wait_for_timeout(200)
    thread.join()
    if failed:
        raise failed[0]
    page.wait_for_timeout(1000)
    found: Mapping[str, float] = page.evaluate("painted")
    return found


def added(watch: Watch, painted: Mapping[str, float]) -> list[float]:
    return [painted[key] - raised for key, (_, raised) in watch.raised.items() if painted.get(key)]


@contextmanager
def background(served: Served, log: Path, calls: int) -> Iterator[None]:
    """The other calls, in a process of their own."""
    if calls == 0:
        yield
        return
    plan = served.folder / "plan.json"
    plan.write_text(
        json.dumps(
            {
                "url": served.url.replace("http://", "ws://"),
                "log": str(log),
                "within_s": 10,
                "tokens": [served.tokens[f"agent-{number}"] for number in range(calls)],
                "supervisor": served.tokens["supervisor"],
            }
        )
    )
    command = [sys.executable, "-m", "benchmarks.panel_load", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == "ready"
            time.sleep(12)  # until all of them talk
            yield
            if process.poll() is not None:
                raise RuntimeError("the other calls broke off")
        finally:
            process.terminate()


def measure_live(calls: int, rounds: int, probes: int) -> Mapping[str, Any]:
    from playwright.sync_api import sync_playwright

    loaded = engine.load()
    with tempfile.TemporaryDirectory() as name, serving(Path(name), people(calls)) as served:
        log = served.folder / "log.json"
        log.write_text(json.dumps(recorded(loaded, BACKGROUND)))
        with sync_playwright() as playwright, background(served, log, calls - 1):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = signed_in(browser, served, "measured")
            page.add_init_script(_NOTE_PAINTS)
            page.goto(f"{served.url}/panel")
            spoken: list[float] = []
            behind: list[float] = []
            for _ in range(rounds):
                more, later = play_measured(loaded, served, page)
                spoken += more
                behind += later
            behind += play_probes(served, page, probes)
            browser.close()
    return {
        "benchmark": "panel",
        "live_calls": calls,
        "recogniser": loaded.recognizer.name,
        "syllable_to_card_ms": spread(spoken),
        "alert_to_card_ms": spread(behind),
        **machine(),
    }


def signed_in(browser: Any, served: Served, name: str) -> Any:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(f"{served.url}/login")
    page.fill("#f-name", name)
    page.fill("#f-password", PASSWORD)
    page.press("#f-password", "Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def measure_table(calls: int, repeats: int) -> Iterator[Mapping[str, Any]]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, serving(Path(name), people(1)) as served:
        began = time.monotonic()
        panel_table.generate(served.folder, calls)
        made_s = time.monotonic() - began
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = signed_in(browser, served, "qa")
            for what, path in panel_table.PAGES.items():
                server, painted = [], []
                for _ in range(repeats):
                    page.goto(served.url + path)
                    timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
                    server.append(timing["responseEnd"] - timing["requestStart"])
                    painted.append(timing["loadEventEnd"] - timing["requestStart"])
                yield {
                    "benchmark": "calls-table",
                    "stored_calls": calls,
                    "page": what,
                    "found": int("".join(filter(str.isdigit, page.inner_text("h1")))),
                    "server_ms": spread(server),
                    "browser_ms": spread(painted),
                    "generated_s": round(made_s),
                    **machine(),
                }
            browser.close()


def machine() -> Mapping[str, Any]:
    return {"cpus": os.cpu_count(), "load_1min": round(os.getloadavg()[0], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    cards = parts.add_parser("live", help="time from the last syllable to the card")
    cards.add_argument("--calls", type=int, action="append", help="live calls (1, 10 and 50)")
    cards.add_argument("--rounds", type=int, default=3, help="times the bundled call is played")
    cards.add_argument("--probes", type=int, default=200, help="alerts sent by hand")
    table = parts.add_parser("table", help="the calls table of a large store")
    table.add_argument("--calls", type=int, default=100_000)
    table.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    if args.part == "live":
        for calls in args.calls or (1, 10, 50):
            print(json.dumps(measure_live(calls, args.rounds, args.probes)), flush=True)
    else:
        for line in measure_table(args.calls, args.repeats):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
