"""The files of a live call, also on a disk that fills up in the middle of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.base.errors import UserError
from monitor.call.engine import Engine
from monitor.call.live_files import CallFiles
from monitor.events import CallEnd, CallInfo, Chunk, Party, Utterance, from_json

A = Party.AGENT
_CALL = [CallInfo("x", "live", (A,)), Utterance(A, 0, 100, ()), CallEnd(1000)]


def chunk(start_ms: int, length_ms: int = 1000) -> Chunk:
    noise = np.random.default_rng(1).normal(0, 0.1, length_ms * 16).astype(np.float32)
    return Chunk(A, start_ms, noise)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 128 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_the_files_of_a_call_are_complete(embedded: Engine, tmp_path: Path) -> None:
    audio = tmp_path / "new folder" / "call.wav"
    with CallFiles(audio, [A], embedded) as files:
        files.record(chunk(0))
        files(_CALL, 1000)
    assert files.problems == []
    log = audio.with_suffix(".jsonl").read_text("utf-8").splitlines()
    assert [from_json(line) for line in log] == _CALL
    assert json.loads(audio.with_suffix(".json").read_text("utf-8"))["call"]["duration_ms"] == 1000
    assert audio.stat().st_size == pytest.approx(32_000, abs=100)


def test_a_full_disk_ends_the_recording_but_not_the_call(
    embedded: Engine, small_disk: Path
) -> None:
    audio = small_disk / "call.wav"
    with CallFiles(audio, [A], embedded) as files:
        files(_CALL[:1], 0)
        for second in range(10):
            files.record(chunk(second * 1000))
        files(_CALL[1:], 10_000)
    assert files.problems, "320 kB do not fit into 128"
    assert all("\n" not in problem and str(small_disk) in problem for problem in files.problems)
    assert audio.stat().st_size > 50_000, "what fitted was kept"


def test_a_folder_that_cannot_be_written_is_said_before_the_call(
    embedded: Engine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        CallFiles(tmp_path / "file" / "call.wav", [A], embedded)
