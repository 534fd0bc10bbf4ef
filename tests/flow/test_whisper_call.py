"""Whole calls through the real faster-whisper: the verbs as a user runs them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.base.i18n import language, use_language
from monitor.cli import main
from monitor.testing import fixtures

DEMO = fixtures.load("demo").audio
ENGINE = "faster-whisper:tiny-test"
RULE = "unicom-forbidden-01"


@dataclass(frozen=True)
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def _monitor(*args: str | Path) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["--lang", "zh", *map(str, args)])
    code = ended.value.code
    return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module", autouse=True)
def _language() -> Iterator[None]:
    before = language()
    yield
    use_language(before)


def _scored(out: Path, *options: str) -> dict[str, Any]:
    result = _monitor("score", DEMO, "--out", out, "--jobs", "1", *options)
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads((out / "demo.json").read_text("utf-8"))
    return data


def _text(turns: list[dict[str, Any]], party: str) -> str:
    return "".join(turn["text"] for turn in turns if turn["party"] == party)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _scored(tmp_path_factory.mktemp("out"), "--asr", ENGINE)


def test_score_writes_what_was_said(scored: dict[str, Any]) -> None:
    assert scored["call"]["recogniser"] == ENGINE
    agent = _text(scored["utterances"], "agent")
    assert agent.startswith("您好，请问有什么可以帮您吗")
    assert "你问我，我问谁啊" in agent
    assert "你这是什么态度" in _text(scored["utterances"], "customer")
    for turn in scored["utterances"]:
        for token in turn["tokens"]:
            assert turn["start_ms"] <= token["start_ms"] < token["end_ms"] <= turn["end_ms"]
            assert 0 < token["confidence"] <= 1


def test_score_raises_the_alert_where_it_was_said(scored: dict[str, Any]) -> None:
    (expected,) = fixtures.load("demo").alerts
    (alert,) = [alert for alert in scored["alerts"] if alert["rule"] == RULE]
    assert alert["start_ms"] < expected.end_ms
    assert alert["end_ms"] > expected.start_ms
    scripts = {state["rule"]: state["state"] for state in scored["scripts"]}
    assert scripts["unicom-opening"] == "met"
    assert scored["score"]["total"] < 100
    assert scored["review"] is None


def test_confirm_judges_and_writes_for_review(tmp_path: Path) -> None:
    data = _scored(tmp_path, "--confirm", ENGINE)
    assert data["call"]["recogniser"] != ENGINE
    (alert,) = [alert for alert in data["alerts"] if alert["rule"] == RULE]
    assert alert["state"] == "confirmed"
    assert alert["evidence"]["second"]["recogniser"] == ENGINE
    assert "你问我我问谁" in alert["evidence"]["second"]["quote"]
    assert data["review"]["recogniser"] == ENGINE
    assert "请问有什么可以帮您吗" in _text(data["review"]["utterances"], "agent")
    again = _monitor("score", DEMO, "--out", tmp_path, "--jobs", "1", "--confirm", ENGINE)
    assert "此前已完成" in again.out
    # Another way of judging is another result.
    without = _monitor("score", DEMO, "--out", tmp_path, "--jobs", "1")
    assert "此前已完成" not in without.out


def test_reading_ahead_changes_nothing(scored: dict[str, Any], tmp_path: Path) -> None:
    alone = _scored(tmp_path, "--asr", f"{ENGINE},batch=0")
    for party in ("agent", "customer"):
        assert _text(alone["utterances"], party) == _text(scored["utterances"], party)
    assert [a["rule"] for a in alone["alerts"]] == [a["rule"] for a in scored["alerts"]]


def test_demo_runs_live_and_is_confirmed() -> None:
    result = _monitor("demo", "--fast", "--asr", ENGINE, "--confirm", ENGINE)
    assert result.code == 0, result.err
    assert "你问我，我问谁" in result.out
    assert "✓ 已复核确认" in result.out
    assert "复核听到" in result.out


def test_noise_gives_no_words() -> None:
    noise = fixtures.load("noise-only").audio
    result = _monitor("transcribe", noise, "--asr", ENGINE, "--format", "json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["utterances"] == []


def test_an_unknown_model_is_one_clear_line(tmp_path: Path) -> None:
    for option in ("--asr", "--confirm"):
        result = _monitor("score", DEMO, "--out", tmp_path, option, "faster-whisper:whisper-small")
        assert result.code == 2
        assert "Traceback" not in result.err
        assert "monitor models pull whisper-small" in result.err
