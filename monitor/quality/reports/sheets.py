"""Tables as files: XLSX, CSV and JSON lines.

Text that a spreadsheet program would run as a formula is made plain text
(`monitor.base.cells`): what agents and customers say ends up in these files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from monitor.base.cells import plain
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell: TypeAlias = str | int | float | bool | datetime | None
Format: TypeAlias = Literal["xlsx", "csv", "jsonl"]

MIME: dict[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
_LONGEST = 32_767  # characters that a cell of XLSX holds
_MOST_ROWS = 1_048_575  # rows of an XLSX sheet below its header


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in JSON, its heading, its width in characters."""

    key: str
    title: str
    width: int = 12


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; `rows` may be read once only."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]


def to_csv(sheet: Sheet) -> bytes:
    """CSV with a byte-order mark, so that spreadsheet programs read the Chinese."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([plain(column.title) for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_csv_cell(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def _csv_cell(cell: Cell) -> Any:
    match cell:
        case str():
            return plain(cell)
        case datetime():
            return cell.isoformat(sep=" ", timespec="seconds")
        case _:
            return cell


def to_jsonl(sheet: Sheet) -> bytes:
    """One JSON object per row, keys in the order of the columns."""
    keys = [column.key for column in sheet.columns]
    lines = (
        json.dumps(dict(zip(keys, map(_json_cell, row), strict=True)), ensure_ascii=False)
        for row in sheet.rows
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _json_cell(cell: Cell) -> Any:
    return cell.isoformat() if isinstance(cell, datetime) else cell


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook: headings in bold and frozen, a filter over each table.

    Raises:
        UserError: a table is longer than the format allows.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for sheet in sheets:
        _write_sheet(book.create_sheet(_sheet_name(sheet.title)), sheet)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _write_sheet(page: WriteOnlyWorksheet, sheet: Sheet) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    page.freeze_panes = "A2"
    for number, column in enumerate(sheet.columns, 1):
        page.column_dimensions[get_column_letter(number)].width = column.width

    def made(value: Cell, bold: bool = False) -> Any:
        cell = WriteOnlyCell(page, value=_xlsx_value(value))
        if isinstance(value, str):
            cell.data_type = "s"  # text, whatever its first character
        elif isinstance(value, datetime):
            cell.number_format = "yyyy-mm-dd hh:mm:ss"
        if bold:
            cell.font = Font(bold=True)
        return cell

    page.append([made(column.title, bold=True) for column in sheet.columns])
    count = 0
    for row in sheet.rows:
        count += 1
        if count > _MOST_ROWS:
            raise UserError(
                tr(
                    f"{sheet.title}：超过 XLSX 的 {_MOST_ROWS} 行，请缩小范围或导出 CSV",
                    f"{sheet.title}: more than the {_MOST_ROWS} rows of XLSX;"
                    " narrow it down or export CSV",
                )
            )
        page.append([made(cell) for cell in row])
    last = get_column_letter(len(sheet.columns))
    page.auto_filter.ref = f"A1:{last}{count + 1}"


def _xlsx_value(value: Cell) -> Any:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    match value:
        case str():
            return plain(ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))[:_LONGEST]
        case datetime():
            return value.replace(tzinfo=None)  # the format knows no zones: local time
        case _:
            return value


def _sheet_name(title: str) -> str:
    """A title that XLSX takes: 31 characters, none of []:*?/\\."""
    return "".join("·" if sign in "[]:*?/\\" else sign for sign in title)[:31] or "1"


def write(sheets: Sequence[Sheet], form: Format) -> bytes:
    """The tables in a format; CSV and JSON lines hold the first one only."""
    if form == "xlsx":
        return to_xlsx(sheets)
    return to_csv(sheets[0]) if form == "csv" else to_jsonl(sheets[0])
