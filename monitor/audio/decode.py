"""A recording as PCM, block by block, and one clear line about whatever is wrong with it.

Several tracks of one container are its channels, in order, side by side in
time. Several recordings in one file follow each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from monitor.audio import float_range, whole
from monitor.audio.parts import Part, split
from monitor.audio.track import Block, OtherRate, Sound, Track, clock
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import readable

__all__ = ["AudioInfo", "Block", "Decoder", "TruncatedAudioError", "clock"]

_STEP = 4096  # samples of each track that are put side by side at a time
_LEAD_S = 3600.0  # a track that begins later than this after the others has a broken time stamp


class TruncatedAudioError(UserError):
    """The file ends early. Everything before `reached_ms` was read."""

    def __init__(self, message: str, reached_ms: int) -> None:
        super().__init__(message)
        self.reached_ms = reached_ms


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says; `duration_ms` is None where it says nothing reliable.

    `channels` counts those of all tracks. `plain`: other programs that go by its header hear
    the same. `remarks` is what was odd about the file though all of its sound can be read.
    """

    duration_ms: int | None
    rate: int
    channels: int
    codec: str
    tracks: int = 1
    plain: bool = True
    remarks: tuple[str, ...] = ()


class Decoder:
    """An open audio file. A context manager; raises `UserError` for whatever is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = readable(path)
        self._file = _open_file(path)
        try:
            self._parts = self._split()
            self._open = self._tracks(self._parts[0])
            self._promises = [self._promised(self._parts[0], self._open[0])]
            self.info = self._info()
        except UserError as error:
            self._file.close()
            raise self._named(error) from error
        except BaseException:
            self._file.close()
            raise
        self._gain = 1.0
        self._gain_known = not self.info.codec.startswith("pcm_f")

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_exc: object) -> None:
        for track in self._open:
            track.close()
        self._file.close()

    def blocks(self) -> Iterator[Block]:
        """The whole recording, in the codec's own block sizes. Once per decoder.

        Raises:
            TruncatedAudioError: after the last block of a file that ends early.
            UserError: samples that are no numbers, or a change of channels on the way.
        """
        seconds = 0.0
        try:
            gain = self._scale()
            for number, part in enumerate(self._parts):
                if number:
                    self._next(part)
                tracks, promise = self._open, self._promises[-1]
                source = (
                    tracks[0].blocks()
                    if len(tracks) == 1
                    else _side_by_side(tracks, tracks[0].rate)
                )
                for block in _at_rate(source, tracks[0].rate, self.info):
                    samples = block.samples if gain == 1 else block.samples * np.float32(gain)
                    yield Block(samples, block.jump_s)
                read_s = max(track.seconds for track in tracks)
                seconds += read_s
                if promise.broken_by(read_s) or any(track.damaged for track in tracks):
                    raise TruncatedAudioError(self._truncated(seconds), int(seconds * 1000))
        except TruncatedAudioError:
            raise
        except UserError as error:
            raise self._named(error) from error
        if seconds == 0:
            raise UserError(
                tr(
                    f"{self._path}：没有声音数据，请检查录音是否成功",
                    f"{self._path}: holds no sound: check that the recording worked",
                )
            )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was odd about the file; complete once `blocks` has been read."""
        if self._gain == 1:
            return self.info.remarks
        scaled = tr(
            "浮点采样超出正常范围，已按整数满幅缩小",
            "floating-point samples were in the range of integers and have been scaled down",
        )
        return (*self.info.remarks, scaled)

    def _named(self, error: UserError) -> UserError:
        return UserError(tr(f"{self._path}：{error}", f"{self._path}: {error}"))

    def _split(self) -> list[Part]:
        parts = split(self._file)
        if not parts:
            raise UserError(
                tr(
                    "不是可识别的音频文件（支持 WAV、MP3、FLAC、Ogg、Opus、M4A、AMR 等；"
                    "没有文件头的裸数据请先转成 WAV）",
                    "not an audio file of a known kind (WAV, MP3, FLAC, Ogg, Opus, M4A, AMR …;"
                    " raw samples without a header have to be made a WAV first)",
                )
            )
        return parts

    def _tracks(self, part: Part) -> list[Track]:
        opened = [Track(self._file, part, 0)]
        try:
            for number in range(1, opened[0].tracks):
                opened.append(Track(self._file, part, number))
        except BaseException:
            for track in opened:
                track.close()
            raise
        return opened

    def _promised(self, part: Part, track: Track) -> whole.Promise:
        return whole.promise(self._file, part, track.duration_s)

    def _info(self) -> AudioInfo:
        first = self._open[0]
        promised = self._promises[0].seconds
        if len(self._parts) > 1:
            promised = None
        remarks = [remark for part in self._parts for remark in part.layout.remarks]
        if len(self._parts) > 1:
            count = len(self._parts)
            remarks.append(
                tr(
                    f"文件里有 {count} 段录音，已按先后接在一起",
                    f"the file holds {count} recordings, heard one after the other",
                )
            )
        return AudioInfo(
            duration_ms=None if promised is None else round(promised * 1000),
            rate=first.rate,
            channels=sum(track.channels for track in self._open),
            codec=first.codec,
            tracks=len(self._open),
            plain=len(self._parts) == len(self._open) == 1
            and self._parts[0].start == 0
            and self._parts[0].layout.plain
            and not remarks,
            remarks=tuple(remarks),
        )

    def _next(self, part: Part) -> None:
        """Go on to the next recording of the file."""
        for track in self._open:
            track.close()
        self._open = []
        self._open = self._tracks(part)
        self._promises.append(self._promised(part, self._open[0]))
        channels = sum(track.channels for track in self._open)
        if channels != self.info.channels:
            raise UserError(
                tr(
                    f"文件里后面的录音有 {channels} 个声道，与前面不同，请分成两个文件",
                    f"a later recording in the file has {channels} channel(s), unlike the first:"
                    " save them as two files",
                )
            )

    def _scale(self) -> float:
        """What samples in floating point have to be multiplied by (see `float_range`)."""
        if not self._gain_known:
            self._gain_known = True
            part = self._parts[0]
            self._gain = float_range.gain(self._sample(part))
        return self._gain

    def _sample(self, part: Part) -> Iterator[Sound]:
        track = Track(self._file, part, 0)
        try:
            for block in track.blocks():
                yield block.samples
        finally:
            track.close()

    def _truncated(self, seconds: float) -> str:
        of_zh = of_en = ""
        if self.info.duration_ms is not None and self.info.duration_ms / 1000 > seconds:
            whole_length = clock(self.info.duration_ms / 1000)
            of_zh, of_en = f"（应有 {whole_length}）", f" of {whole_length}"
        return tr(
            f"{self._path}：文件不完整，只能读到 {clock(seconds)}{of_zh}，请重新复制或导出",
            f"{self._path}: the file is cut off, readable up to {clock(seconds)}{of_en}:"
            " copy or export it again",
        )


