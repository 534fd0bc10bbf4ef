"""Model folders: what is read, and what each mistake is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.asr import find, load
from monitor.asr.ctc import model_folder, ngram
from monitor.asr.ctc.decode import DecodingSettings
from monitor.base.errors import UserError


def _edit(path: Path, **changes: Any) -> None:
    description = json.loads((path / "model.json").read_text(encoding="utf-8"))
    description.update(changes)
    (path / "model.json").write_text(json.dumps(description), encoding="utf-8")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "some-model"
    path.mkdir()
    (path / "model.onnx").write_bytes(b"")
    (path / "tokens.txt").write_text("<blank>\nma\n", encoding="utf-8")
    description = {
        "name": "some",
        "frontend": {"bins": 2},
        "streaming": {"mode": "cache", "delay": 3},
        "units": {"file": "tokens.txt", "kind": "syllable"},
    }
    (path / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return path


def test_a_description_is_read(model: Path) -> None:
    read = model_folder.read(model)
    assert read.units == ("<blank>", "ma")
    assert read.description.streaming == model_folder.CacheStreaming(mode="cache", delay=3)
    assert read.description.sample_rate == 16_000
    assert read.network == model / "model.onnx"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"frontend": {"bins": 2, "hop": 10}}, "frontend.hop"),
        ({"frontend": {"bins": 0}}, "frontend.bins"),
        ({"sample_rate": 8000}, "sample_rate"),
        ({"streaming": {"mode": "cache"}}, "streaming.cache.delay"),
        ({"streaming": {"mode": "magic"}}, "streaming"),
        ({"units": {"kind": "syllable"}}, "units.file"),
        ({"units": {"file": "tokens.txt", "kind": "word"}}, "units.kind"),
        ({"units": {"file": "tokens.txt", "kind": "syllable", "blank": 2}}, "units.blank"),
        ({"units": {"file": "none.txt", "kind": "syllable"}}, "none.txt"),
        ({"file": "none.onnx"}, "none.onnx"),
        ({"normalise": {"file": "none.mvn"}}, "none.mvn"),
        ({"normalise": {"shift": [0, 0], "rescale": [1]}}, "rescale"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(
    model: Path, changes: dict[str, Any], named: str
) -> None:
    _edit(model, **changes)
    with pytest.raises(UserError) as caught:
        model_folder.read(model)
    line = str(caught.value)
    assert named in line
    assert "some-model" in line
    assert "\n" not in line


@pytest.mark.parametrize("content", ["{", "[]", "\udcff"])
def test_a_description_that_is_none(model: Path, content: str) -> None:
    (model / "model.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"model\.json"):
        model_folder.read(model)


def test_a_folder_without_description(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.json"):
        model_folder.read(tmp_path)


def test_the_publishers_fsmn_folder_needs_no_description(tmp_path: Path) -> None:
    numbers = " ".join(str(n) for n in range(400))
    (tmp_path / "am.mvn").write_text(
        f"<Nnet>\n<AddShift> 400 400\n<LearnRateCoef> 0 [ {numbers} ]\n"
        f"<Rescale> 400 400\n<LearnRateCoef> 0 [ {numbers} ]\n</Nnet>\n",
        encoding="utf-8",
    )
    (tmp_path / "model.onnx").write_bytes(b"")
    (tmp_path / "tokens.txt").write_text("<blank>\n你\n", encoding="utf-8")
    read = model_folder.read(tmp_path)
    assert read.description.units.kind == "character"
    assert read.shift is not None
    np.testing.assert_array_equal(read.shift, np.arange(400))
    (tmp_path / "am.mvn").write_text("<Nnet>", encoding="utf-8")
    with pytest.raises(UserError, match=r"am\.mvn.*AddShift"):
        model_folder.read(tmp_path)


def test_a_name_is_searched_in_the_path_then_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, package = (tmp_path / name for name in ("first", "second", "package"))
    monkeypatch.setenv("MONITOR_MODELS", f"{first}:{second}")
    monkeypatch.setattr("monitor.base.package_files.models_dir", lambda: package)
    (package / "asr-x").mkdir(parents=True)
    assert find("asr-x") == package / "asr-x"
    (second / "asr-x").mkdir(parents=True)
    assert find("asr-x") == second / "asr-x"
    (first / "asr-x").mkdir(parents=True)
    assert find("asr-x") == first / "asr-x"
    assert find(second / "asr-x") == second / "asr-x"
    assert find(str(second / "asr-x")) == second / "asr-x"


def test_an_unknown_name_tells_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_MODELS", str(tmp_path))
    with pytest.raises(UserError) as caught:
        load("no-such-model")
    assert "no-such-model" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "MONITOR_MODELS" in str(caught.value)


def test_an_unknown_path_is_named(tmp_path: Path) -> None:
    for name in (tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(UserError, match=str(tmp_path / "none")):
            load(name)


def _tune(path: Path, **keys: Any) -> None:
    (path / "decoding.json").write_text(json.dumps(keys), encoding="utf-8")


def test_decoding_is_tuned_apart(model: Path) -> None:
    assert model_folder.read(model).decoding == DecodingSettings()
    steps = np.array([[0, 16], [32, 255]], dtype=np.uint8)
    ngram.write(model / "ngram.npz", steps, ())
    (model / "words.npz").touch()
    _tune(model, ngram="ngram.npz", words="words.npz", lm_weight=0.5, insertion_bonus=3.0)
    read = model_folder.read(model)
    assert read.decoding == DecodingSettings(lm_weight=0.5, insertion_bonus=3.0)
    assert read.words == model / "words.npz"
    assert read.grammar is not None
    np.testing.assert_array_equal(read.grammar.after((0,)), [0, -1])


def test_mistakes_in_the_decoding_are_named(model: Path) -> None:
    for keys, named in (
        ({"ngram": "none.npz"}, "none.npz"),
        ({"words": "none.txt"}, "none.txt"),
        ({"patience": 0}, "patience"),
        ({"temperature": 1}, "temperature"),
    ):
        _tune(model, **keys)
        with pytest.raises(UserError, match=rf"decoding\.json.*{named}"):
            model_folder.read(model)
    _tune(model, ngram="model.onnx")
    with pytest.raises(UserError, match=r"model\.onnx.*2"):
        model_folder.read(model)
