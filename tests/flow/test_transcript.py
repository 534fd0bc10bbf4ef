"""Subtitles as players expect them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from monitor.base.call_record import CallRecord
from monitor.call.transcript import cues_of, render
from monitor.events import CallEnd, CallInfo, Party, Token, Utterance

A, C = Party.AGENT, Party.CUSTOMER


def turn(party: Party, start_ms: int, text: str, step_ms: int = 200) -> Utterance:
    tokens = tuple(
        Token(party, sign, "", start_ms + i * step_ms, start_ms + (i + 1) * step_ms)
        for i, sign in enumerate(text)
    )
    return Utterance(party, tokens[0].start_ms, tokens[-1].end_ms, tokens)


def record(*turns: Utterance) -> CallRecord:
    made = CallRecord()
    made([CallInfo("c", "c.wav", (A, C)), *turns, CallEnd(60_000)])
    return made


def stamps(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(\S+) --> (\S+)", text)


LONG = "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十"

OVERLAPS = [
    [turn(A, 0, LONG), turn(C, 1_000, "对对对")],
    [turn(A, 0, LONG), turn(C, 100, LONG), turn(A, 7_000, "好的")],
    [turn(C, 5_000, "晚"), turn(A, 0, "早")],
    [turn(A, 0, "嗯", 0), turn(C, 0, "嗯", 0)],
    [turn(A, 0, LONG), turn(A, 3_000, "同一方重叠")],
]


@pytest.mark.parametrize("turns", OVERLAPS)
@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_cues_are_in_order_and_one_at_a_time_for_each_party(
    turns: list[Utterance], form: str
) -> None:
    text = render(record(*turns), form)
    times = stamps(text)
    assert times == sorted(times, key=lambda stamp: stamp[0])
    assert all(start < end for start, end in times)
    cues = cues_of(sorted(turns, key=lambda t: t.start_ms))
    for party in Party:
        own = [cue for cue in cues if cue.party is party]
        assert all(a.end_ms <= b.start_ms or a.start_ms == b.start_ms for a, b in pairwise(own))
    words = "".join(cue.text for cue in cues)
    assert sorted(words) == sorted("".join(t.text for t in turns))  # not a word lost
    if form == "srt":
        assert re.findall(r"^(\d+)$", text, re.M) == [str(i + 1) for i in range(len(cues))]


def test_text_that_would_break_a_cue() -> None:
    odd = Token(A, "a<b>&c --> d\n\n2", "", 0, 500)
    text = render(record(Utterance(A, 0, 500, (odd,))), "vtt")
    assert "a&lt;b&gt;&amp;c --&gt; d  2" in text
    assert text.count("-->") == 1
    assert len(render(record(Utterance(A, 0, 500, (odd,))), "srt").split("\n\n")) == 2
