"""Charts: every number is there as text, links lead on, and nothing breaks out."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from monitor.web.charts import Bar, Series, bars, columns, lines, percent

_VALUES = st.lists(st.none() | st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=40)


def _parsed(chart: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{chart}</div>")


def test_bars_are_a_table_of_numbers_with_links() -> None:
    chart = bars(
        "规则",
        [Bar("甲 & 乙", 3, "/calls?a=1&b=2", "2 通", "fatal"), Bar("丙", None)],
        heading="规则",
        measure="次数",
    )
    tree = _parsed(chart)
    cells = ["".join(cell.itertext()) for cell in tree.iterfind(".//tbody//td[@class='num']")]
    assert cells == ["3 2 通", "–"]
    link = tree.find(".//a")
    assert link is not None
    assert (link.text, link.get("href")) == ("甲 & 乙", "/calls?a=1&b=2")
    widths = [rect.get("width") for rect in tree.iterfind(".//rect[@class='bar']")]
    assert widths == ["100.00%", "0.00%"]


@given(values=_VALUES)
def test_whatever_the_values_a_chart_is_whole_and_stays_inside(values) -> None:
    names = [str(number) for number in range(len(values))]
    series = [Series("a", values), Series("b", list(reversed(values)))]
    for chart in (
        lines("t", names, series, heading="h"),
        columns("t", names, series[0], heading="h"),
    ):
        tree = _parsed(chart)
        for shape in tree.iter():
            for name in ("cx", "cy", "x", "y", "width", "height"):
                if shape.tag in ("circle", "rect", "text") and (text := shape.get(name)):
                    assert -0.1 <= float(text.rstrip("%")) <= 560.1
        rows = tree.findall(".//tbody/tr")
        assert len(rows) == len(values)


def test_lines_tell_their_series_apart_without_colour_and_leave_holes() -> None:
    chart = lines(
        "得分",
        ["1", "2", "3"],
        [Series("机器", [1, None, 3]), Series("人工", [1, 2, 3])],
        heading="日",
    )
    tree = _parsed(chart)
    assert len(tree.findall(".//circle")) == 2
    assert len(tree.findall(".//svg//rect")) == 3
    assert tree.find(".//path[@class='line s0']").get("d") == ""  # type: ignore[union-attr]


def test_the_drawing_is_hidden_from_screen_readers_and_its_links_from_the_keyboard() -> None:
    chart = columns("t", ["a"], Series("s", [1], ["/calls"]), heading="h")
    tree = _parsed(chart)
    drawing = tree.find(".//svg")
    assert drawing is not None
    assert drawing.get("aria-hidden") == "true"
    assert [link.get("tabindex") for link in drawing.iter("a")] == ["-1"]
    assert tree.find(".//table//a").get("href") == "/calls"  # type: ignore[union-attr]


@pytest.mark.parametrize("evil", ["<script>", '"onload="x', "&amp;", "'"])
def test_texts_are_escaped(evil: str) -> None:
    made = [
        bars(evil, [Bar(evil, 1, evil, evil, evil)], heading=evil, measure=evil),
        columns(evil, [evil], Series(evil, [1], [evil]), heading=evil),
        lines(evil, [evil], [Series(evil, [1], [evil])], heading=evil),
    ]
    for chart in made:
        tree = _parsed(chart)
        assert tree.find(".//script") is None
        assert not [node for node in tree.iter() if node.get("onload")]


def test_percent() -> None:
    assert [percent(value) for value in (0, 0.125, 1)] == ["0%", "12.5%", "100%"]
