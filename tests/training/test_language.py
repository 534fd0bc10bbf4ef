"""The recipe's language models: counting, smoothing, mixing, and text drawn at random."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models.training import ngram, opengram, units, words
from models.training.ngram import Source
from monitor.asr.ctc.ngram import STEP, Ngram

BASE = units.size()
ROW = np.array([0, 5, 6, 7, 0, 5, 6, 8, 9, 0, 407, 5, 6, 7], np.int16)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_ngrams_are_counted_within_sentences(order: int) -> None:
    keys, counts = ngram.count(ROW, order)
    expected: Counter[int] = Counter()
    for at in range(len(ROW) - order + 1):
        gram = ROW[at : at + order].tolist()
        if 0 not in gram[1:]:
            expected[sum(u * BASE**p for p, u in enumerate(reversed(gram)))] += 1
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected
    assert list(keys) == sorted(keys)


def test_chances_add_up_and_prefer_what_was_read() -> None:
    source = Source(ROW)
    for history in ((0,), (5, 6), (0, 5, 6), (6, 8, 9), (100, 200, 300)):
        chances = source.chances(history)
        assert chances.sum() == pytest.approx(1)
        assert chances[units.BLANK] == 0
    assert source.chances((0, 5, 6)).argsort()[::-1][:2].tolist() == [7, 8]
    assert source.chances((407, 5, 6)).argmax() == 7


def test_counts_below_the_least_leave_their_share_to_shorter_histories() -> None:
    believed = Source(ROW, {2: 1, 3: 2, 4: 2}).chances((6, 8))
    assert believed[9] == Source(ROW).chances((8,))[9]


def test_the_mixture_is_written_as_one_model() -> None:
    sources = (Source(ROW), Source(np.array([0, 5, 6, 9, 5, 6, 9], np.int16)))
    weights = (0.75, 0.25)
    built = Ngram(*ngram.build(sources, weights))
    for history in ((0,), (6,), (5, 6), (0, 5, 6), (9, 5, 6), (3, 5, 6)):
        mixed = sum(w * s.chances(history) for w, s in zip(weights, sources, strict=True))
        likely = np.flatnonzero(mixed > 0.02)
        np.testing.assert_allclose(built.after(history)[likely], np.log(mixed[likely]), atol=STEP)
        assert np.exp(built.after(history)[1:].astype(float)).sum() == pytest.approx(1, abs=0.05)


def _toy() -> opengram.WordGrams:
    """你好 is followed by 吗 alone; 你好 吗 by 你好 most of the time."""
    return opengram.WordGrams(
        words=("<unk>", "你好", "吗", "A"),
        one=np.array([0.2, 0.3, 0.3, 0.2]),
        two=np.array([[1, 2], [1, 3]]),
        p_two=np.array([1.0, 0.0]),
        three=np.array([[1, 2, 1]]),
        p_three=np.array([0.8]),
    )


def test_words_are_drawn_as_they_follow_each_other() -> None:
    toy = _toy()
    usable = np.array([False, True, True, False])
    rows = opengram.draw(toy, usable, chains=200, length=100)
    assert rows.shape == (200, 100)
    assert set(np.unique(rows)) == {1, 2}
    after = Counter(b for row in rows.tolist() for a, b in itertools.pairwise(row) if a == 1)
    assert set(after) == {2}
    triples = [row[i : i + 3] for row in rows.tolist() for i in range(98)]
    third = Counter(c for a, b, c in triples if (a, b) == (1, 2))
    assert third[1] / third.total() == pytest.approx(0.9, abs=0.03)  # 0.8, and half of the rest


def test_drawn_words_are_read_aloud_in_order() -> None:
    sounds = opengram.spoken(_toy().words)
    assert [len(sound) for sound in sounds] == [0, 2, 1, 0]
    read = opengram.read_aloud(np.array([[1, 2], [2, 1]], np.int32), sounds)
    assert read.tolist() == [*sounds[1], *sounds[2], *sounds[2], *sounds[1]]


def test_an_arpa_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "toy.arpa"
    file.write_text(
        "\n\\data\\\nngram 1=2\nngram 2=1\nngram 3=1\n\n\\1-grams:\n-1\t你好\t-0.5\n-2\t吗\t0\n\n"
        "\\2-grams:\n-0.3\t你好 吗\t0\n\n\\3-grams:\n-0.1\t你好 吗 吗\n\n\\end\\\n",
        encoding="utf-8",
    )
    grams = opengram.read(file)
    assert grams.words == ("你好", "吗")
    np.testing.assert_allclose(grams.one, [0.1, 0.01])
    assert grams.two.tolist() == [[0, 1]]
    assert grams.three.tolist() == [[0, 1, 1]]
    np.testing.assert_allclose([*grams.p_two, *grams.p_three], [10**-0.3, 10**-0.1])


def test_pairs_of_words_that_say_most_are_kept() -> None:
    texts, scores, pairs = words.mix(
        (words.general(_toy()), words.Count(["谢谢您"] * 5), words.Count(["谢谢您来电"])), most=1
    )
    assert {"你好", "吗"} <= set(texts)
    assert "A" not in texts
    first, second = divmod(int(pairs.listed[0]), len(texts))
    assert (texts[first], texts[second]) == ("你好", "吗")
    assert np.exp(scores).sum() == pytest.approx(1, abs=0.01)
    after = np.exp(scores + pairs.backoff[first])
    after[second] = np.exp(pairs.score[0])
    assert after.sum() == pytest.approx(1, abs=0.03)
