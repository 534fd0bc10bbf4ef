"""The acoustic network in onnxruntime: model frames in, log-posteriors out.

One session serves every stream. The network always runs on blocks of `BLOCK`
of its own frames, counted from the beginning of the stretch, so neither the
chunk size nor the company it keeps in a batch changes a stream's result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import numpy.typing as npt

from monitor.asr.ctc.decode import Posteriors
from monitor.asr.ctc.model_folder import CacheStreaming, ContextStreaming
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    import onnxruntime

    from monitor.asr.ctc.frontend import Frames
    from monitor.asr.ctc.model_folder import ModelFolder

BLOCK = 8
"""Model frames per run: the wait for a block to fill (240 ms at 30 ms per frame)
against the cost of a run. See `docs/recogniser.md` for the measurement."""

Cache = npt.NDArray[np.float32]
"""State of a cache-mode network, shape [streams, *the graph's own]."""


class AcousticModel:
    """A loaded network. Shared; it may be run from any thread.

    Attributes:
        run_block: what streams have their blocks run by: `run_batch`, or one that gathers
            the blocks of many calls for it (`monitor.call.live_shared_acoustic`).

    Raises:
        UserError: the network cannot be loaded, or its inputs and outputs are
            not those that the description promises.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.description = folder.description
        self._shift = folder.shift
        self._rescale = folder.rescale
        self._session = _session(folder)
        self._cache_shape = _check_graph(self._session, folder)
        self.run_block: Callable[[Frames, Cache], tuple[Posteriors, Cache]] = self.run_batch
        self.frame_ms = folder.description.frontend.hop_ms * folder.description.stack.stride

    def stream(self) -> PosteriorStream:
        """A fresh stream for one speech stretch."""
        match self.description.streaming:
            case ContextStreaming(left=left, right=right):
                return _ContextStream(self, left, right)
            case CacheStreaming(delay=delay):
                return _CacheStream(self, delay)

    def zero_cache(self, streams: int = 1) -> Cache:
        """The state of `streams` streams that have heard nothing yet."""
        return np.zeros((streams, *self._cache_shape), dtype=np.float32)

    def normalise(self, frames: Frames) -> Frames:
        """Stacked frames in the range the network was trained on."""
        if self._shift is None or self._rescale is None:
            return frames
        return (frames + self._shift) * self._rescale

    def run(self, frames: Frames, kept: slice = slice(None)) -> Posteriors:
        """Log-posteriors [T, units] of the `kept` ones of normalised frames (context mode)."""
        (raw,) = self._session.run(
            [self.description.output], {self.description.input: frames[None]}
        )
        return _log_softmax(raw[0][kept])

    def run_batch(self, frames: Frames, cache: Cache) -> tuple[Posteriors, Cache]:
        """One block of several streams (cache mode).

        Args:
            frames: normalised frames [streams, T, values]
            cache: their states, first axis `streams`

        Returns:
            log-posteriors [streams, T, units] and the new states.
        """
        raw, cache_out = self._session.run(
            [self.description.output, "cache_out"],
            {self.description.input: frames, "cache": cache},
        )
        return _log_softmax(raw), cache_out


class PosteriorStream(Protocol):
    """The posteriors of one speech stretch, in order, each frame exactly once."""

    def feed(self, frames: Frames) -> Posteriors:
        """Posteriors of the blocks that stacked `frames` complete."""

    def finish(self) -> Posteriors:
        """Posteriors of all frames not yet returned; the stretch is over."""


class _ContextStream:
    """Runs each block with its context frames around it and keeps the block.

    Exact because the network sees no further than `left` and `right` frames,
    and pads with nothing at the true edges of the stretch.
    """

    def __init__(self, model: AcousticModel, left: int, right: int) -> None:
        self._model = model
        self._left = left
        self._right = right
        self._held: Frames | None = None
        self._first = 0  # index, in the stretch, of the first held frame
        self._next = 0  # first frame without posteriors

    def feed(self, frames: Frames) -> Posteriors:
        self._hold(frames)
        assert self._held is not None
        blocks = []
        while self._first + len(self._held) >= self._next + BLOCK + self._right:
            blocks.append(self._run(self._next + BLOCK, self._next + BLOCK + self._right))
        return _joined(blocks)

    def finish(self) -> Posteriors:
        if self._held is None:
            return _joined([])
        end = self._first + len(self._held)
        blocks = []
        while self._next < end:
            kept = min(self._next + BLOCK, end)
            blocks.append(self._run(kept, min(kept + self._right, end)))
        return _joined(blocks)

    def _hold(self, frames: Frames) -> None:
        frames = self._model.normalise(frames)
        self._held = frames if self._held is None else np.concatenate([self._held, frames])

    def _run(self, kept: int, end: int) -> Posteriors:
        """Posteriors of frames `_next … kept`, seeing as far as `end`."""
        assert self._held is not None
        begin = max(0, self._next - self._left)
        block = self._model.run(
            self._held[begin - self._first : end - self._first],
            slice(self._next - begin, kept - begin),
        )
        self._next = kept
        spare = max(0, kept - self._left) - self._first
        self._held = self._held[spare:]
        self._first += spare
        return block


class _CacheStream:
    """Hands the network's state on from block to block."""

    def __init__(self, model: AcousticModel, delay: int) -> None:
        self._model = model
        self._cache = model.zero_cache()
        self._skip = delay  # outputs that tell of frames before the beginning
        self._delay = delay
        self._held: Frames | None = None
        self._last: Frames | None = None

    def feed(self, frames: Frames) -> Posteriors:
        frames = self._model.normalise(frames)
        self._held = frames if self._held is None else np.concatenate([self._held, frames])
        if len(frames):
            self._last = frames[-1:]
        blocks = []
        while len(self._held) >= BLOCK:
            blocks.append(self._run(self._held[:BLOCK]))
            self._held = self._held[BLOCK:]
        return _joined(blocks)

    def finish(self) -> Posteriors:
        if self._held is None or self._last is None:
            return _joined([])
        rest = np.concatenate([self._held, np.repeat(self._last, self._delay, axis=0)])
        self._held = self._last = None
        return _joined([self._run(rest[at : at + BLOCK]) for at in range(0, len(rest), BLOCK)])

    def _run(self, frames: Frames) -> Posteriors:
        posteriors, self._cache = self._model.run_block(frames[None], self._cache)
        skipped = min(self._skip, len(frames))
        self._skip -= skipped
        return posteriors[0, skipped:]


def _joined(blocks: Sequence[Posteriors]) -> Posteriors:
    return np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)


