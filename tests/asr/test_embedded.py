"""What the model in the package promises, on the bundled calls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.asr import DEFAULT, find
from monitor.asr.ctc import model_folder
from monitor.asr.ctc.acoustic import BLOCK, AcousticModel
from monitor.asr.ctc.frontend import StreamingFrontend
from monitor.asr.ctc.model_folder import CacheStreaming, ModelFolder
from monitor.audio.file import read_call
from monitor.base.errors import UserError
from monitor.base.package_files import fixtures_dir
from monitor.events import SAMPLE_RATE, Party


@pytest.fixture(scope="module")
def described() -> ModelFolder:
    try:
        return model_folder.read(find(DEFAULT))
    except UserError as error:
        pytest.skip(f"no embedded model: {error}")


@pytest.fixture(scope="module")
def model(described: ModelFolder) -> AcousticModel:
    return AcousticModel(described)


@pytest.fixture(scope="module")
def calls(described: ModelFolder) -> list[np.ndarray]:
    """Model frames of several voices, shape [frames, values] each."""
    kind = described.description
    frames = []
    for name in ("compliant.wav", "demo.flac", "long-silence.wav"):
        path = fixtures_dir() / name
        if not path.is_file():
            continue
        for party in Party:
            chunks = [c.samples for c in read_call(path) if c.party is party]
            frontend = StreamingFrontend(kind.frontend, kind.stack, SAMPLE_RATE)
            whole = frontend.feed(np.concatenate(chunks)[: 8 * SAMPLE_RATE])
            frames.append(np.concatenate([whole, frontend.finish()]))
    assert len(frames) >= 2
    return frames


def test_streaming_equals_the_whole_file(model: AcousticModel, calls: list[np.ndarray]) -> None:
    assert isinstance(model.description.streaming, CacheStreaming)
    delay = model.description.streaming.delay
    for frames in calls:
        stream = model.stream()
        parts = [stream.feed(frames[at : at + 1]) for at in range(len(frames))]
        parts.append(stream.finish())
        streamed = np.concatenate([part for part in parts if len(part)])
        padded = np.concatenate([frames, np.repeat(frames[-1:], delay, axis=0)])
        whole, _ = model.run_batch(model.normalise(padded)[None], model.zero_cache())
        assert np.abs(np.exp(streamed) - np.exp(whole[0, delay:])).max() < 1e-3
        certain = whole[0, delay:] > -8  # far below, log-probabilities are noise
        assert np.abs(streamed - whole[0, delay:])[certain].max() < 1e-3


def test_several_calls_in_one_batch_give_what_each_gives_alone(
    model: AcousticModel, calls: list[np.ndarray]
) -> None:
    blocks = min(len(frames) for frames in calls) // BLOCK
    batch = np.stack([model.normalise(frames[: blocks * BLOCK]) for frames in calls])
    together = model.zero_cache(len(calls))
    alone = [model.zero_cache() for _ in calls]
    for at in range(0, blocks * BLOCK, BLOCK):
        answers, together = model.run_batch(batch[:, at : at + BLOCK], together)
        for number, frames in enumerate(batch):
            own, alone[number] = model.run_batch(frames[None, at : at + BLOCK], alone[number])
            assert np.abs(np.exp(answers[number]) - np.exp(own[0])).max() < 1e-3


def test_it_looks_ahead_no_further_than_promised(described: ModelFolder) -> None:
    kind = described.description
    assert isinstance(kind.streaming, CacheStreaming)
    hop = kind.frontend.hop_ms
    delay_ms = kind.streaming.delay * kind.stack.stride * hop
    assert delay_ms + kind.stack.right * hop + kind.frontend.frame_ms <= 400


def test_it_is_small(described: ModelFolder) -> None:
    files = [path for path in Path(described.path).iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 15_000_000
