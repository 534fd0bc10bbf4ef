"""The teacher's windows, frames and head; no weights of others are needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the `train` extra (torch) is not installed")

from models.training import corpus, head, scoring, teacher, units, whisper  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def test_windows_cut_no_clip_and_lose_none() -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(8000, 90_000, 50)
    clips = [(np.full(n, 0.1, np.float32), (i + 1,)) for i, n in enumerate(lengths)]
    made = list(whisper.windows(clips, rng))
    assert [u for _, label in made for u in label] == list(range(1, 51))
    assert max(len(w) for w, _ in made) <= whisper.WINDOWS_S[1] * 16_000
    assert min(len(w) for w, _ in made) > 8000
    loud = [w[w != 0] for w, _ in made]
    assert all(np.allclose(x, whisper.LOUDNESS, atol=1e-3) for x in loud)


def test_coarser_frames_keep_every_spike() -> None:
    fine = np.zeros((30, units.size()), np.float32)
    fine[:, units.BLANK] = 1.0
    for number, at in enumerate((1, 4, 8, 11, 15, 20, 28)):
        fine[at] = 0.0
        fine[at, 10 + number] = 1.0
    rows = teacher.coarser(fine, 20, shift_ms=0.0)
    assert rows.shape == (20, units.size())
    assert np.allclose(rows.sum(1), 1.0)
    assert scoring.greedy(rows) == [10, 11, 12, 13, 14, 15, 16]
    assert int(rows[:, 12].argmax()) == (8 * 20 + 10) // 30


def test_head_is_stored_and_read_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    made = head.Head(24).eval()
    head.write(made, head.HeadRecipe(hidden=24), tmp_path)
    frames = torch.randn(2, 9, whisper.WIDTH)
    with torch.no_grad():
        assert torch.allclose(head.read(tmp_path)(frames), made(frames), atol=2e-2)
    facts = json.loads((tmp_path / "model.json").read_text("utf-8"))
    assert facts["frame_ms"] == 20
    assert len((tmp_path / "tokens.txt").read_text("utf-8").split()) == units.size()


def test_head_learns_from_encoded_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_TRAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(head, "DEV", ())
    rng = np.random.default_rng(0)
    words = rng.normal(0, 1, (units.size(), whisper.WIDTH))
    index, frames = [], []
    for _ in range(48):
        label = rng.integers(1, 6, 4).tolist()
        frames.append(np.repeat(words[[u for unit in label for u in (unit, 0)]], 3, 0))
        index.append({"rows": len(frames[-1]), "label": label})
    whisper.folder().mkdir()
    np.save(
        whisper.folder() / "natural-clean-000.enc.npy",
        np.concatenate(frames, dtype=np.float16, casting="unsafe"),
    )
    (whisper.folder() / "natural-clean-000.json").write_text(json.dumps(index), "utf-8")
    recipe = head.HeadRecipe(hidden=32, passes=12, batch=8, peak=1e-2, dropout=0.0)
    records = list(head.train(recipe, tmp_path / "out"))
    assert records[-1]["loss"] < 0.5 * records[0]["loss"]


def test_held_out_speakers_are_not_trained_on() -> None:
    if not (corpus.shared() / "data").is_dir():
        pytest.skip("../shared is not here")
    trained = {c.speaker for c in (*corpus.sentences(), *corpus.isolated())}
    assert not trained & set(corpus.HELD_OUT_SPEAKERS)
    assert {
        c.speaker for s in ("aishell-sample", "dspspeech20") for c in corpus.held_out(s)
    } == set(corpus.HELD_OUT_SPEAKERS)
