"""What an agent sees on a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from monitor.base.i18n import use_language
from monitor.cli.screen import page
from monitor.cli.screen.call_board import Board
from monitor.cli.screen.plain import PlainScreen
from monitor.events import (
    Alert,
    AlertState,
    CallInfo,
    Event,
    Gap,
    Partial,
    Party,
    ScriptState,
    ScriptStatus,
    Severity,
    Token,
    Utterance,
)

A, C = Party.AGENT, Party.CUSTOMER


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    use_language("zh")
    yield
    use_language("zh")


def turn(party: Party, text: str, start_ms: int) -> Utterance:
    tokens = tuple(
        Token(party, char, "x", start_ms + 200 * i, start_ms + 200 * (i + 1))
        for i, char in enumerate(text)
    )
    return Utterance(party, start_ms, tokens[-1].end_ms, tokens)


def alert(number: int, start_ms: int, end_ms: int, **changes: object) -> Alert:
    values: dict[str, object] = {
        "id": f"a{number}",
        "rule": f"rule-{number}",
        "title": f"标题{number}",
        "family": "推诿",
        "severity": Severity.MAJOR,
        "party": A,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "at_ms": end_ms,
        "quote": "我问谁啊",
        "similarity": 1.0,
        "advice": "这个问题我帮您问一下相关部门，请您稍等",
        **changes,
    }
    return Alert(**values)  # type: ignore[arg-type] # values are checked by the tests themselves


def board(*events: Event, now_ms: int = 0) -> Board:
    made = Board()
    made.take(list(events), now_ms)
    return made


def painted(made: Board, width: int = 80, height: int = 24) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(page.render(made, width, height), height=height)
    return out.getvalue().splitlines()


def spoken(utterance: Utterance) -> list[Event]:
    return [*utterance.tokens, utterance]


def test_the_page_shows_words_card_and_countdown_at_80_by_24() -> None:
    made = board(
        CallInfo("x", "demo.flac", (A, C)),
        ScriptState("g", "开头语", ScriptStatus.PENDING, 0, deadline_ms=10_000),
        *spoken(turn(A, "你问我我问谁啊", 1000)),
        alert(1, 1600, 2400),
        Partial(C, "你这", 2500),
        now_ms=4000,
    )
    lines = painted(made)
    text = "\n".join(lines)
    assert len(lines) == 24
    assert "坐席 你问我我问谁啊" in text
    assert "▲ 严重" in text
    assert "这个问题我帮您问一下" in text
    assert "0:06 开头语" in text, "six of ten seconds are left"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 50), (40, 12), (20, 6), (10, 3)])
def test_any_size_of_terminal_is_painted_to_fit(width: int, height: int) -> None:
    events: list[Event] = []
    for i in range(30):
        events += spoken(turn(A if i % 2 else C, "这是一句很长很长的话" * 3, i * 5000))
    made = board(*events, *(alert(i, i * 5000, i * 5000 + 900) for i in range(5)))
    assert len(painted(made, width, height)) == height


def test_the_newest_words_stay_visible() -> None:
    events: list[Event] = []
    for i in range(40):
        events += spoken(turn(A, f"第{i}句", i * 1000))
    assert any("第39句" in line for line in painted(board(*events)))


def test_only_the_words_of_the_hit_are_marked() -> None:
    words = turn(A, "好的你问我我问谁啊", 0)
    made = board(*spoken(words), alert(1, 400, 1800))
    marked = [token.text for token in words.tokens if made.hit(token)]
    assert "".join(marked) == "你问我我问谁啊"


def test_a_customer_saying_the_same_at_the_same_time_is_not_marked() -> None:
    made = board(alert(1, 400, 1800))
    assert made.hit(Token(C, "你", "ni", 400, 600)) is None


def test_an_alert_that_may_not_interrupt_does_not_take_the_card() -> None:
    made = board(alert(1, 0, 900), alert(2, 1000, 1900, interrupts=False))
    assert [a.id for a in made.cards()] == ["a1", "a2"]


def test_a_retracted_alert_gives_the_card_back() -> None:
    made = board(alert(1, 0, 900), alert(2, 1000, 1900))
    made.take([alert(2, 1000, 1900, state=AlertState.RETRACTED)], 2000)
    assert [a.id for a in made.cards()] == ["a1", "a2"]


def test_two_speakers_at_once_keep_their_own_lines() -> None:
    a, c = turn(A, "甲乙", 0), turn(C, "丙丁", 100)
    mixed: list[Event] = [a.tokens[0], c.tokens[0], a.tokens[1], c.tokens[1], a, c]
    lines = ["".join(t.text for t in line.tokens) for line in board(*mixed).lines]
    assert lines == ["甲乙", "丙丁"]


def test_plain_lines_say_what_the_page_shows() -> None:
    out = io.StringIO()
    with PlainScreen(out) as screen:
        screen([*spoken(turn(A, "我问谁啊", 61_000)), alert(1, 61_000, 61_800)], 62_000)
        screen([ScriptState("g", "结束语", ScriptStatus.MISSED, 70_000, advice="再见")], 70_000)
        screen([Gap(C, 1000, 2000, "设备没有送来声音")], 70_000)
    assert out.getvalue().splitlines() == [
        "[1:01] 坐席: 我问谁啊",
        "[1:01] ▲ 严重 标题1 「我问谁啊」",
        "        建议说: 这个问题我帮您问一下相关部门，请您稍等",
        "[1:10] ✗ 缺失 结束语",
        "        应说: 再见",
        "[0:01–0:02] 客户: (设备没有送来声音)",
    ]


def test_english_is_one_switch_away() -> None:
    use_language("en")
    out = io.StringIO()
    PlainScreen(out)([alert(1, 0, 900)], 1000)
    assert "major" in out.getvalue()
    assert "Say instead" in out.getvalue()


def verdict(number: int, state: AlertState, heard: str) -> Alert:
    second = {"recogniser": "faster-whisper:small", "quote": heard}
    return alert(number, 400, 1800, state=state, evidence={"second": second})


def test_a_verdict_shows_what_was_heard_again() -> None:
    text = "\n".join(painted(board(verdict(1, AlertState.CONFIRMED, "我问谁啊？"))))
    assert "✓ 已复核确认" in text
    assert "复核听到 「我问谁啊？」" in text
    assert "请说" in text


def test_a_retracted_alert_marks_no_words_and_gives_no_advice() -> None:
    words = turn(A, "好的你问我我问谁啊", 0)
    made = board(*spoken(words), verdict(1, AlertState.RETRACTED, ""))
    text = "\n".join(painted(made))
    assert "✗ 复核后撤回" in text
    assert "复核听到 没有这句话" in text
    assert "请说" not in text
    assert "告警 0" in text
    assert not any(made.hit(token) for token in words.tokens)


def test_a_verdict_on_a_plain_line() -> None:
    out = io.StringIO()
    PlainScreen(out)([verdict(1, AlertState.RETRACTED, "不会的")], 3_000)
    assert out.getvalue().splitlines() == [
        "[0:01] ▲ 严重 ✗ 复核后撤回 标题1 「我问谁啊」",
        "        复核听到: 「不会的」",
    ]
