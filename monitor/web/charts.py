"""Charts as inline SVG: no script, no library, and every number readable as text.

A chart is a `<figure>`: a drawing for the eyes, hidden from screen readers, and
the same figures as a table. Bars are a table with drawings in it. Colours and
sizes come from css/charts.css.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, log10

from markupsafe import Markup, escape

from monitor.base.i18n import tr

WIDTH, HEIGHT = 560, 190  # user units of a drawing; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 10, 24
_LABELS = 9  # at most so many names below the axis

Shown = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of `bars`; `href` leads to the calls behind it, `note` stands after the number."""

    label: str
    value: float | None
    href: str | None = None
    note: str = ""
    kind: str = ""  # a severity, or "": the colour of the bar


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or the columns: one value per name of the axis; None leaves a hole."""

    title: str
    values: Sequence[float | None]
    hrefs: Sequence[str | None] = field(default=())

    def href(self, at: int) -> str | None:
        return self.hrefs[at] if at < len(self.hrefs) else None


def number(value: float) -> str:
    """A figure as people write it: whole, or with one decimal."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(value: float) -> str:
    return f"{value * 100:.0f}%" if value in (0, 1) else f"{value * 100:.1f}%"


def bars(
    title: str,
    rows: Sequence[Bar],
    *,
    heading: str,
    measure: str,
    shown: Shown = number,
    most: float | None = None,
) -> Markup:
    """Horizontal bars: a table of label, bar and number. `most` is the length of a full bar."""
    full = most or max((row.value or 0.0 for row in rows), default=0.0) or 1.0
    parts = [
        '<table class="table dense chart-bars">',
        f'<caption class="visually-hidden">{escape(title)}</caption>',
        f'<thead><tr><th scope="col">{escape(heading)}</th><th aria-hidden="true"></th>',
        f'<th scope="col" class="num">{escape(measure)}</th></tr></thead><tbody>',
    ]
    for row in rows:
        share = 100 * min(1.0, (row.value or 0.0) / full)
        text = "–" if row.value is None else shown(row.value)
        note = f' <small class="muted">{escape(row.note)}</small>' if row.note else ""
        parts.append(
            f'<tr><th scope="row">{_linked(row.label, row.href)}</th>'
            f'<td class="chart-bar" aria-hidden="true"><svg class="{escape(row.kind)}">'
            f'<rect class="ground" width="100%" height="100%" rx="3"></rect>'
            f'<rect class="bar" width="{share:.2f}%" height="100%" rx="3"></rect></svg></td>'
            f'<td class="num">{escape(text)}{note}</td></tr>'
        )
    return Markup("".join([*parts, "</tbody></table>"]))


def columns(
    title: str, names: Sequence[str], series: Series, *, shown: Shown = number, heading: str
) -> Markup:
    """Vertical columns, one per name; a click on one leads to its calls."""
    top, ticks = _scale([series])
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(names))
    parts = _grid(top, ticks, shown)
    for at, value in enumerate(series.values):
        if not value:
            continue
        high = (HEIGHT - _TOP - _BOTTOM) * value / top
        x, y = _LEFT + at * step + step * 0.12, HEIGHT - _BOTTOM - high
        rect = (
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{step * 0.76:.1f}"'
            f' height="{high:.1f}" rx="2"><title>{escape(names[at])}: {escape(shown(value))}'
            "</title></rect>"
        )
        href = series.href(at)
        parts.append(f'<a href="{escape(href)}" tabindex="-1">{rect}</a>' if href else rect)
    parts += _names(names, [_LEFT + (at + 0.5) * step for at in range(len(names))])
    return _figure(title, parts, names, [series], shown, heading)


