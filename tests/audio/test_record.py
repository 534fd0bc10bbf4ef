"""Keeping the audio of a live call."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.audio import file
from monitor.audio.record import Recorder
from monitor.base.errors import UserError
from monitor.events import Chunk, Party

A, C = Party.AGENT, Party.CUSTOMER
BOTH = (A, C)


def ramp(length: int, start: int = 1) -> np.ndarray:
    """Samples that 16-bit PCM holds exactly."""
    return (np.arange(start, start + length) / 32767).astype(np.float32)


def stored(path: Path) -> np.ndarray:
    """What is in the file, as integers, shape (n, channels)."""
    data, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == 16_000
    return data


def test_the_file_is_whole_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    with Recorder(path, BOTH) as recorder:
        assert len(stored(path)) == 0
        recorder.write(Chunk(A, 0, ramp(160)))
        assert stored(path)[:, 0].tolist() == list(range(1, 161))
        assert not stored(path)[:, 1].any()
        recorder.write(Chunk(C, 0, ramp(320, 1000)))
        assert stored(path)[:, 1].tolist() == list(range(1000, 1320))
        assert stored(path)[:, 0].tolist() == [*range(1, 161), *[0] * 160]
        assert file.probe(path).duration_ms == 20


def test_time_without_audio_is_silence(tmp_path: Path) -> None:
    with Recorder(tmp_path / "call.wav", (A,)) as recorder:
        recorder.write(Chunk(A, 0, ramp(16)))
        recorder.write(Chunk(A, 5, ramp(16)))
    assert stored(tmp_path / "call.wav")[:, 0].tolist() == [
        *range(1, 17), *[0] * 64, *range(1, 17),
    ]  # fmt: skip


def test_rounded_starts_leave_no_click(tmp_path: Path) -> None:
    with Recorder(tmp_path / "call.wav", (A,)) as recorder:
        recorder.write(Chunk(A, 0, ramp(23)))
        recorder.write(Chunk(A, 1, ramp(23, 24)))  # truly at 1.4 ms
    assert stored(tmp_path / "call.wav")[:, 0].tolist() == list(range(1, 47))


def test_too_loud_is_clipped_not_wrapped(tmp_path: Path) -> None:
    with Recorder(tmp_path / "call.wav", (A,)) as recorder:
        recorder.write(Chunk(A, 0, np.array([3.0, -3.0, np.nan], np.float32)))
    assert stored(tmp_path / "call.wav")[:, 0].tolist() == [32767, -32767, 0]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each party's chunks come in order; whose comes first is chance."""
    sizes = {party: data.draw(st.lists(st.integers(1, 40), max_size=6)) for party in BOTH}
    queues: dict[Party, list[Chunk]] = {}
    for party, lengths in sizes.items():
        starts = np.cumsum([0, *lengths])
        queues[party] = [
            Chunk(party, int(start), ramp(16 * length, 7))
            for start, length in zip(starts, lengths, strict=False)
        ]
    path = tmp_path_factory.mktemp("order") / "call.wav"
    with Recorder(path, BOTH) as recorder:
        while any(queues.values()):
            party = data.draw(st.sampled_from([p for p in BOTH if queues[p]]))
            recorder.write(queues[party].pop(0))
    got = stored(path)
    assert len(got) == 16 * max(sum(lengths) for lengths in sizes.values())
    for channel, party in enumerate(BOTH):
        spoken = [value for n in sizes[party] for value in range(7, 7 + 16 * n)]
        assert got[: len(spoken), channel].tolist() == spoken
        assert not got[len(spoken) :, channel].any()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path / "call.wav", (A,))

    class Full:
        """The file of a disk that is full: what /dev/full does, with a place to seek."""

        def __init__(self) -> None:
            self._full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed below

        def seek(self, offset: int) -> int:
            return offset

        def write(self, data: memoryview) -> int:
            return self._full.write(data)

        def close(self) -> None:
            self._full.close()

    recorder.close()
    monkeypatch.setattr(recorder, "_file", Full())
    with pytest.raises(UserError, match=r"call\.wav：录音写不进去") as error:
        recorder.write(Chunk(A, 0, ramp(16)))
    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.errno == errno.ENOSPC
    recorder.close()


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Recorder(tmp_path / "nowhere" / "call.wav", (A,))
