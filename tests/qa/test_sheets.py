"""Exports open in a spreadsheet program, say what was in the store, and run nothing."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from monitor.quality.reports import extracts, sheets
from monitor.quality.reports.sheets import Column, Sheet, plain
from monitor.store import Store
from monitor.store.schema import User
from tests.qa import made

_EVIL = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    '=HYPERLINK("http://x","y")',
]


def _sheet(*rows: tuple[object, ...]) -> Sheet:
    columns = [Column("text", "文本"), Column("number", "数")]
    return Sheet("表[1]:*?/\\" + "长" * 40, columns, rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("evil", _EVIL)
def test_no_cell_is_a_formula(evil: str) -> None:
    book = load_workbook(io.BytesIO(sheets.to_xlsx([_sheet((evil, -3))])))
    cell, number = book.worksheets[0][2]
    assert cell.data_type == "s"
    assert str(cell.value).startswith("'")
    assert (number.value, number.data_type) == (-3, "n")
    row = list(csv.reader(io.StringIO(sheets.to_csv(_sheet((evil, -3))).decode("utf-8-sig"))))[1]
    assert row[0] == f"'{evil}"
    assert row[1] == "-3"  # a number stays one


@given(st.text(max_size=50))
def test_plain_text_is_kept_and_never_runs(text: str) -> None:
    shown = plain(text)
    assert shown.removeprefix("'") == text.removeprefix("'")
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_texts_that_xlsx_cannot_hold_are_made_to_fit() -> None:
    book = load_workbook(io.BytesIO(sheets.to_xlsx([_sheet(("a\x00b", 1), ("长" * 40_000, 2))])))
    page = book.worksheets[0]
    assert page["A2"].value == "a\ufffdb"
    assert len(page["A3"].value) == 32_767
    assert len(page.title) <= 31


def test_kinds_of_cells() -> None:
    moment = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    columns = [Column(name, name) for name in ("when", "none", "flag", "share")]
    made_sheet = Sheet("t", columns, [(moment, None, True, 0.5)])
    page = load_workbook(io.BytesIO(sheets.to_xlsx([made_sheet]))).worksheets[0]
    assert [cell.value for cell in page[2]] == [datetime(2026, 11, 20, 9, 30), None, True, 0.5]  # noqa: DTZ001 - XLSX knows no zones
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == "A1:D2"
    line = json.loads(sheets.to_jsonl(made_sheet))
    assert line == {"when": moment.isoformat(), "none": None, "flag": True, "share": 0.5}


def test_calls_findings_and_cards_read_back(store: Store, people: dict[str, User]) -> None:
    with store.session() as session:
        made.fill(session, 30, reviewer=people["qa"])
    with store.reading() as session:
        found = {
            "calls": extracts.calls(session, [], UTC),
            "findings": extracts.findings(session, []),
            "scripts": extracts.missed(session, []),
            "cards": extracts.cards(session, [], UTC),
        }
        rows = {name: list(sheet.rows) for name, sheet in found.items()}
        again = [Sheet(sheet.title, sheet.columns, rows[name]) for name, sheet in found.items()]
        book = load_workbook(io.BytesIO(sheets.to_xlsx(again)))
    assert len(rows["calls"]) == 30
    for page, name in zip(book.worksheets, found, strict=True):
        assert page.max_row == len(rows[name]) + 1
        assert page.max_column == len(found[name].columns)
        assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    quotes = [cell.value for cell in book.worksheets[1]["J"][1:]]
    assert quotes
    assert set(quotes) == {"'=你有没有搞错"}