def lines(
    title: str,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    shown: Shown = number,
    heading: str,
    most: float | None = None,
) -> Markup:
    """One line per series over the names of the axis. `most` is the top of the axis."""
    top, ticks = _scale(series, most)
    gap = (WIDTH - _LEFT - _RIGHT - 12) / max(1, len(names) - 1)
    xs = [_LEFT + 6 + at * gap for at in range(len(names))]
    parts = _grid(top, ticks, shown)
    for order, one in enumerate(series):
        ys = [
            None if value is None else HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top
            for value in one.values
        ]
        marks = "".join(
            f"M{xs[a]:.1f},{ys[a]:.1f}L{xs[b]:.1f},{ys[b]:.1f}"
            for a, b in pairwise(range(len(names)))
            if ys[a] is not None and ys[b] is not None
        )
        parts.append(f'<path class="line s{order}" d="{marks}"></path>')
        parts += [
            _dot(order, xs[at], y, f"{names[at]} {one.title}: {shown(value)}", one.href(at))
            for at, (value, y) in enumerate(zip(one.values, ys, strict=True))
            if y is not None and value is not None
        ]
    parts += _names(names, xs)
    return _figure(title, parts, names, series, shown, heading)


def _dot(order: int, x: float, y: float, text: str, href: str | None) -> str:
    # Series differ in shape as well as in colour.
    title = f"<title>{escape(text)}</title>"
    if order % 2 == 0:
        dot = f'<circle class="dot s{order}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>'
    else:
        dot = (
            f'<rect class="dot s{order}" x="{x - 3.2:.1f}" y="{y - 3.2:.1f}" width="6.4"'
            f' height="6.4">{title}</rect>'
        )
    return f'<a href="{escape(href)}" tabindex="-1">{dot}</a>' if href else dot


def _scale(series: Sequence[Series], most: float | None = None) -> tuple[float, list[float]]:
    """The top of the axis and its marks: round numbers that hold every value."""
    highest = max((value or 0.0 for one in series for value in one.values), default=0.0)
    if most is not None and highest <= most:
        return most, [most * part / 4 for part in range(5)]
    if highest <= 0:
        return 1.0, [0.0, 1.0]
    rough = highest / 4
    power = 10 ** floor(log10(rough))
    step = next(power * unit for unit in (1, 2, 2.5, 5, 10) if power * unit >= rough * 0.999)
    count = max(1, ceil(highest / step - 1e-9))
    return step * count, [step * at for at in range(count + 1)]


def _grid(top: float, ticks: Sequence[float], shown: Shown) -> list[str]:
    parts = []
    for tick in ticks:
        y = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * tick / top
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}">'
            f'</line><text class="tick" x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{escape(shown(tick))}</text>"
        )
    return parts


def _names(names: Sequence[str], xs: Sequence[float]) -> list[str]:
    every = max(1, ceil(len(names) / _LABELS))
    return [
        f'<text class="tick" x="{xs[at]:.1f}" y="{HEIGHT - 7}" text-anchor="middle">'
        f"{escape(names[at])}</text>"
        for at in range(0, len(names), every)
    ]


def _figure(
    title: str,
    parts: Sequence[str],
    names: Sequence[str],
    series: Sequence[Series],
    shown: Shown,
    heading: str,
) -> Markup:
    legend = ""
    if len(series) > 1:
        marks = "".join(
            f'<li><span class="mark s{order}" aria-hidden="true"></span>{escape(one.title)}</li>'
            for order, one in enumerate(series)
        )
        legend = f'<ul class="chart-legend">{marks}</ul>'
    drawing = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )
    return Markup(
        f'<figure class="chart-figure"><figcaption class="visually-hidden">{escape(title)}'
        f"</figcaption>{legend}{drawing}{_table(title, names, series, shown, heading)}</figure>"
    )


def _table(
    title: str, names: Sequence[str], series: Sequence[Series], shown: Shown, heading: str
) -> str:
    head = "".join(f'<th scope="col" class="num">{escape(one.title)}</th>' for one in series)
    rows = []
    for at, name in enumerate(names):
        cells = []
        for one in series:
            value = one.values[at]
            text = "–" if value is None else shown(value)
            cells.append(f'<td class="num">{_linked(text, one.href(at))}</td>')
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    return (
        f'<details class="more"><summary>{escape(tr("数据", "Figures"))}</summary>'
        f'<table class="table dense"><caption class="visually-hidden">{escape(title)}</caption>'
        f'<thead><tr><th scope="col">{escape(heading)}</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )


def _linked(text: str, href: str | None) -> str:
    return f'<a href="{escape(href)}">{escape(text)}</a>' if href else str(escape(text))
