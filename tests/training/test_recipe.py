"""The training recipe in miniature: shapes, exact streaming, one real step."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the `train` extra (torch) is not installed")
pytest.importorskip("onnx", reason="the `train` extra (onnx) is not installed")

from models.training import augment, batches, export, features, scoring, teacher, texts, units  # noqa: E402
from models.training.network import Network, Settings  # noqa: E402
from models.training.train import Recipe, Trainer  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Settings(units=units.size(), width=32, hidden=64, blocks=3, memory=4, delay=2)


def small_network() -> Network:
    torch.manual_seed(3)
    network = Network(SMALL).eval()
    network.set_statistics(torch.full((80,), 8.0), torch.full((80,), 3.0))
    return network


def noise(seconds: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory):
    import onnxruntime as ort

    folder = tmp_path_factory.mktemp("model")
    export.write(small_network(), folder)
    return ort.InferenceSession(str(folder / "model.int8.onnx"))


def answer(session, speech: np.ndarray, cache: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logp, after = session.run(None, {"speech": speech, "cache": cache})
    return logp, after


def speech_and_cache(batch: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    speech = np.random.default_rng(5).normal(8, 3, (batch, frames, features.WIDTH))
    cache = np.zeros((batch, SMALL.width, SMALL.blocks * SMALL.memory), np.float32)
    return speech.astype(np.float32), cache


def test_exported_graph_is_close_to_the_network(session) -> None:
    speech, cache = speech_and_cache(2, 40)
    with torch.no_grad():
        expected, _ = small_network()(torch.from_numpy(speech), torch.from_numpy(cache))
    logp, _ = answer(session, speech, cache)
    assert np.abs(logp - expected.numpy()).max() < 0.05  # int8 weights
    assert np.allclose(np.exp(logp).sum(-1), 1.0, atol=1e-4)


def test_exported_weights_can_be_trained_on(tmp_path: Path) -> None:
    network = small_network()
    export.write(network, tmp_path)
    again = export.read(tmp_path, SMALL)
    assert again.state_dict().keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        step = value.abs().max() / 127  # the coarsest int8 step of this array
        assert (again.state_dict()[name] - value).abs().max() <= step / 2 + 1e-6, name


@pytest.mark.parametrize("size", [1, 2, 3, 7, 39])
def test_streaming_equals_whole_file(session, size: int) -> None:
    speech, cache = speech_and_cache(1, 40)
    whole, last = answer(session, speech, cache)
    parts = []
    for start in range(0, 40, size):
        part, cache = answer(session, speech[:, start : start + size], cache)
        parts.append(part)
    assert np.abs(np.concatenate(parts, 1) - whole).max() < 1e-3
    assert np.abs(cache - last).max() < 1e-3


def test_a_batch_equals_its_calls_one_by_one(session) -> None:
    speech, cache = speech_and_cache(5, 30)
    together, _ = answer(session, speech, cache)
    for number in range(5):
        alone, _ = answer(session, speech[number : number + 1], cache[:1])
        assert np.abs(alone[0] - together[number]).max() < 1e-3


def make_shard(folder: Path) -> None:
    """Two clips of noise with transcripts, in the format `prepare` writes."""
    index, parts = [], {"feats": [], "target": [], "weight": []}
    for seed, label in ((1, [5, 9]), (2, [7])):
        feats = features.fbank(noise(1.3, seed))
        frames = -(-len(feats) // features.STRIDE)
        posterior = np.full((frames, units.size()), 1 / units.size(), np.float32)
        aligned = teacher.align(posterior, label)
        assert aligned is not None
        best, weight = teacher.sparse(aligned)
        parts["feats"].append(feats.astype(np.float16))
        parts["target"].append(best)
        parts["weight"].append(weight)
        index.append({"kind": "real", "rows": len(feats), "label": label})
    for key, arrays in parts.items():
        np.save(folder / f"v00-000.{key}.npy", np.concatenate(arrays))
    (folder / "v00-000.json").write_text(json.dumps(index), encoding="utf-8")


def test_training_steps_lower_the_loss_and_resume(tmp_path: Path) -> None:
    make_shard(tmp_path)
    recipe = Recipe(rows=1, warmup=1)
    trainer = Trainer(SMALL, recipe, "cpu")
    trainer.prepare(tmp_path)
    mean = trainer.master.mean[:80].numpy()
    losses = []
    for number in range(12):
        (batch,) = batches.epoch(tmp_path, mean, 1, SMALL.delay, (1, number))
        losses.append(trainer.train_step(batch, 2e-3)["loss"])
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]

    again = Trainer(SMALL, recipe, "cpu")
    again.restore(trainer.state())
    assert again.step == 12
    for mine, theirs in zip(again.average.parameters(), trainer.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_targets_come_late_by_the_delay(tmp_path: Path) -> None:
    make_shard(tmp_path)
    mean = np.zeros(80, np.float32)
    (batch,) = batches.epoch(tmp_path, mean, 1, 6, (1, 0))
    assert batch.weight[0, :6].sum() == 0
    assert np.allclose(batch.weight[0, 6 : batch.lengths[0]].sum(-1), 1.0, atol=1e-2)
    assert batch.weight[0, batch.lengths[0] :].sum() == 0


def test_alignment_follows_the_transcript_not_the_teacher() -> None:
    posterior = np.full((9, 20), 0.001, np.float32)
    posterior[:, 0] = 0.9
    posterior[2, 4], posterior[6, 11] = 5.0, 5.0  # the teacher hears 4 and 11
    posterior[6, 12] = 0.5
    posterior /= posterior.sum(-1, keepdims=True)
    aligned = teacher.align(posterior, [4, 12])
    assert aligned is not None
    assert aligned[2].argmax() == 4
    assert aligned[6].argmax() == 12
    assert aligned[:, 11].max() < 1e-3
    assert np.allclose(aligned.sum(-1), 1.0, atol=1e-3)
    assert teacher.align(posterior[:2], [4, 4]) is None  # a repeat needs a blank between


def test_stacking_clamps_the_edges() -> None:
    frames = np.arange(7, dtype=np.float32)[:, None].repeat(80, 1)
    stacked = features.stack(frames).reshape(3, 5, 80)[:, :, 0]
    assert stacked.tolist() == [[0, 0, 0, 1, 2], [1, 2, 3, 4, 5], [4, 5, 6, 6, 6]]


@pytest.mark.parametrize("seed", range(6))
def test_the_line_keeps_the_time_axis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = noise(1.0, seed) * np.repeat(rng.random(20) > 0.5, 800).astype(np.float32)
    heard = augment.worsen(sound, rng, [noise(1.0, 99)])
    assert heard.shape == sound.shape
    assert np.isfinite(heard).all()


@pytest.mark.parametrize(
    ("codec", "bit_rate", "rate"),
    [("amr", 12200, 8000), ("opus", 16000, 8000), ("opus", 24000, 16000)],
)
def test_codecs_do_not_shift_the_sound(codec: str, bit_rate: int, rate: int) -> None:
    from models.training import codecs

    time = np.arange(rate) / rate
    sound = (0.3 * np.sin(2 * np.pi * 300 * time) * (np.sin(2 * np.pi * 3 * time) > 0)).astype("f")
    heard = codecs.coded(sound, codec, bit_rate, rate)
    lags = [np.dot(sound[1000:-1000], np.roll(heard, -lag)[1000:-1000]) for lag in range(-80, 81)]
    assert abs(int(np.argmax(lags)) - 80) <= rate // 500  # 2 ms


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, "零"),
        (10, "十"),
        (15, "十五"),
        (101, "一百零一"),
        (110, "一百一十"),
        (10500, "一万零五百"),
    ],
)
def test_numbers_are_read_aloud(value: int, read: str) -> None:
    assert texts.number(value) == read


def test_greedy_merges_repeats_and_drops_blanks() -> None:
    best = [0, 3, 3, 0, 3, 5, 5, 0]
    logp = np.log(np.eye(8, dtype=np.float32)[best] + 1e-3)
    assert scoring.greedy(logp) == [3, 3, 5]
    assert scoring.errors([([3, 3, 5], [3, 5])])["ser"] == round(1 / 3, 4)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_synthetic_speech_is_long_enough_to_be_its_text() -> None:
    pytest.importorskip("soxr")
    from models.training import synth

    spoken = synth.speak("您好，很高兴为您服务。", synth.draw_voice(np.random.default_rng(1)))
    assert 0.8 < len(spoken) / features.RATE < 6
    assert np.abs(spoken).max() > 0.05


def test_a_blend_lies_between_both_networks() -> None:
    torch.manual_seed(9)
    other = Network(SMALL).eval()
    mine = small_network()
    before = mine.leave.weight.detach().clone()
    mixed = export.blended(mine, other, 0.75)
    expected = 0.75 * before + 0.25 * other.leave.weight
    assert torch.allclose(mixed.leave.weight, expected)
