"""What a browser needs of a recording: a form it can play and seek in, and its peaks.

Beside the recording `DIGEST.ext` lie `DIGEST.peaks` and, unless browsers play
the original, `DIGEST.play.wav`. Both are made in one pass over the audio, in a
stream, and can be made again at any time.

Browsers play WAV with plain PCM and FLAC and find any moment in them exactly.
Telephony codecs (AMR, GSM, G.729) they do not play at all; in MP3 without an
index and in AAC a click on a word lands beside it. Those are written out as
WAV of 16 bits once.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from monitor.audio.decode import AudioInfo, Block, Decoder, TruncatedAudioError
from monitor.audio.waveform import PeakBuilder, write
from monitor.base import private
from monitor.base.errors import UserError

_NATIVE = frozenset({"pcm_s16le", "pcm_u8", "flac"})
_NATIVE_SUFFIXES = frozenset({".wav", ".flac"})
_MEDIA_TYPES = {".wav": "audio/wav", ".flac": "audio/flac"}
_HEADER = 44  # bytes of the RIFF header written here


@dataclass(frozen=True, slots=True)
class Playable:
    """The file to send to a browser, its type, and the peaks beside it.

    `damage` says up to where a recording that ends early could be read.
    """

    audio: Path
    media_type: str
    peaks: Path
    damage: str = ""


def find(original: Path) -> Playable | None:
    """What `prepare` made before; None when something is missing."""
    peaks = original.with_suffix(".peaks")
    if not peaks.is_file():
        return None
    copy = _copy_of(original)
    audio = copy if copy.is_file() else original
    return Playable(audio, _MEDIA_TYPES.get(audio.suffix, "audio/wav"), peaks)


def prepare(original: Path) -> Playable:
    """Make what is missing. Safe to run twice at once: files appear whole or not at all.

    Raises:
        UserError: no readable recording, or nothing can be written beside it.
    """
    found = find(original)
    if found is not None:
        return found
    damage = ""
    with Decoder(original) as decoder:
        info = decoder.info
        # A browser goes by the header: where that is wrong it would play another length.
        native = info.codec in _NATIVE and original.suffix in _NATIVE_SUFFIXES and info.plain
        builder = PeakBuilder(info.rate, info.channels)
        try:
            if native:
                _read(decoder, builder)
            else:
                with whole_file(_copy_of(original)) as file:
                    damage = _transcode(decoder, builder, file, info)
        except TruncatedAudioError as error:
            damage = str(error)
    peaks = original.with_suffix(".peaks")
    with whole_file(peaks) as file:
        write(file, builder.finish(), builder.duration_ms)  # type: ignore[arg-type]
    audio = original if native else _copy_of(original)
    return Playable(audio, _MEDIA_TYPES[audio.suffix], peaks, damage)


def prepare_quietly(original: Path) -> None:
    """Make what is missing ahead of its first use; whatever is wrong is told then."""
    with suppress(UserError, OSError):
        prepare(original)


def remove(original: Path) -> None:
    """Delete what was made beside a recording (the recording itself stays)."""
    original.with_suffix(".peaks").unlink(missing_ok=True)
    _copy_of(original).unlink(missing_ok=True)


def _copy_of(original: Path) -> Path:
    return original.with_suffix(".play.wav")


def _read(decoder: Decoder, builder: PeakBuilder) -> None:
    for _ in _counted(decoder.blocks(), builder, decoder.info.rate):
        pass


def _counted(blocks: Iterator[Block], builder: PeakBuilder, rate: int) -> Iterator[Block]:
    for block in blocks:
        if block.jump_s:
            builder.skip(round(block.jump_s * rate))
        builder.take(block.samples)
        yield block


def _transcode(decoder: Decoder, builder: PeakBuilder, file: IO[bytes], info: AudioInfo) -> str:
    """Write 16-bit PCM as it is decoded; the header, whose sizes are known last, at the end."""
    file.write(bytes(_HEADER))
    size = 0
    damage = ""
    try:
        for block in _counted(decoder.blocks(), builder, info.rate):
            if block.jump_s:
                gap = round(block.jump_s * info.rate) * info.channels * 2
                file.write(bytes(gap))
                size += gap
            pcm = np.clip(np.rint(block.samples * 32767), -32768, 32767).astype("<i2").tobytes()
            file.write(pcm)
            size += len(pcm)
    except TruncatedAudioError as error:
        damage = str(error)
    file.seek(0)
    file.write(_riff(info.rate, info.channels, size))
    return damage


def _riff(rate: int, channels: int, size: int) -> bytes:
    """The header of a PCM WAV of `size` bytes of data."""
    width = channels * 2
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * width, width, 16)
        + b"data" + struct.pack("<I", size)
    )  # fmt: skip


def pcm_wav(samples: npt.NDArray[np.int16], rate: int) -> bytes:
    """Samples of shape (n, channels) as a WAV."""
    data = samples.astype("<i2").tobytes()
    return _riff(rate, samples.shape[1], len(data)) + data


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is complete."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(private.FILE)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
