"""The syllables that carry a difference are found by trial, and then must be heard."""

from __future__ import annotations

import pytest

from monitor.language.phrases import Matcher, MatchStream, Phrase
from monitor.language.phrases.cells import Line
from monitor.language.phrases.contrast import Contrasts, keen_cells, told_apart
from monitor.language.phrases.matcher import lines_of

from .speech import listen, quotes, tokens


def _line(text: str) -> Line:
    return lines_of(Phrase("", text))[0]


def _keen(text: str, *sentences: str) -> str:
    line = _line(text)
    keen = keen_cells(line, Contrasts(sentences).near(line))
    return "".join(line.cells[at].text for at in sorted(keen))


@pytest.mark.parametrize(
    ("phrase", "innocent", "keen"),
    [
        ("还有什么可以帮您", "您好请问有什么可以帮您", "还"),
        ("感谢您的来电", "感谢您的等待", "来"),
        ("正在帮您查询", "正在帮您转接", "查"),
        ("我们都可以给您办", "我们不可以给您办", "都"),
        ("请您稍后再打来", "请您稍后再打开", "来"),
    ],
)
def test_the_difference_is_found(phrase: str, innocent: str, keen: str) -> None:
    assert _keen(phrase, "今天天气很好", innocent) == keen


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("你有没有搞错", "你有妹有高错"),  # sounds alike: the same words, misheard
        ("感谢您的来电", "谢谢您的来电"),  # says the same
        ("帮您处理一下", "给您处理一下"),
        ("你有没有搞错", "今天天气很好"),  # not near
        ("你有没有搞错", "你有没有搞错"),  # the phrase itself: nothing differs
    ],
)
def test_no_difference_is_made_up(phrase: str, sentence: str) -> None:
    assert _keen(phrase, sentence) == ""


def test_a_sentence_that_says_the_same_is_near_and_differs_in_nothing() -> None:
    line = _line("你有没有搞错")
    (near,) = Contrasts(["那你有没有搞错呢"]).near(line)
    assert (near.sentence, near.cost, near.differs) == (0, 0, frozenset())


def test_nothing_is_near_across_two_sentences() -> None:
    assert Contrasts(["你有没", "有搞错"]).near(_line("你有没有搞错")) == []


def _matcher(text: str, *innocent: str) -> Matcher:
    contrasts = Contrasts(innocent)
    return Matcher(
        [Phrase(text, text)],
        lambda _, lines: [told_apart(line, contrasts.near(line)) for line in lines],
    )


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("还有什么可以帮您", True),
        ("孩有什么可以帮您", True),  # a homophone
        ("还有甚么可以帮您", True),  # another syllable elsewhere is forgiven as before
        ("请问有什么可以帮您", False),
        ("有什么可以帮您", False),
    ],
)
def test_a_keen_syllable_must_be_heard_or_nearly(said: str, found: bool) -> None:
    matcher = _matcher("还有什么可以帮您", "请问有什么可以帮您")
    stream = MatchStream(matcher, tokens("好")[0].party)
    matches = [match for token in tokens(said) for match in stream.feed(token)]
    assert bool(matches + stream.end_utterance(9000)) is found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("我们解决不了", True),
        ("我们解决布鸟", True),
        ("你边还解决不了", False),  # of 我们 nothing is left
        ("我们今天不了", False),  # of 解决 nothing is left
    ],
)
def test_every_word_leaves_a_trace(said: str, found: bool) -> None:
    assert bool(listen(["我们解决不了"], said)) is found


@pytest.mark.parametrize(
    "said", ["不会用的话你就别用", "不会用到底就别用", "不会用你就别用", "不会用就都别用"]
)
def test_small_words_between_cost_little(said: str) -> None:
    assert quotes(["不会用就别用"], said) == [said]


def test_a_negation_between_turns_the_meaning() -> None:
    assert quotes(["这个可以给您办"], "这个可以给您办") == ["这个可以给您办"]
    assert quotes(["这个可以给您退"], "这个不可以给我退") == []
