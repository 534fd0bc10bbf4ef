"""`like`: what means the same is found, whatever the words; how it is written, learned, kept."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from monitor.events import Party, Severity, Token
from monitor.language.meaning.clauses import windows
from monitor.language.meaning.encoder import alike, load
from monitor.language.meaning.heads import choose, family_digest, platt
from monitor.language.meaning.library import head_of, shipped
from monitor.language.normalise import normalise
from monitor.language.pinyin import syllables
from monitor.rules import PackErrors
from monitor.rules import load as load_packs
from monitor.rules.engine.meaning import Listening, meaning_of
from monitor.rules.language.like_file import read_families

from .conftest import HEAD, MakeBook, alerts, decided, run

RULES = Path(__file__).parents[2] / "rules"
PUSH = "rules:\n  - {id: push, title: 不推诿, severity: fatal, like: 推诿}\n"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.language.meaning.library.user_folder", lambda: tmp_path / "user")


def test_what_means_it_is_found_and_the_evidence_says_why(book: MakeBook) -> None:
    found = alerts(run(book(PUSH), {"agent": "谁给您办的您找谁去呀"}))
    assert [alert.rule for alert in found] == ["push"]
    like = found[0].evidence["like"]
    assert isinstance(like, dict)
    assert like["family"] == "推诿"
    assert 0 < float(str(like["score"])) <= 1
    near = like["nearest"]
    assert isinstance(near, list)
    assert len(near) == 3
    assert found[0].quote == "谁给您办的您找谁去呀"


def test_meaning_alone_is_never_fatal_and_what_is_likely_is_a_tip(book: MakeBook) -> None:
    made = book(PUSH)
    for text in ("谁给您办的您找谁去呀", "这事不归我们管你找别人去", "跟我们没关系"):
        for alert in alerts(run(made, {"agent": text})):
            like = alert.evidence["like"]
            assert isinstance(like, dict)
            assert alert.severity is (Severity.MAJOR if like["sure"] else Severity.TIP)
            assert like["sure"] or not alert.interrupts


@pytest.mark.parametrize(
    "text",
    [
        "好的我帮您转给负责的同事",
        "您刚才说营业员跟您讲不归我们管是吗",
        "我们不会让您自己去找他们的",
        "请您稍等我查一下",
    ],
)
def test_what_does_not_mean_it_is_left_alone(book: MakeBook, text: str) -> None:
    assert alerts(run(book(PUSH), {"agent": text})) == []


def test_the_customer_may_say_it(book: MakeBook) -> None:
    assert alerts(run(book(PUSH), {"customer": "谁给您办的您找谁去呀"})) == []


def test_one_sentence_is_one_finding(book: MakeBook) -> None:
    text = "您好，谁给您办的您找谁去呀，这个跟我们没有关系，好吧"
    found = alerts(run(book(PUSH), {"agent": text}))
    spans = sorted((a.start_ms, a.end_ms) for a in found)
    assert spans
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_a_script_may_be_said_in_other_words(book: MakeBook) -> None:
    made = book(
        "rules:\n  - id: more\n    title: 问其他需要\n    must: [请问还有其他问题吗]\n"
        "    like: 询问其他需求\n"
    )
    other = run(made, {"agent": "除了这个，别的方面还需要我帮忙吗"})
    assert decided(other, "more") == ["met"]
    assert decided(run(made, {"agent": "您这个月的话费是五十九元"}), "more") == ["missed"]


def test_a_situation_may_be_meant(book: MakeBook) -> None:
    made = book(
        "situations:\n  请等: {like: 请稍等, party: agent}\n"
        "rules:\n  - {id: held, title: 让客户等, avoid: 请等}\n"
    )
    assert len(alerts(run(made, {"agent": "麻烦您等我一小会儿，我查查"}), "held")) == 1
    assert alerts(run(made, {"agent": "您这个月的话费是五十九元"}), "held") == []


OWN = """
rules:
  - id: fruit
    title: 不卖水果
    like:
      examples: [苹果很甜您买点吧, 来两斤橘子吧, 葡萄今天特价您要不要, 香蕉便宜买一把, 西瓜包甜]
      not: [您的话费是五十元, 请您稍等我查一下, 宽带明天恢复, 您买的套餐含二十个吉, 我帮您登记]
