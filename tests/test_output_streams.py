"""Every verb on consoles and pipes that cannot show its signs: no traceback, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import VERBS
from monitor.testing import fixtures

ENCODINGS = ("ascii", "gbk")


def run(encoding: str, *words: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """`monitor WORDS` with both streams in an encoding."""
    root = Path(__file__).parents[1]
    env = {
        **os.environ,
        "PYTHONIOENCODING": encoding,
        "PYTHONPATH": str(root),
        "MONITOR_LANG": "zh",
        "PYTHONWARNINGS": "",
    }
    done = subprocess.run(
        [sys.executable, "-m", "monitor", *words],
        capture_output=True,
        env=env,
        cwd=cwd,
        check=False,
    )
    # click writes UTF-8 where a stream claims to be ASCII; what is no text at all must not occur.
    out, err = (_text(data, encoding) for data in (done.stdout, done.stderr))
    assert "Traceback" not in err, err
    assert "UnicodeEncodeError" not in out + err
    return done.returncode, out, err


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(encoding)


@pytest.mark.parametrize("verb", [*VERBS, None])
def test_the_help_of_every_verb(verb: str | None) -> None:
    words = [verb, "--help"] if verb else ["--help"]
    code, out, _ = run("ascii", *words)
    assert code == 0
    assert "--help" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_call_is_scored_listed_and_reported(encoding: str, tmp_path: Path) -> None:
    call = min(fixtures.load_all(), key=lambda fixture: fixture.audio.stat().st_size)
    link = tmp_path / "录音✓.m4a"
    link.write_bytes(call.audio.read_bytes())
    code, out, err = run(
        encoding,
        "score",
        str(link),
        "--out",
        "out",
        "--store",
        "store",
        "--jobs",
        "1",
        cwd=tmp_path,
    )
    assert (code, (tmp_path / "out" / "summary.csv").exists()) == (0, True), err
    assert out.startswith(("√", "✓", "v"))
    for words in (
        ("calls", "list", "--store", "store"),
        ("calls", "show", "1", "--store", "store"),
        ("report", "calls", "--store", "store"),
        ("report", "daily", "--store", "store"),
    ):
        code, out, err = run(encoding, *words, cwd=tmp_path)
        assert code == 0, (words, err)
        assert out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_words_and_mistakes(encoding: str, tmp_path: Path) -> None:
    code, out, _ = run(encoding, "rules", "try", "unicom-10010", "你有没有搞错")
    assert out
    code, _, err = run(encoding, "score", str(tmp_path / "没有✓.wav"), "--out", str(tmp_path))
    assert code == 2
    assert err
    assert run(encoding, "transcribe", str(tmp_path / "没有“”.wav"))[0] == 1
    assert run(encoding, "models", "list")[0] == 0
    assert run(encoding, "demo", "--list")[0] == 0
    assert run(encoding, "rules", "coverage")[0] == 0
    assert run(encoding, "devices")[0] in (0, 1, 2)
