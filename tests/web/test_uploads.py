"""What is taken for a recording: how it begins counts, not its name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audio import file as audio_file
from monitor.base.errors import UserError
from monitor.testing import fixtures
from monitor.testing.recordings import encode
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
    signs = ("fLaC", "OggS", "#!AMR", ".snd", "caff")
    boxes = ("ftyp", "moov", "mdat", "wide", "free", "skip", "pnot")
    if text.startswith(signs) or text[4:8] in boxes or text[8:12] in ("WAVE", "AIFF", "AIFC"):
        return
    with pytest.raises(UserError):
        check_recording(io.BytesIO(text.encode()), "x")


SOUND = np.sin(np.arange(8000) / 8).astype(np.float32)[:, None] * 0.3


def _mp3(folder: Path) -> bytes:
    return encode(folder / "x.mp3", SOUND, "libmp3lame", 16_000).read_bytes()


def _wav(folder: Path) -> bytes:
    return encode(folder / "x.wav", SOUND, "pcm_s16le", 16_000).read_bytes()


MADE: list[tuple[str, Callable[[Path], bytes]]] = [
    ("call.mp3", lambda folder: bytes(5000) + _mp3(folder)),
    ("call.mp3", lambda folder: b"ID3\x04\0\0\0\0\2\0" + bytes(256) + _mp3(folder)),
    ("call.wav", lambda folder: bytes(3) + _wav(folder)),
    ("call.bin", _wav),
    ("call", _mp3),
    ("call.dat", lambda folder: encode(folder / "x.aac", SOUND, "aac", 16_000).read_bytes()),
    ("录音.mov", lambda folder: encode(folder / "x.mov", SOUND, "aac", 16_000).read_bytes()),
    ("call.mkv", lambda folder: encode(folder / "x.mkv", SOUND, "libopus", 48_000).read_bytes()),
    ("call.flac", lambda folder: encode(folder / "x.flac", SOUND, "flac", 16_000).read_bytes()),
    ("call.caf", lambda folder: encode(folder / "x.caf", SOUND, "pcm_s16le", 16_000).read_bytes()),
    ("call.au", lambda folder: encode(folder / "x.au", SOUND, "pcm_s16be", 16_000).read_bytes()),
    ("call.aiff", lambda f: encode(f / "x.aiff", SOUND, "pcm_s16be", 16_000).read_bytes()),
    ("call.w64", lambda folder: encode(folder / "x.w64", SOUND, "pcm_s16le", 16_000).read_bytes()),
    ("call.wav", lambda _folder: b"RIFF\0\0\0\0AVI LIST" + bytes(99)),
    ("call.aiff", lambda _folder: b"FORM\0\0\0\x088SVXVHDR" + bytes(99)),
    ("call.mp3", lambda _folder: b"\xff\xfb\x90\x64" + b"not an MP3 at all " * 90),
    ("call.mp3", lambda _folder: b"ID3\x04\0\0\0\0\0\0<html></html>"),
    ("call.wav", lambda _folder: bytes(4000)),
]


@pytest.mark.parametrize(("name", "make"), MADE)
def test_the_upload_takes_what_the_decoder_opens_and_nothing_else(
    tmp_path: Path, name: str, make: Callable[[Path], bytes]
) -> None:
    held = make(tmp_path)
    try:
        suffix = check_recording(io.BytesIO(held), name)
    except UserError:
        suffix = None
    kept = tmp_path / f"kept{suffix or '.wav'}"
    kept.write_bytes(held)
    if suffix is None:
        with pytest.raises(UserError):
            audio_file.probe(kept)
    else:
        assert suffix in audio_file.SUFFIXES
        assert sum(len(chunk.samples) for chunk in audio_file.read_call(kept)) > 7000
