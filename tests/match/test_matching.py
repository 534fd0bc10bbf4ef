"""What must be found and what must not: the behaviour that docs/matching.md promises."""

from __future__ import annotations

import pytest

from monitor.events import Alternative, Party, Token
from monitor.language.phrases import Matcher, MatchStream, Phrase, StepKind

from .speech import listen, quotes, tokens

FOUND = [
    # pattern, what is said, what is quoted
    ("你有没有搞错", "你有没有搞错", "你有没有搞错"),
    ("你有没有搞错", "您好你有妹有高错啊", "你有妹有高错"),  # homophones
    ("你有没有搞错", "你有没有告错", "你有没有告错"),
    ("不知道怎么处理", "不自道怎么楚理", "不自道怎么楚理"),  # zh/z, ch/c
    ("你你有没有搞错", "你有没有搞错", "你有没有搞错"),
    ("你有没有搞错", "你你有没有搞错", "你有没有搞错"),  # a repeated syllable
    ("你有没有搞错", "你有没有没有搞错", "你有没有没有搞错"),  # a repeated pair
    ("你有没有搞错", "你有没有那个搞错", "你有没有那个搞错"),  # a hesitation
    ("你有没有搞错", "你嗯有没有呃搞错", "你嗯有没有呃搞错"),
    ("你有没有搞错", "你有没|有搞错", "你有没有搞错"),  # cut in two by the VAD
    ("你先搞搞清楚", "你先搞清楚", "你先搞清楚"),  # reduplication
    ("要我说多少遍你才明白啊", "要我说多少遍你才明白", "要我说多少遍你才明白"),  # particle
    ("我们解决不了", "我们姐觉不了", "我们姐觉不了"),
    ("不会用就(别|不要)用", "不会用就不要用", "不会用就不要用"),
    ("你[到底]要说什么", "你要说什么", "你要说什么"),
    ("你[到底]要说什么", "你到底要说什么", "你到底要说什么"),
    ("都说过…还是搞不清楚", "都说过好几遍了你怎么还是搞不清楚", "都说过好几遍了你怎么还是搞不清楚"),
    ("请您稍等", "請您稍等", "請您稍等"),  # traditional characters
    ("10010客服", "一零零一零客服", "一零零一零客服"),
]

QUIET = [
    ("不行", "银行不行走"),
    ("不行", "他步行去"),  # a real word that sounds the same
    ("有什么事", "请问您有什么事"),
    ("有什么事", "请问有什么事"),
    ("你是谁", "请问你是谁"),
    ("你有没有搞错", "你有没有收到短信"),  # the same beginning
    ("我们解决不了", "我们解决了"),  # the negation is what matters
    ("你搞搞清楚", "也许我说的不高清楚"),
    ("你有没有搞错", "你有没有"),
    ("听不清楚你大点声", "对不起请您大声一点好吗"),
]


@pytest.mark.parametrize(("pattern", "said", "quote"), FOUND)
def test_found_once(pattern: str, said: str, quote: str) -> None:
    assert quotes([pattern], said) == [quote]


@pytest.mark.parametrize(("pattern", "said"), QUIET)
def test_quiet(pattern: str, said: str) -> None:
    assert quotes([pattern], said) == []


def test_each_occurrence_counts_once() -> None:
    assert len(listen(["你有没有搞错"], "你有没有搞错你有没有搞错|你有没有搞错")) == 3


def test_reported_with_its_last_syllable() -> None:
    stream = MatchStream(Matcher([Phrase("k", "你有没有搞错")]), Party.AGENT)
    found = [stream.feed(token) for token in tokens("你有没有搞错啊")]
    assert [len(matches) for matches in found] == [0, 0, 0, 0, 0, 1, 0]
    match = found[5][0]
    assert (match.start_ms, match.end_ms, match.at_ms) == (0, 1200, 1200)
    assert (match.first_token, match.last_token) == (0, 5)
    assert match.similarity == 1.0


def test_a_long_silence_ends_an_attempt() -> None:
    stream = MatchStream(Matcher([Phrase("k", "你有没有搞错")]), Party.AGENT)
    halves = tokens("你有没", 0) + tokens("有搞错", 600 + 3100)
    assert [m for token in halves for m in stream.feed(token)] == []


def test_likeness_and_exact() -> None:
    said = "你有没有高出"
    assert quotes(["你有没有搞错"], said) == [said]
    assert quotes([Phrase("k", "你有没有搞错", likeness=0.97)], said) == []
    assert quotes([Phrase("k", "你有没有搞错", exact=True)], said) == []
    assert quotes([Phrase("k", "你有没有搞错", exact=True)], "你有妹有高错") == ["你有妹有高错"]


@pytest.mark.parametrize(
    ("said", "hits"),
    [
        ("不行", 1),
        ("嗯不行啊", 1),
        ("不行|您再试试", 1),
        ("这个号码不行", 0),
        ("不行的话您再联系我们", 0),
    ],
)
def test_exact_stands_alone(said: str, hits: int) -> None:
    assert len(listen([Phrase("k", "不行", exact=True)], said)) == hits


