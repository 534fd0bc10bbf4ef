"""A form that browsers play, made once, whatever the recording's codec."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from monitor.audio import playable
from monitor.audio.decode import Decoder
from monitor.audio.waveform import PeakFile
from monitor.base.errors import UserError
from tests.audio import wavs

_FIXTURES = Path(__file__).parents[2] / "audio_fixtures"


def _copy(folder: Path, name: str) -> Path:
    return Path(shutil.copy(_FIXTURES / name, folder))


@pytest.mark.parametrize(
    ("name", "kind"), [("compliant.wav", "audio/wav"), ("demo.flac", "audio/flac")]
)
def test_what_browsers_play_is_sent_as_it_is(tmp_path: Path, name: str, kind: str) -> None:
    original = _copy(tmp_path, name)
    made = playable.prepare(original)
    assert (made.audio, made.media_type) == (original, kind)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, made.peaks.name])
    with Decoder(original) as decoder:
        assert PeakFile(made.peaks).channels == decoder.info.channels
        heard = decoder.info.duration_ms
        assert heard is not None
        assert abs(PeakFile(made.peaks).duration_ms - heard) <= 1


@pytest.mark.parametrize("name", ["compressed.mp3", "late-greeting.opus", "overlap.m4a"])
def test_what_they_do_not_seek_in_is_written_out(tmp_path: Path, name: str) -> None:
    original = _copy(tmp_path, name)
    made = playable.prepare(original)
    assert made.audio.name.endswith(".play.wav")
    with Decoder(original) as before, Decoder(made.audio) as after:
        assert after.info.codec == "pcm_s16le"
        assert (after.info.rate, after.info.channels) == (before.info.rate, before.info.channels)
        one = np.concatenate([block.samples for block in before.blocks()])
        other = np.concatenate([block.samples for block in after.blocks()])
    assert one.shape == other.shape
    assert np.abs(np.clip(one, -1, 1) - other).max() < 2 / 32768


def test_made_once(tmp_path: Path) -> None:
    original = _copy(tmp_path, "compressed.mp3")
    assert playable.find(original) is None
    made = playable.prepare(original)
    stamp = made.audio.stat().st_mtime_ns
    assert playable.prepare(original) == made == playable.find(original)
    assert made.audio.stat().st_mtime_ns == stamp
    playable.remove(original)
    assert list(tmp_path.iterdir()) == [original]


def test_a_recording_cut_off_plays_up_to_there(tmp_path: Path) -> None:
    whole = (_FIXTURES / "compliant.wav").read_bytes()
    original = tmp_path / "cut.wav"
    original.write_bytes(whole[: len(whole) // 2])
    made = playable.prepare(original)
    assert "不完整" in made.damage
    assert PeakFile(made.peaks).duration_ms > 0


def test_no_recording_leaves_nothing_behind(tmp_path: Path) -> None:
    original = tmp_path / "x.mp3"
    original.write_bytes(b"no audio at all" * 100)
    with pytest.raises(UserError, match="不是可识别的音频文件"):
        playable.prepare(original)
    assert list(tmp_path.iterdir()) == [original]


SOUND = wavs.pcm(wavs.speechlike(2.0))


@pytest.mark.parametrize(
    ("held", "native"),
    [
        (wavs.wav(SOUND), True),
        (wavs.wav(SOUND, size=8_000), False),
        (wavs.wav(SOUND[:16_000]) * 2, False),
        (wavs.wav(SOUND, wavs.fmt(byte_rate=4_000)), False),
        (wavs.rifx(wavs.fmt(order=">"), SOUND), False),
        (bytes(100) + wavs.wav(SOUND), False),
    ],
)
def test_a_browser_gets_a_file_whose_header_is_right(
    tmp_path: Path, held: bytes, native: bool
) -> None:
    original = tmp_path / "call.wav"
    original.write_bytes(held)
    made = playable.prepare(original)
    assert (made.audio == original) == native
    assert PeakFile(made.peaks).duration_ms == 2000