def _at_rate(blocks: Iterator[Block], rate: int, info: AudioInfo) -> Iterator[Block]:
    """Blocks of a later recording, brought to the rate of the file's first."""
    if rate == info.rate:
        yield from blocks
        return
    other = OtherRate(info.rate, info.channels)
    for block in blocks:
        samples = other.take(block.samples, rate)
        if len(samples):
            yield Block(samples, block.jump_s)
    if len(rest := other.finish()):
        yield Block(rest)


def _side_by_side(tracks: Sequence[Track], rate: int) -> Iterator[Block]:
    """The channels of all tracks in order, aligned in time; silence where one has no sound."""
    sources = [_Steady(track, rate) for track in tracks]
    for source in sources:
        source.begin()
    first = min(track.start_s for track in tracks)
    for source, track in zip(sources, tracks, strict=True):
        lead_s = track.start_s - first
        if lead_s < _LEAD_S:
            source.lead(round(lead_s * rate))
    while True:
        left = [source.fill(_STEP) for source in sources]  # all of them, not up to the first
        if not any(left):
            return
        length = min(_STEP, max(source.held for source in sources))
        yield Block(np.concatenate([source.take(length) for source in sources], axis=1))


class _Steady:
    """A track at a steady rate: what it lacks is silence."""

    def __init__(self, track: Track, rate: int) -> None:
        self._track = track
        self._rate = rate
        self._resampler = OtherRate(rate, track.channels)
        self._blocks = track.blocks()
        self._parts: list[Sound] = []
        self._over = False
        self.held = 0

    def begin(self) -> None:
        """Read the first block: its time stamp is known then."""
        self.fill(1)

    def lead(self, samples: int) -> None:
        """Silence before the first block."""
        if samples > 0 and self.held:
            self._parts.insert(0, np.zeros((samples, self._track.channels), np.float32))
            self.held += samples

    def fill(self, least: int) -> bool:
        """Have so many samples ready, if there are; False when nothing is left."""
        while self.held < least and not self._over:
            with suppress(StopIteration):
                block = next(self._blocks)
                jump = round(block.jump_s * self._rate)
                self._put(np.zeros((jump, self._track.channels), np.float32))
                self._put(self._resampler.take(block.samples, self._track.rate))
                continue
            self._over = True
            self._put(self._resampler.finish())
        return self.held > 0

    def take(self, length: int) -> Sound:
        joined = np.concatenate(
            [*self._parts, np.zeros((max(0, length - self.held), self._track.channels), np.float32)]
        )
        self._parts = [joined[length:]]
        self.held = len(self._parts[0])
        return joined[:length]

    def _put(self, samples: Sound) -> None:
        if len(samples):
            self._parts.append(samples)
            self.held += len(samples)


def _open_file(path: Path) -> BinaryIO:
    shown = readable(path)
    try:
        if path.is_dir():
            raise UserError(
                tr(f"{shown}：是文件夹，请指定录音文件", f"{shown}: is a folder: name a recording")
            )
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(
            tr(f"{shown}：文件不存在，请检查路径", f"{shown}: no such file: check the path")
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            tr(f"{shown}：无法打开：{reason}", f"{shown}: cannot be opened: {reason}")
        ) from error
    if not file.read(1):
        file.close()
        raise UserError(
            tr(
                f"{shown}：文件是空的，请检查录音或复制是否成功",
                f"{shown}: the file is empty: check that it was recorded or copied",
            )
        )
    file.seek(0)
    return file
