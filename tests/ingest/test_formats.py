"""Samples as wires write them."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.ingest.formats import Format, Reader


def test_g711_is_what_ffmpeg_says_it_is() -> None:
    """A peer nobody here wrote decodes every code of both laws."""
    av = pytest.importorskip("av")
    for encoding, codec in (("ulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")):
        decoder = av.CodecContext.create(codec, "r")
        decoder.sample_rate = 8_000
        decoder.layout = "mono"
        codes = bytes(range(256))
        [frame] = decoder.decode(av.Packet(codes))
        expected = frame.to_ndarray().reshape(-1).astype(np.int32)
        got = Reader(Format(encoding, 8_000)).read(codes)  # type: ignore[arg-type]
        assert (np.round(got[:, 0] * 32768).astype(np.int32) == expected).all()


def test_a_sample_cut_in_two_waits_for_its_other_half() -> None:
    reader = Reader(Format("s16le", 8_000, 2))
    assert reader.read(b"\x00").shape == (0, 2)
    assert (reader.read(b"\x40\x00\xc0\x01") == [[0.5, -0.5]]).all()


def test_no_number_of_a_float_wire_gets_in_as_nan() -> None:
    data = np.array([np.nan, np.inf, -np.inf, 0.5, 9.0], "<f4").tobytes()
    got = Reader(Format("f32le", 16_000)).read(data)
    assert got[:, 0].tolist() == [0.0, 1.0, -1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("encoding", "rate", "channels"),
    [("s16le", 4_000, 1), ("s16le", 10**9, 1), ("s16le", 8_000, 3), ("mp3", 8_000, 1)],
)
def test_what_no_telephone_system_sends_is_refused(encoding: str, rate: int, channels: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Format(encoding, rate, channels)  # type: ignore[arg-type]
