"""The alignment in words, in both languages; and what came nearest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.base.i18n import use_language
from monitor.language.phrases import explain, nearest, rows

from .speech import listen, tokens


@pytest.fixture(autouse=True)
def _chinese_again() -> Iterator[None]:
    yield
    use_language("zh")


def test_a_hit_shows_what_was_forgiven_and_why() -> None:
    (match,) = listen(["你有没有搞错"], "你有没那个有高凑")
    text = explain(match)
    assert "命中" in text
    assert "未命中" not in text
    why = {row.heard.split()[0]: row.why for row in rows(match)}
    assert why["那个"] == "口头语或重复"
    assert why["高"] == "声调不同"
    assert why["凑"] == "近音 uo/ou" or why["凑"].startswith(("近音", "读音不同"))
    assert why["你"] == ""


def test_english() -> None:
    use_language("en")
    (match,) = listen(["你有没有搞错"], "你有没那个有搞错")
    assert "a hit" in explain(match)
    assert "hesitation" in explain(match)


def test_a_near_miss_says_what_would_have_been_needed() -> None:
    miss = nearest("请问有什么可以帮您", tokens("今天天气不错有什么能帮您的吗"))
    assert miss is not None
    text = explain(miss)
    assert "未命中" in text
    assert "没听到：请 问" in text
    assert miss.cost > miss.budget


def test_nearest_finds_the_best_place_and_is_never_better_than_a_match() -> None:
    said = "您好请问你有没有搞错了你有没有高出啊"
    near = nearest("你有没有搞错", tokens(said))
    assert near is not None
    assert (near.quote, near.similarity) == ("你有没有搞错", 1.0)
    (match, *_) = listen(["你有没有搞错"], said)
    assert near.cost <= match.cost


def test_nearest_of_nothing_alike_or_nothing_at_all() -> None:
    assert nearest("你有没有搞错", []) is None
    assert nearest("你有没有搞错", tokens("波波波波")) is None
    assert nearest("/你好/", tokens("你好")) is None


def test_nearest_takes_slots_and_choices() -> None:
    near = nearest("我的工号是{工号}", tokens("您好我工号是八零一二"))
    assert near is not None
    assert dict(near.slots) == {"工号": "8012"}
