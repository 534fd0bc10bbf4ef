"""Other phrases from the next token on; unchanged ones keep their state."""

from __future__ import annotations

from monitor.events import Party
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase
from monitor.language.phrases.slots import SURNAMES

from .speech import tokens

OLD = [Phrase("a", "你有没有搞错"), Phrase("b", "我们解决不了"), Phrase("c", "不会用就别用")]
NEW = [Phrase("x", "请您稍等一下"), Phrase("c", "不会用就别用"), Phrase("a", "你有没有搞错")]


def _halfway(text: str, old: list[Phrase], new: list[Phrase], at: int) -> list[Match]:
    stream = MatchStream(Matcher(old), Party.AGENT)
    found: list[Match] = []
    for number, token in enumerate(tokens(text)):
        if number == at:
            stream.switch(Matcher(new))
        found += stream.feed(token)
    return found + stream.end_utterance(10_000)


def test_an_unchanged_phrase_survives_in_mid_sentence() -> None:
    assert [m.key for m in _halfway("你有没有搞错", OLD, NEW, 3)] == ["a"]


def test_a_removed_phrase_is_forgotten_and_a_new_one_heard() -> None:
    assert _halfway("我们解决不了", OLD, NEW, 3) == []
    assert [m.key for m in _halfway("我们解决不了请您稍等一下", OLD, NEW, 3)] == ["x"]


def test_a_changed_phrase_starts_afresh() -> None:
    changed = [Phrase("a", "你有没有搞错", likeness=0.9)]
    assert _halfway("你有没有搞错", OLD, changed, 3) == []
    assert [m.key for m in _halfway("你有没有搞错你有没有搞错", OLD, changed, 3)] == ["a"]


def test_what_is_held_stays_held() -> None:
    old = [
        Phrase("alert", "不知道", shielded_by=("s",)),
        Phrase("s", "不知道您贵姓", role="shield"),
    ]
    found = _halfway("我不知道啊你问别人", old, [Phrase("new", "请您稍等一下"), *old], 4)
    assert [m.key for m in found] == ["alert"]


def test_a_thousand_phrases_tell_each_other_apart() -> None:
    """How long they take to load is measured by `python -m benchmarks.matching`."""
    texts = [f"{a}先生{b}小姐请稍等" for a in SURNAMES[:40] for b in SURNAMES[40:65]]
    assert len(texts) == 1000
    matcher = Matcher([Phrase(text, text) for text in texts])
    for text in texts[::199]:
        stream = MatchStream(matcher, Party.AGENT)
        found = [match for token in tokens(text) for match in stream.feed(token)]
        found += stream.end_utterance(10_000)
        assert text in [match.key for match in found if match.similarity == 1.0]
