"""Phrases that the recogniser spotted below the words, beside those found in the words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.events import Party, Spotted
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase
from monitor.language.phrases.keywords import Keyword, sought

from .speech import STEP_MS, phrase, tokens

Hit = tuple[str, int, int]
"""Pattern, number of its first and last token."""


def _hit(pattern: str, first: int, last: int, after: int | None = None) -> Spotted:
    """Heard over tokens `first` to `last`, certain when token `after` is out."""
    known = (last if after is None else after) + 1
    return Spotted(
        Party.AGENT, pattern, first * STEP_MS, (last + 1) * STEP_MS, known * STEP_MS, -0.6, -1.0
    )


def _listen(phrases: Sequence[str | Phrase], text: str, *hits: Hit, late: int = 0) -> list[Match]:
    """All matches in a turn; each hit comes `late` tokens after its last one."""
    stream = MatchStream(Matcher([phrase(p) for p in phrases]), Party.AGENT)
    spoken = tokens(text)
    matches: list[Match] = []
    for at, token in enumerate(spoken):
        matches += stream.feed(token)
        for pattern, first, last in hits:
            if min(last + late, len(spoken) - 1) == at:
                matches += stream.spot(_hit(pattern, first, last, at))
    return matches + stream.end_utterance(spoken[-1].end_ms)


GARBLED = "那您肉美高吹啊这样"
HEARD: Hit = ("你有没有搞错", 1, 5)


def test_a_spotted_phrase_is_a_match_with_the_words_that_were_decoded() -> None:
    assert _listen(["你有没有搞错"], GARBLED) == []
    (match,) = _listen(["你有没有搞错"], GARBLED, HEARD)
    assert (match.key, match.pattern, match.quote) == ("你有没有搞错", "你有没有搞错", "您肉美高吹")
    assert (match.first_token, match.last_token) == (1, 5)
    assert (match.start_ms, match.end_ms) == (STEP_MS, 6 * STEP_MS)
    assert match.spotted == _hit(*HEARD)
    # Three nats are one wrong syllable: -0.6 per syllable is a fifth of one.
    assert match.similarity == pytest.approx(0.8)
    assert match.cost == pytest.approx(6 * 0.2)
    assert match.budget == pytest.approx(6 / 3)
    assert "".join(step.expected for step in match.alignment) == "你有没有搞错"


@pytest.mark.parametrize("late", [0, 1, 3])
def test_what_the_text_finds_as_well_is_told_once(late: int) -> None:
    """Whichever came first, and by the text where it can tell."""
    (plain,) = _listen(["你有没有搞错"], "那你有没有搞错啊这样")
    (match,) = _listen(["你有没有搞错"], "那你有没有搞错啊这样", ("你有没有搞错", 1, 6), late=late)
    assert match == plain
    assert match.spotted is None


def test_an_imperfect_find_of_the_text_also_counts_before_the_spotted_one() -> None:
    (plain,) = _listen(["你有没有搞错"], "那你有没有高错这样吧")
    (match,) = _listen(["你有没有搞错"], "那你有没有高错这样吧", ("你有没有搞错", 1, 6))
    assert match == plain


def test_the_text_does_not_repeat_what_was_spotted() -> None:
    again = GARBLED + "你有没有搞错啊"
    first, second = _listen(["你有没有搞错"], again, HEARD)
    assert (first.last_token, second.first_token) == (5, 9)
    assert second.spotted is None


def test_a_phrase_spotted_twice_over_one_span_is_told_once() -> None:
    assert len(_listen(["你有没有搞错"], GARBLED, HEARD, ("你有没有搞错", 2, 5))) == 1


def test_protection_by_the_text_holds() -> None:
    bad, ok = "你有没有搞错", Phrase("ok", "肉美高吹", role="shield")
    assert [m.key for m in _listen([Phrase("bad", bad), ok], GARBLED, HEARD)] == ["bad"]
    assert _listen([Phrase("bad", bad, shielded_by=("ok",)), ok], GARBLED, HEARD) == []


def test_a_courtesy_before_it_makes_it_another_sentence() -> None:
    curt: Hit = ("你找哪个", 2, 5)
    assert _listen(["你找哪个"], "那个你早拿过啊", curt)
    assert _listen(["你找哪个"], "请问你早拿过啊", curt) == []


def test_a_negation_that_the_pattern_lacks_refuses_it() -> None:
    strict = Phrase("k", "这个可以给您办", likeness=0.95)  # so that the text finds neither
    assert _listen([strict], "这个可以给您慢", ("这个可以给您办", 0, 6))
    assert _listen([strict], "这个不可以给您慢", ("这个可以给您办", 0, 7)) == []


def test_a_slot_holds_its_value_or_there_is_no_match() -> None:
    pattern = "我的工号是{工号}没错"
    (match,) = _listen([pattern], "我德公好四三五七九煤搓", (pattern, 0, 10))
    assert match.slots == {"工号": "3579"}
    assert _listen([pattern], "我德公好四那样的话煤搓", (pattern, 0, 10)) == []


def test_exact_phrases_and_mere_protections_are_not_told() -> None:
    exact = Phrase("e", "你有没有搞错", exact=True)
    shield = Phrase("s", "你有没有搞错", role="shield")
    assert _listen([exact], GARBLED, HEARD) == []
    assert _listen([shield], GARBLED, HEARD) == []


def test_a_pattern_of_other_rules_means_nothing() -> None:
    assert _listen(["这不归我管"], GARBLED, HEARD) == []


def test_where_nothing_was_decoded_nothing_is_told() -> None:
    stream = MatchStream(Matcher([phrase("你有没有搞错")]), Party.AGENT)
    assert stream.spot(_hit(*HEARD)) == []
    assert stream.end_utterance(9_000) == []


def test_what_a_matcher_wants_to_have_spotted() -> None:
    matcher = Matcher(
        [
            Phrase("a", "你有没有搞错", shielded_by=("s",)),
            Phrase("b", "你有没有搞错", likeness=0.9, role="script"),
            Phrase("s", "看看有没有搞错", role="shield"),
            Phrase("long", "你有没有搞错地方"),
            Phrase("e", "喂你好", exact=True),
            Phrase("o", "我的工号是{工号}"),
            Phrase("c", "我的工号是{工号}号"),
            Phrase("r", "/不.办/"),
        ]
    )
    assert sought(matcher) == (
        Keyword("你有没有搞错", True, 0.9, ("你有没有搞错地方", "看看有没有搞错")),
        Keyword("你有没有搞错地方"),
        Keyword("我的工号是{工号}", tell=False),
        Keyword("我的工号是{工号}号"),
        Keyword("看看有没有搞错", tell=False),
    )
