"""Priority: longer and protecting phrases win; what is held is released, never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.events import Party
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase

from .speech import listen, quotes, tokens

SHIELDED = (
    Phrase("alert", "不知道", shielded_by=("shield",)),
    Phrase("shield", "不知道您贵姓", role="shield"),
)


def test_the_longer_phrase_wins() -> None:
    both = ["喂说话呀", "喂说话呀再不说话我就挂了啊"]
    assert quotes(both, "喂说话呀再不说话我就挂了啊") == ["喂说话呀再不说话我就挂了啊"]
    assert quotes(both, "喂说话呀") == ["喂说话呀"]


def test_the_shorter_one_is_held_while_the_longer_may_come_and_then_released() -> None:
    stream = MatchStream(
        Matcher([Phrase("a", "喂说话呀"), Phrase("b", "喂说话呀再不说话我就挂了啊")]), Party.AGENT
    )
    found = [stream.feed(token) for token in tokens("喂说话呀您好请讲")]
    assert found[3] == []
    released = [match for matches in found for match in matches]
    assert [match.key for match in released] == ["a"]
    assert released[0].end_ms == 800 < released[0].at_ms <= 1600


def test_a_script_is_never_held_back_by_a_longer_one() -> None:
    both = [
        Phrase("a", "请问您贵姓", role="script"),
        Phrase("b", "请问您贵姓怎么称呼", role="script"),
    ]
    assert [m.key for m in listen(both, "请问您贵姓怎么称呼")] == ["a", "b"]


def test_a_shield_protects_and_is_not_reported() -> None:
    assert listen(SHIELDED, "不知道您贵姓") == []
    assert [m.key for m in listen(SHIELDED, "不知道啊你问别人")] == ["alert"]


def test_a_script_that_contains_a_forbidden_phrase_protects_it() -> None:
    phrases = [
        Phrase("alert", "能不能解决"),
        Phrase("script", "您看这样能不能解决您的问题", role="script"),
    ]
    assert [m.key for m in listen(phrases, "您看这样能不能解决您的问题")] == ["script"]
    assert [m.key for m in listen(phrases, "你们能不能解决")] == ["alert"]


def test_a_worse_fitting_shield_does_not_protect() -> None:
    phrases = [
        Phrase("alert", "你有没有搞错", shielded_by=("s1",)),
        Phrase("s1", "看有没有搞错", role="shield"),
    ]
    assert [m.key for m in listen(phrases, "你有没有搞错")] == ["alert"]
    assert listen(phrases, "我帮您看有没有搞错") == []


def test_held_until_time_runs_out() -> None:
    stream = MatchStream(Matcher(SHIELDED), Party.AGENT)
    assert [m for token in tokens("我不知道") for m in stream.feed(token)] == []
    assert stream.advance(2000) == []
    (match,) = stream.advance(5000)
    assert match.end_ms == 800
    assert match.at_ms == 800 + 1500


def test_held_until_the_turn_ends() -> None:
    stream = MatchStream(Matcher(SHIELDED), Party.AGENT)
    assert [m for token in tokens("我不知道") for m in stream.feed(token)] == []
    assert [match.at_ms for match in stream.end_utterance(1100)] == [1100]
    assert stream.end_utterance(9000) == []


@given(
    st.lists(
        st.sampled_from(["不知道", "不知道您贵姓", "你有没有搞错", "今天", "嗯", "不行"]),
        max_size=6,
    ),
    st.lists(st.integers(0, 4000), min_size=6, max_size=6),
    st.lists(st.integers(1, 700), max_size=30),
)
def test_when_time_is_told_does_not_matter(
    said: list[str], pauses: list[int], steps: list[int]
) -> None:
    """`advance` in any steps between the tokens, or never: the same matches at the same times."""
    phrases = (*SHIELDED, Phrase("long", "你有没有搞错"), Phrase("exact", "不行", exact=True))
    matcher = Matcher(phrases)
    timed = []
    now = 0
    for text, pause in zip(said, pauses, strict=False):
        now += pause
        timed += tokens(text, now)
        now = timed[-1].end_ms
    end = now + 10_000

    def run(steps: list[int]) -> list[Match]:
        stream = MatchStream(matcher, Party.AGENT)
        found: list[Match] = []
        settled = 0
        for token in timed:
            for step in steps:
                if settled + step <= token.start_ms:
                    settled += step
                    found += stream.advance(settled)
            found += stream.feed(token)
        return found + stream.advance(end) + stream.end_utterance(end)

    plain = run([])
    assert run(steps) == plain
    for match in plain:
        assert match.end_ms <= match.at_ms <= match.end_ms + 7000
