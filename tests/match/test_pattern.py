"""The pattern language: what it unfolds to, and errors that say where and what to do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.language.phrases import PatternError, parse
from monitor.language.phrases.pattern import Gap, Slot, Variant, compile_regex, is_regex


def plain(text: str) -> list[str]:
    """Variants of a pattern without slots and gaps, joined."""
    return ["".join(map(str, variant)) for variant in parse(text)]


@pytest.mark.parametrize(
    ("text", "variants"),
    [
        ("你好,再见!", ["你好再见"]),
        ("你[到底]说", ["你到底说", "你说"]),
        ("不(行|可以)", ["不行", "不可以"]),
        ("（您好｜你好）再见", ["您好再见", "你好再见"]),
        ("甲[乙[丙]]", ["甲乙丙", "甲乙", "甲"]),
        ("10010", ["一零零一零"]),
        ("請問", ["请问"]),
    ],
)
def test_unfolds(text: str, variants: list[str]) -> None:
    assert plain(text) == variants


def test_a_choice_of_single_syllables_is_one_piece() -> None:
    assert parse("说(了|过)(两|三|四)(次|遍)") == (("说", "了过", "两三四", "次遍"),)


def test_slots_and_gaps() -> None:
    assert parse("工号{工号}…2谢谢") == (("工", "号", Slot("工号"), Gap(2), "谢", "谢"),)
    assert parse("…你好…") == (("你", "好"),)
    assert parse("你...好") == (("你", Gap(6), "好"),)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("你好[再见", 3, "never closed"),
        ("(你|好", 1, "never closed"),
        ("你好]", 3, "opening bracket"),
        ("你{生日}", 2, "unknown slot"),
        ("你{称呼", 2, "never closed"),
        ("你|好", 2, "round brackets"),
        ("你…99好", 2, "at most 30"),
        ("[可选]", 1, "at least one syllable"),
        ("!?", 1, "at least one syllable"),
        ("", 1, "at least one syllable"),
        ("好" * 121, 1, "120"),
        ("[一二]" * 8, None, "128"),
    ],
)
def test_errors_name_the_column(text: str, column: int | None, words: str) -> None:
    with pytest.raises(PatternError, match=words) as caught:
        parse(text)
    assert caught.value.text == text
    if column is not None:
        assert caught.value.column == column


def test_regular_expressions() -> None:
    assert is_regex("/不能.{0,4}办/")
    assert not is_regex("不能")
    assert compile_regex("/不能/").search("这个不能办")
    with pytest.raises(PatternError, match="not a regular expression") as caught:
        compile_regex("/不能(办/")
    assert caught.value.column > 1
    with pytest.raises(PatternError, match="nothing at all"):
        compile_regex("/不*/")


@pytest.mark.parametrize("bomb", ["(啊+)+吧", "(啊|啊)*吧", "(.*)*吧", "(啊?){60}啊{60}吧"])
def test_a_regular_expression_runs_in_linear_time(bomb: str) -> None:
    """With backtracking each of these would take longer than the universe is old."""
    assert compile_regex(f"/{bomb}/").search("啊" * 50_000) is None


@pytest.mark.parametrize("text", ["/(?=不)办/", r"/(不)\1/", "/(?<!不)办/"])
def test_what_cannot_run_in_linear_time_is_said_so(text: str) -> None:
    with pytest.raises(PatternError, match="linear time"):
        compile_regex(text)


@pytest.mark.parametrize("text", [f"/{'(' * 5000}a{')' * 5000}/", f"/{'啊' * 5000}/"])
def test_a_regular_expression_has_a_size(text: str) -> None:
    with pytest.raises(PatternError):
        compile_regex(text)


@given(st.text(st.sampled_from("你好[]()|{}…3 ,/工号"), max_size=12))
def test_any_text_parses_or_says_why(text: str) -> None:
    error: PatternError | None = None
    variants: tuple[Variant, ...] = ()
    try:
        variants = parse(text)
    except PatternError as caught:
        error = caught
    if error:
        assert 1 <= error.column <= len(text) + 1
        assert error.message
    else:
        assert all(any(isinstance(piece, str) for piece in variant) for variant in variants)
        assert len(set(variants)) == len(variants)


@given(st.text(st.sampled_from("你好再见谢"), min_size=1, max_size=10))
def test_plain_text_is_itself(text: str) -> None:
    assert plain(text) == [text]
    assert plain(re.sub("(.)", r"\1,", text)) == [text]
