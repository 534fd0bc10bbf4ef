"""The command line as a user meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.cli import VERBS
from monitor.testing import fixtures

_SHORT = fixtures.load("last-word").audio


def monitor(
    *args: str | Path, cwd: Path | None = None, lang: str = "en"
) -> subprocess.CompletedProcess[str]:
    """Run `python -m monitor`; warnings are errors there too."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, args)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "MONITOR_LANG": lang, "PYTHONIOENCODING": "utf-8"},
        timeout=240,
        check=False,
    )


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of complaint; fails on a traceback or several lines."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith(("error:", "错误:"))]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_in_both_languages_with_examples(verb: str) -> None:
    english = monitor(*filter(None, [verb]), "--help")
    chinese = monitor(*filter(None, [verb]), "--help", "--lang", "zh")
    assert english.returncode == chinese.returncode == 0
    assert "Examples:" in english.stdout
    assert "示例：" in chinese.stdout
    assert f"monitor {verb}".strip() in english.stdout


def test_help_loads_no_model() -> None:
    heavy = {"onnxruntime", "faster_whisper", "ctranslate2", "sounddevice", "av", "torch", "jieba"}
    code = (
        "import sys, monitor.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m in " + repr(heavy) + "), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    assert result.stderr.strip() == "[]"


def test_demo_as_fast_as_it_goes_shows_alert_advice_and_card() -> None:
    result = monitor("demo", "--fast", lang="zh")
    assert result.returncode == 0, result.stderr
    assert "▲ 严重" in result.stdout
    assert "建议说" in result.stdout
    assert "✓ 已完成" in result.stdout
    assert "总分" in result.stdout


def test_demo_lists_its_calls_and_refuses_others() -> None:
    listed = monitor("demo", "--list")
    assert {line.split()[0] for line in listed.stdout.splitlines()} == set(fixtures.names())
    assert "nothing-like-it" in complaint(monitor("demo", "--call", "nothing-like-it"))


def test_score_writes_json_and_summary_and_resumes(tmp_path: Path) -> None:
    first = monitor("score", _SHORT, "--out", tmp_path)
    assert first.returncode == 0, first.stderr
    data = json.loads((tmp_path / "last-word.json").read_text("utf-8"))
    assert data["alerts"]
    assert data["score"]["lines"]
    again = monitor("score", _SHORT, "--out", tmp_path)
    assert again.returncode == 0
    assert "summary.csv" in again.stdout


def test_score_reports_a_bad_call_and_goes_on(tmp_path: Path) -> None:
    bad = tmp_path / ("a-long-name-" * 8) / "bad.wav"
    bad.parent.mkdir()
    bad.write_bytes(b"nothing")
    alone = monitor("transcribe", bad).stderr.strip().removeprefix("error: ")
    result = monitor("score", bad, _SHORT, "--out", tmp_path / "out")
    assert result.returncode == 1
    assert f"✗ {alone}" in result.stderr.splitlines(), "one line, however long"
    assert "Traceback" not in result.stderr
    assert (tmp_path / "out" / "last-word.json").exists()


def test_transcribe_json_is_one_line_per_file_as_documented(tmp_path: Path) -> None:
    result = monitor("transcribe", _SHORT, _SHORT, "--format", "json")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 2
    assert set(lines[0]) == {"source", "duration_ms", "utterances"}
    turn = lines[0]["utterances"][0]
    assert {"party", "start_ms", "end_ms", "text", "tokens"} == set(turn)
    assert {"text", "syllable", "start_ms", "end_ms", "confidence"} == set(turn["tokens"][0])
    assert "".join(token["text"] for token in turn["tokens"]) == turn["text"]


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_transcribe_in_other_formats(form: str) -> None:
    result = monitor("transcribe", _SHORT, "--format", form, lang="zh")
    assert result.returncode == 0, result.stderr
    assert "坐席:" in result.stdout
    assert result.stdout.startswith({"text": "[0:0", "srt": "1\n00:00:0", "vtt": "WEBVTT"}[form])


def audio(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def test_bad_recordings_are_one_clear_line_each(tmp_path: Path) -> None:
    nan = np.zeros(16_000, np.float32)
    nan[8000] = np.nan
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("this is no sound")
    bad: Sequence[Path] = [
        tmp_path / "empty.wav",
        tmp_path / "text.wav",
        tmp_path / "missing.wav",
        audio(tmp_path / "nan.wav", nan),
        audio(tmp_path / "many.wav", np.zeros((1600, 4), np.float32)),
        tmp_path,
    ]
    result = monitor("transcribe", *bad)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == len(bad) == len(result.stderr.splitlines()), result.stderr
    for path, line in zip(bad, lines, strict=True):
        assert str(path) in line


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["score", str(_SHORT)], "--out"),
        (["score", "nowhere.wav", "--out", "x"], "nowhere.wav"),
        (["score", str(_SHORT), "--out", "x", "--channels", "agent,ghost"], "agent,ghost"),
        (["score", str(_SHORT), "--out", "x", "--fact", "queue"], "queue"),
        (["score", str(_SHORT), "--out", "x", "--started-at", "noon"], "noon"),
        (["score", str(_SHORT), "--out", "x", "--asr", "nobody"], "nobody"),
        (["score", str(_SHORT), "--out", "x", "--pack", "no-such-pack"], "no-such-pack"),
        (["listen", "--agent", "no such device at all"], "no such device at all"),
        (["transcribe", str(_SHORT), "--format", "docx"], "docx"),
        (["sing"], "sing"),
    ],
    ids=lambda value: " ".join(value)[-30:] if isinstance(value, list) else value,
)
def test_bad_usage_is_one_clear_line(args: list[str], named: str, tmp_path: Path) -> None:
    result = monitor(*args, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert named in complaint(result)


def test_a_pack_with_an_unknown_key_is_located(tmp_path: Path) -> None:
    pack = tmp_path / "mine.yaml"
    pack.write_text("pack: mine\ntitle: x\nversion: '1'\nrulez: []\n", "utf-8")
    result = monitor("score", _SHORT, "--out", tmp_path / "out", "--pack", pack)
    assert result.returncode == 2
    assert f"{pack}:4:1" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unwritable_out_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = monitor("score", _SHORT, "--out", tmp_path / "file" / "out")
    assert "file" in complaint(result)


def test_a_reader_that_goes_away_is_no_error_message() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "demo", "--fast"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(240)
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_ctrl_c_in_a_demo_still_prints_the_card() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "MONITOR_LANG": "zh", "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout is not None
    first = process.stdout.readline()  # a line of the call: it is running
    process.send_signal(2)
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert "总分" in first + out
