"""Letters and English words are found in Chinese sounds, in letters, and in between."""

from __future__ import annotations

import pytest

from monitor.language.phrases.letters import without_sound

from .speech import quotes


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("您是VIP客户", "您是vip客户"),
        ("您是VIP客户", "您是威爱皮客户"),
        ("您是VIP客户", "您是微艾批客户"),
        ("下载我们的APP", "下载我们的app"),
        ("下载我们的APP", "下载我们的诶皮皮"),
        ("下载我们的APP", "下载我们的阿扑"),
        ("报一下您的ID", "报一下您的爱地"),
        ("连不上WiFi", "连不上歪费"),
        ("办理5G套餐", "办理五鸡套餐"),
        ("办理5G套餐", "办理五g套餐"),
        ("补办SIM卡", "补办西木卡"),
        ("这样OK吗", "这样欧克吗"),
        ("这样OK吗", "这样欧开吗"),
        ("发一个SMS给您", "发一个艾斯艾木艾斯给您"),
    ],
)
def test_a_word_of_letters_is_found(phrase: str, said: str) -> None:
    assert quotes([phrase], said) == [said]


@pytest.mark.parametrize(
    ("phrase", "said"),
    [("您是VIP客户", "您是新客户"), ("办理5G套餐", "办理五星套餐"), ("补办SIM卡", "补办银行卡")],
)
def test_another_word_is_not(phrase: str, said: str) -> None:
    assert quotes([phrase], said) == []


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("您是VIP客户", []),
        ("连不上WiFi", []),
        ("5G套餐", []),
        ("Netflix会员", ["Netflix"]),
        ("iPad和kindle", ["iPad", "kindle"]),
        ("ありがとう", list("ありがとう")),
        ("/[a-z]+客户/", []),
    ],
)
def test_what_has_no_sound_is_named(phrase: str, words: list[str]) -> None:
    assert without_sound(phrase) == words
