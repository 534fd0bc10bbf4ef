"""What is taken for a recording: how it begins counts, not its name."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audio import file as audio_file
from monitor.base.errors import UserError
from monitor.testing import fixtures
from monitor.web.uploads import check_recording


@pytest.mark.parametrize("fixture", fixtures.load_all(), ids=lambda fixture: fixture.audio.name)
def test_recordings_pass_and_are_left_as_they_were(fixture: fixtures.Fixture) -> None:
    with fixture.audio.open("rb") as file:
        check_recording(file, fixture.audio.name)
        assert file.tell() == 0


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"<!doctype html><script>alert(1)</script>",
        b"#!/bin/sh\nrm -rf /\n",
        b"PK\x03\x04 a spreadsheet",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7",
        b"\xff\xd8\xff\xe0 a photograph"[:1],
        "通话记录,坐席\n".encode(),
    ],
)
def test_other_files_are_refused_whatever_they_are_called(held: bytes) -> None:
    with pytest.raises(UserError, match=r"call\.wav"):
        check_recording(io.BytesIO(held), "call.wav")


@given(st.text(alphabet=st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=40))
def test_no_text_passes_but_what_begins_like_a_recording(text: str) -> None:
    signs = ("RIFF", "RF64", "fLaC", "OggS", "ID3", "#!AMR", ".snd", "FORM", "caff")
    if text.startswith(signs) or text[4:8] == "ftyp":
        return
    with pytest.raises(UserError):
        check_recording(io.BytesIO(text.encode()), "x")


def test_every_kind_of_file_that_is_read_has_a_beginning() -> None:
    heads = {
        ".3gp": b"\0\0\0\x14ftyp3gp4",
        ".aac": b"\xff\xf1\x50\x80",
        ".aif": b"FORM\0\0\0\0AIFF",
        ".amr": b"#!AMR\n",
        ".au": b".snd\0\0\0\x18",
        ".caf": b"caff\0\x01",
        ".flac": b"fLaC",
        ".m4a": b"\0\0\0\x1cftypM4A ",
        ".mka": b"\x1aE\xdf\xa3",
        ".mp3": b"\xff\xfb\x90\x64",
        ".mp4": b"\0\0\0\x20ftypisom",
        ".ogg": b"OggS",
        ".w64": b"riff\x2e\x91\xcf\x11\xa5\xd6",
        ".wav": b"RIFF\0\0\0\0WAVE",
        ".webm": b"\x1aE\xdf\xa3",
        ".wma": b"0&\xb2u\x8ef\xcf\x11",
    }
    same = {".aiff": ".aif", ".oga": ".ogg", ".opus": ".ogg"}
    for suffix in audio_file.SUFFIXES:
        check_recording(io.BytesIO(heads[same.get(suffix, suffix)]), f"call{suffix}")
