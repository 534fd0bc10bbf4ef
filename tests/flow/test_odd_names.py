"""Every way to score files whose names are no text, too long, or like formulas."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.audio.wavs import chunk, fmt, pcm, riff, speechlike
from tests.verbs import run

GBK = "客户投诉".encode("gbk") + b".wav"
PACK = """
pack: small
title: 小包
version: "1"
rules:
  - id: hello
    title: 问候
    must: [您好]
    within: 10s
"""
ODD = (
    GBK,
    ("龙" * 83).encode() + b".wav",
    "第一行\n第二行.wav".encode(),
    b"=HYPERLINK(1).wav",
    b"\xff\xfe.wav",
    b"@SUM(1)\t.wav",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of odd names; every recording has a sound of its own."""
    calls = tmp_path / "calls"
    calls.mkdir()
    for number, name in enumerate((*ODD, b"zz-after.wav")):
        sound = np.stack([speechlike(0.4, number), speechlike(0.4, number + 20)[::-1]], 1).ravel()
        form = fmt(channels=2)
        with open(os.path.join(os.fsencode(calls), name), "wb") as file:  # noqa: PTH118, PTH123 - bytes
            file.write(riff(chunk(b"fmt ", form), chunk(b"data", pcm(sound))))
    (tmp_path / "p.yaml").write_text(PACK, "utf-8")
    return tmp_path


def test_score_into_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "score",
        folder / "calls",
        "--out",
        folder / "out",
        "--jobs",
        1,
        "--pack",
        folder / "p.yaml",
    )
    for _ in range(2):  # the second run resumes
        code, out, err = run(capsys, *words)
        assert code == 0, err
        assert len(out.splitlines()) == len(ODD) + 2  # a line each, and where the summary is
    raw = (folder / "out" / "summary.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(raw.splitlines()))
    calls = {row["call"] for row in rows}
    assert len(rows) == len(ODD) + 1
    assert {"客户投诉", "'=HYPERLINK(1)", "'@SUM(1)\\t", "第一行\\n第二行", "zz-after"} <= calls
    results = [path for path in (folder / "out").iterdir() if path.suffix == ".json"]
    assert len(results) == len(ODD) + 1
    for path in results:
        data = json.loads(path.read_text("utf-8"))
        data["call"]["source"].encode()
        assert "\n" not in data["call"]["source"]


def test_watch_and_score_into_a_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = folder / "store"
    code, out, err = run(
        capsys, "watch", folder / "calls", "--once", "--every", 0.1, "--store", store,
        "--pack", folder / "p.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert "客户投诉" in out
    code, out, err = run(
        capsys,
        "score",
        folder / "calls",
        "--store",
        store,
        "--pack",
        folder / "p.yaml",
        "--jobs",
        1,
    )
    assert code == 0, err
    code, out, err = run(capsys, "calls", "list", "--store", store)
    assert (code, len(out.splitlines())) == (0, len(ODD) + 2), err
    assert "客户投诉" in out
    code, out, err = run(
        capsys,
        "calls",
        "export",
        "--store",
        store,
        "--since",
        "2000-01-01",
        "--out",
        folder / "exported",
    )
    assert code == 0, err
    assert len(list((folder / "exported").glob("*.json"))) == len(ODD) + 1


def test_transcribe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted((folder / "calls").iterdir())
    for form in ("text", "json", "srt"):
        code, out, err = run(capsys, "transcribe", *paths, "--format", form)
        assert code == 0, err
        out.encode()


def test_files_that_are_passed_over_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.txt", "b.TXT", "c", ".hidden.bin"):
        (tmp_path / name).write_bytes(b"x")
    code, _, err = run(capsys, "score", tmp_path, "--out", tmp_path / "out")
    assert code == 2
    assert "跳过 3 个后缀不像录音的文件（.txt 2, 无后缀 1）" in err
    for ending in (".awb", ".mov", ".mkv", ".3g2", ".mpga"):
        (tmp_path / f"call{ending}").write_bytes(b"no sound")
    code, _, err = run(capsys, "score", tmp_path, "--out", tmp_path / "out", "--jobs", 1)
    assert code == 1
    assert err.count("不是可识别的音频文件") == 5


def test_rows_and_recordings_without_a_counterpart_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = folder / "m.csv"
    table.write_text(
        "文件,坐席\nD:\\rec\\客户投诉.wav,A1\nZZ-AFTER.WAV,A2\nzz-aftr2.wav,A3\n", "utf-8"
    )
    code, _, err = run(
        capsys, "watch", folder / "calls", "--once", "--every", 0.1, "--store", folder / "store",
        "--metadata", table, "--pack", folder / "p.yaml",
    )  # fmt: skip
    assert code == 0, err
    assert "有 1 行没有对应的录音：zz-aftr2.wav" in err
    assert "个录音没有对应的行" in err
    code, out, err = run(capsys, "calls", "list", "--store", folder / "store", "--json")
    agents = {json.loads(line)["name"]: json.loads(line)["agent"] for line in out.splitlines()}
    assert (agents["客户投诉"], agents["zz-after"]) == ("A1", "A2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-02-17", "2026-02-17"), ("2026-02-17 10:00", "2026-02-17T10:00:00")],
)
def test_a_day_and_a_time_without_a_zone(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    night = folder / "night.yaml"
    night.write_text(
        PACK.replace("within: 10s", "within: 10s\n    when: {time: '22:00-07:00'}"), "utf-8"
    )
    code, _, err = run(
        capsys, "score", folder / "calls" / "zz-after.wav", "--out", folder / "out", "--jobs", 1,
        "--pack", night, "--started-at", text,
    )  # fmt: skip
    assert code == 0, err
    data = json.loads((folder / "out" / "zz-after.json").read_text("utf-8"))
    started: str = data["call"]["started_at"]
    assert started.startswith(expected)
    assert [script["state"] for script in data["scripts"]] == ["not_applicable"]
    if text == expected:
        assert "不知道几点" in data["call"]["remarks"][0]
    else:
        assert started[-6] in "+-"  # its zone is said