"""


def test_examples_may_stand_in_the_rule_and_are_learned_once(
    book: MakeBook, tmp_path: Path
) -> None:
    head_of.cache_clear()
    meaning_of.cache_clear()
    found = alerts(run(book(OWN), {"agent": "今天葡萄特价，您买点吧"}))
    assert [alert.rule for alert in found] == ["fruit"]
    kept = list((tmp_path / "user/like").glob("*.npz"))
    assert len(kept) == 1
    head_of.cache_clear()
    before = kept[0].stat().st_mtime_ns
    assert book(OWN).likes[Party.AGENT][0].sentences.counts
    run(book(OWN), {"agent": "您好"})
    assert kept[0].stat().st_mtime_ns == before


def test_a_family_beside_the_pack_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "like"
    own.mkdir()
    lines = "\n".join(f"- 苹果很甜第{n}句" for n in "一二三四五六")
    others = "\n".join(f"- 话费五十第{n}句" for n in "一二三四五六")
    (own / "推诿.yaml").write_text(
        f"family: 推诿\nparty: agent\nexamples:\n{lines}\nnot:\n{others}\n", "utf-8"
    )
    pack = tmp_path / "mine.yaml"
    pack.write_text(HEAD + PUSH, encoding="utf-8")
    likes = load_packs([pack]).likes[Party.AGENT]
    assert likes[0].sentences.examples[0] == "苹果很甜第一句"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("rules:\n  - {id: a, title: 甲, like: 推委}\n", "是不是 推诿"),
        (
            "rules:\n  - {id: a, title: 甲, measure: silence, above: 3s, like: 推诿}\n",
            "只写一个动词",
        ),
        ("rules:\n  - {id: a, title: 甲, like: {examples: [一], not: [二]}}\n", "至少写 5 句"),
        ("situations:\n  s: {like: 请稍等}\nrules: []\n", "请写明是谁说的"),
    ],
)
def test_mistakes_are_told(book: MakeBook, body: str, told: str) -> None:
    with pytest.raises(PackErrors) as error:
        book(body)
    assert told in str(error.value)


def test_how_the_sound_is_cut_changes_nothing(book: MakeBook) -> None:
    """The judgement of a stretch comes when it is complete, and is the same again."""
    made = book(PUSH)
    text = normalise("好的您稍等一下谁给您办的您找谁去呀跟我们没有关系").text
    tokens = [
        Token(Party.AGENT, char, sound, at * 200, at * 200 + 200)
        for at, (char, sound) in enumerate(zip(text, syllables(text), strict=True))
    ]
    found = []
    for _ in range(2):
        listening = Listening(Party.AGENT, meaning_of(made.likes[Party.AGENT]))
        heard = [match for token in tokens for match in listening.feed(token)]
        found.append([*heard, *listening.end(tokens[-1].end_ms)])
    assert found[0] == found[1] != []


def test_every_shipped_family_is_read_and_was_learned() -> None:
    families = read_families(RULES / "like")
    assert len(families) > 40
    known = shipped().heads
    version = load().version
    missing = []
    for family in families:
        one = tuple(dict.fromkeys(normalise(t).text for t in family.examples))
        other = tuple(dict.fromkeys(normalise(t).text for t in family.not_))
        if family_digest(version, one, other) not in known:
            missing.append(family.family)
    assert missing == [], "run models.meaning.train and models.meaning.calibrate"


def test_the_same_sentence_has_the_same_features_alone_and_in_company() -> None:
    encoder = load()
    texts = ["谁给您办的您找谁去呀", "您好", "请您稍等我查一下"]
    together = encoder.features(texts)
    for number, text in enumerate(texts):
        assert np.allclose(encoder.features([text])[0], together[number], atol=1e-4)


def test_windows_are_clauses_their_pairs_and_the_turn() -> None:
    assert windows([8, 20, 26]) == [(0, 8), (8, 20), (0, 20), (20, 26), (8, 26), (0, 26)]
    assert windows([3]) == [(0, 3)]  # however short, a whole turn is judged
    assert windows([]) == []


@pytest.mark.parametrize(("one", "other"), [("zhang", "zan"), ("nian", "lian"), ("shi", "si")])
def test_what_is_confused_is_written_alike(one: str, other: str) -> None:
    assert alike(one) == alike(other)


def test_thresholds_keep_their_order() -> None:
    chance = np.random.default_rng(1)
    counter = chance.normal(-2, 1, 100).astype(np.float32)
    usual = chance.normal(-5, 1, 4000).astype(np.float32)
    limits = choose(counter, (usual, usual[:100]))
    assert limits.likely <= limits.sure
    assert limits.short_likely <= limits.short_sure <= limits.sure
    assert limits.short_likely <= limits.likely
    scale, shift = platt(chance.normal(2, 1, 50).astype(np.float32), counter)
    assert scale > 0
    assert abs(shift) < 10


def test_the_table_states_precision_with_its_interval(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--lang", "zh", "rules", "like"])
    assert not left.value.code
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) > 40
    assert any(row.startswith("推诿\t") and "–" in row for row in rows)