def _log_softmax(raw: Posteriors) -> Posteriors:
    # Graphs end in a log-softmax already or give plain scores; this makes both the same.
    top = raw.max(axis=-1, keepdims=True)
    total = top + np.log(np.exp(raw - top).sum(axis=-1, keepdims=True))
    return cast("Posteriors", raw - total)


def _session(folder: ModelFolder) -> onnxruntime.InferenceSession:
    import onnxruntime  # heavy; reading a description must not need it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(folder.network), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own errors share no narrower base class
        reason = str(error).splitlines()[0]
        raise UserError(
            tr(
                f"{folder.network}：onnxruntime 无法载入（{reason}）",
                f"{folder.network}: onnxruntime cannot load it ({reason})",
            )
        ) from error


def _check_graph(session: onnxruntime.InferenceSession, folder: ModelFolder) -> tuple[int, ...]:
    """Compare the graph with its description; returns the cache's shape without streams."""
    description = folder.description
    inputs = {node.name: node.shape for node in session.get_inputs()}
    outputs = {node.name: node.shape for node in session.get_outputs()}
    cached = isinstance(description.streaming, CacheStreaming)
    wanted_in = [("input", description.input), *([("streaming", "cache")] if cached else [])]
    wanted_out = [("output", description.output), *([("streaming", "cache_out")] if cached else [])]
    for kind, wanted, have in (("input", wanted_in, inputs), ("output", wanted_out, outputs)):
        for key, name in wanted:
            if name not in have:
                raise UserError(
                    tr(
                        f"{folder.path}：{key} 需要名为 {name} 的"
                        f"{'输入' if kind == 'input' else '输出'}，{description.file} 中没有"
                        f"（有：{'、'.join(have)}）",
                        f"{folder.path}: {key} needs an {kind} called {name}, which "
                        f"{description.file} does not have (it has: {', '.join(have)})",
                    )
                )
    count = outputs[description.output][-1]
    if isinstance(count, int) and count != len(folder.units):
        raise UserError(
            tr(
                f"{folder.path}：units.file {description.units.file} 有 {len(folder.units)} 行，"
                f"而模型有 {count} 个输出",
                f"{folder.path}: units.file {description.units.file} has {len(folder.units)} "
                f"lines but the network has {count} outputs",
            )
        )
    return tuple(int(size) for size in inputs["cache"][1:]) if cached else ()
