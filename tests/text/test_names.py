"""Names as text: whatever bytes the file system has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.base.names import fitting, kept_path, path_of, readable, safe_lines, text_of

GBK = os.fsdecode("客户投诉录音".encode("gbk"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("录音.wav", "录音.wav"),
        (f"calls/{GBK}.wav", "calls/客户投诉录音.wav"),
        (f"录音/{GBK}.wav", "录音/客户投诉录音.wav"),
        (os.fsdecode("琪琳镧.wav".encode("gbk")), "琪琳镧.wav"),  # second bytes that are ASCII
        (os.fsdecode(b"\xff\xfe\x01.wav"), "\\xff\\xfe\\x01.wav"),
        ("a\nb\r\tc.wav", "a\\nb\\r\\tc.wav"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u202egnp.wav", "a\\u202egnp.wav"),
        ("\ud800.wav", "\\ud800.wav"),
    ],
)
def test_every_name_is_one_line_of_text(name: str, shown: str) -> None:
    assert readable(name) == shown
    readable(name).encode()


def test_messages_keep_their_lines() -> None:
    assert text_of(f"{GBK}.wav：坏了\n第二行") == "客户投诉录音.wav：坏了\n第二行"
    assert safe_lines("a\x1b[2J\n\tb") == "a\\x1b[2J\n\tb"


@pytest.mark.parametrize("name", ["字" * 85, "x" * 300, "录音/" + "很长的名字" * 30, "短"])
def test_a_result_has_a_name_that_fits(name: str) -> None:
    made = fitting(name, ".json")
    last = made.rsplit("/", 1)[-1]
    assert len(last.encode()) <= 255
    assert made.endswith(".json")
    assert fitting(name, ".json") == made != fitting(name + "x", ".json")
    if name == "短":
        assert made == "短.json"


@pytest.mark.parametrize("name", ["a.wav", f"{GBK}.wav", "a%20b\n.wav", "bytes:x"])
def test_a_path_survives_the_database(name: str) -> None:
    path = Path("/calls") / name
    kept_path(path).encode()
    assert path_of(kept_path(path)) == path