def test_exact_waits_for_the_pause_not_longer() -> None:
    stream = MatchStream(Matcher([Phrase("k", "不行", exact=True)]), Party.AGENT)
    assert [m for token in tokens("不行") for m in stream.feed(token)] == []
    assert stream.advance(700) == []
    assert [match.at_ms for match in stream.advance(900)] == [800]


def test_punctuation_of_the_recogniser_ends_a_clause() -> None:
    stream = MatchStream(Matcher([Phrase("k", "不行", exact=True)]), Party.AGENT)
    matches = stream.feed(Token(Party.AGENT, "不行，", "", 0, 400))
    matches += stream.feed(Token(Party.AGENT, "您再试试。", "", 400, 1000))
    assert [match.quote for match in matches] == ["不行"]


def test_tone_costs_little() -> None:
    (same,) = listen(["你有没有搞错"], "你有没有搞错")
    (other,) = listen(["你有没有搞错"], "你有没有高错")
    assert same.similarity == 1.0
    assert 0.98 < other.similarity < 1.0


def test_an_alternative_of_the_recogniser_counts_in_proportion() -> None:
    def cost(probability: float) -> float:
        heard = tokens("你有没有")
        heard += [
            Token(Party.AGENT, "跑", "pao", 800, 1000, 0.6, (Alternative("gao", probability),)),
            Token(Party.AGENT, "错", "cuo", 1000, 1200),
        ]
        stream = MatchStream(Matcher([Phrase("k", "你有没有搞错")]), Party.AGENT)
        (match,) = [m for token in heard for m in stream.feed(token)]
        return match.cost

    without = listen(["你有没有搞错"], "你有没有跑错")[0].cost
    assert cost(0.55) < cost(0.3) < cost(0.1) <= without


def test_a_doubtful_syllable_weighs_less() -> None:
    def cost(confidence: float) -> float:
        heard = [
            Token(Party.AGENT, t.text, t.syllable, t.start_ms, t.end_ms, confidence)
            for t in tokens("你有没有跑错")
        ]
        stream = MatchStream(Matcher([Phrase("k", "你有没有搞错")]), Party.AGENT)
        (match,) = [m for token in heard for m in stream.feed(token)]
        return match.cost

    assert cost(0.3) < cost(0.9)


def test_letters_and_syllables_without_characters() -> None:
    stream = MatchStream(Matcher([Phrase("k", "VIP客户专线")]), Party.AGENT)
    matches = stream.feed(Token(Party.AGENT, "VIP", "", 0, 300))
    for at, sound in enumerate(("ke", "hu", "zhuan", "xian")):
        start = 300 + at * 200
        matches += stream.feed(Token(Party.AGENT, "", sound, start, start + 200))
    assert len(matches) == 1


def test_regular_expressions_are_exact_and_hit_once() -> None:
    matches = listen(["/不能.{0,4}办/"], "这个不能给您办啊这个不能办")
    assert [match.quote for match in matches] == ["不能给您办", "不能办"]
    assert quotes(["/不能.{0,4}办/"], "这个不嫩给您办") == []
    assert quotes(["/1{3}/"], "一一一") == []


def test_the_state_is_bounded_and_late_phrases_are_found() -> None:
    stream = MatchStream(Matcher([Phrase("k", "你有没有搞错")]), Party.AGENT)
    found = 0
    for at, token in enumerate(tokens("今天天气很好我们" * 400 + "你有没有搞错")):
        found += len(stream.feed(token))
        assert at >= 0
    assert found == 1
    assert len(stream._history.units) <= 640


def test_keys_must_be_unique_and_shields_exist() -> None:
    with pytest.raises(ValueError, match="same key"):
        Matcher([Phrase("k", "你好"), Phrase("k", "再见")])
    with pytest.raises(ValueError, match="not there"):
        Matcher([Phrase("k", "你好", shielded_by=("x",))])


def test_the_alignment_tells_what_was_forgiven() -> None:
    (match,) = listen(["你有没有搞错"], "你有没那个有找错")
    kinds = [step.kind for step in match.alignment]
    assert kinds.count(StepKind.FILLER) == 1
    assert kinds.count(StepKind.SAME) == 5
    assert sum(step.cost for step in match.alignment) == match.cost


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("我的报修弄好了没有", "弄好了没有"),
        ("我的报修弄好了没", "弄好了没"),
        ("弄好了吗", "弄好了吗"),
    ],
)
def test_a_wording_that_begins_another_does_not_hide_it(said: str, quote: str) -> None:
    """没 alone is refused at the boundary inside 没有; the longer wording must still be found."""
    assert quotes(["(办|弄|处理)好了(吗|没有|没)"], said) == [quote]
