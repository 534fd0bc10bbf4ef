"""`monitor listen` on a virtual sound card raises the same alerts as the file it plays."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from monitor.audio import file as audio_file
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.events import SAMPLE_RATE, from_json, to_json
from monitor.testing import fixtures
from monitor.testing.pulse import VirtualCard

_PATIENCE_S = 240
"""Ends a test that hangs."""

_STARTED = "2026-03-02T10:00:00+08:00"  # a plain Monday, for rules that ask for the day


def _until_longer(process: subprocess.Popen[str], recording: Path, size: int) -> None:
    """Until the recording has so many bytes."""
    give_up = time.monotonic() + _PATIENCE_S
    while not recording.exists() or recording.stat().st_size < size:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "nothing is recorded"
        time.sleep(0.05)


def test_listening_to_a_call_finds_what_scoring_it_finds(
    card: VirtualCard, embedded: Engine, tmp_path: Path
) -> None:
    fixture = fixtures.load("last-word")
    recording = tmp_path / "live.wav"
    command: list[str | Path] = [
        "listen",
        "--started-at",
        _STARTED,
        "--agent",
        "pulse:0",
        "--customer",
        "pulse:1",
        "--record",
        recording,
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", *map(str, command)],
        env={**card.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    events = recording.with_suffix(".jsonl")
    _until_longer(process, recording, 10_000)  # the model is loaded and the monitor hears
    card.play(fixture.audio)
    # A second more of both parties: what was played lies before it.
    _until_longer(process, recording, recording.stat().st_size + 2 * 2 * SAMPLE_RATE)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 0, errors

    facts = CallFacts(started_at=_STARTED)
    live = json.loads(recording.with_suffix(".json").read_text("utf-8"))
    parties = audio_file.parties(fixture.audio)
    recorded = engine.run(
        embedded.call("x", parties, facts), audio_file.read_call(fixture.audio, parties)
    )
    spoken = sorted(a.rule for a in recorded.alerts if "phrase" in a.evidence)
    assert spoken, "the fixture must hold something to find"
    assert sorted(a["rule"] for a in live["alerts"] if "phrase" in a["evidence"]) == spoken
    assert {s["rule"]: s["state"] for s in live["scripts"]} == {
        s.rule: s.status.value for s in recorded.scripts
    }
    assert out, "the call was shown"

    # The recording and the event log are complete: both lead to the same findings again.
    lines = events.read_text("utf-8").splitlines()
    assert [to_json(from_json(line)) for line in lines] == lines
    assert '"event": "end"' in lines[-1]
    again = engine.run(embedded.call("x", parties, facts), audio_file.read_call(recording, parties))
    assert sorted(a.rule for a in again.alerts if "phrase" in a.evidence) == spoken
