"""The folder a batch writes: one call JSON per recording, and `summary.csv`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from monitor.base import call_record, files
from monitor.base.cells import as_written, plain_cell
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import fitting
from monitor.events import Severity

_NEEDED = frozenset({"alerts", "scripts", "gaps", "score", "fingerprint"})
_HEAD = 300  # bytes of a call JSON that hold its version and fingerprint

COLUMNS = (
    "call",
    "source",
    "status",
    "duration_s",
    "score",
    "grade",
    "fatal_items",
    "alerts",
    *(f"alerts_{severity.value}" for severity in Severity),
    "scripts_met",
    "scripts_missed",
    "gaps",
    "remarks",
    "error",
    "fingerprint",
)
"""The columns of the summary."""


class Folder:
    """Results in files, each written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def file(self, name: str) -> Path:
        return self._path / fitting(name, ".json")

    def has(self, name: str, fingerprint: str) -> bool:
        """Whether the call of that name was scored from the same audio in the same way."""
        try:
            with self.file(name).open("rb") as file:
                return f'"{fingerprint}"'.encode() in file.read(_HEAD)
        except OSError:  # not there, or not to be read: then it is written anew
            return False

    def read(self, name: str) -> dict[str, Any]:
        """The call JSON.

        Raises:
            UserError: it cannot be read.
        """
        data = call_record.read(self.file(name))
        lacking = _NEEDED - data.keys() | {"damage"} - data["call"].keys()
        if data["call"].get("duration_ms") is None:
            lacking.add("duration_ms")
        if lacking:
            raise UserError(
                tr(
                    f"{self.file(name)}：缺少 {min(lacking)}，请删除后重新评分",
                    f"{self.file(name)}: lacks {min(lacking)}: delete it and score again",
                )
            )
        return data

    def write(self, name: str, data: Mapping[str, Any]) -> None:
        """Raises:
        OutputError: the disk is full or the folder cannot be written.
        """
        text = json.dumps(data, ensure_ascii=False, indent=1)
        files.write_atomically(self.file(name), text)

    def row(self, name: str, source: str, fingerprint: str) -> Mapping[str, Any]:
        """The summary's row of a call that is there."""
        row = self._before.get(name)
        if row is not None and row["fingerprint"] == fingerprint and row["status"] != "error":
            return row
        return row_of(name, source, self.read(name))

    @cached_property
    def _before(self) -> dict[str, dict[str, str]]:
        """The rows of the summary an earlier run left, by call; nothing where it is not one."""
        try:
            text = (self._path / "summary.csv").read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return {}
        reader = csv.DictReader(io.StringIO(text))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            return {}
        rows = [{key: as_written(value) for key, value in row.items() if value} for row in reader]
        return {row["call"]: {**dict.fromkeys(COLUMNS, ""), **row} for row in rows if "call" in row}

    def write_summary(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises:
        OutputError: the disk is full or the folder cannot be written.
        """
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        for name in sorted(rows):
            # Names of files and reasons with names in them may begin like a formula.
            writer.writerow({key: plain_cell(value) for key, value in rows[name].items()})
        # The byte-order mark lets spreadsheet programs read the Chinese.
        files.write_atomically(self._path / "summary.csv", text.getvalue(), encoding="utf-8-sig")


def row_of(name: str, source: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The summary's row of a call."""
    states = [script["state"] for script in data["scripts"]]
    alerts = [alert["severity"] for alert in data["alerts"] if alert["state"] != "retracted"]
    score = data["score"] or {}
    return {
        "call": name,
        "source": source,
        "status": "damaged" if data["call"]["damage"] else "ok",
        "duration_s": round(data["call"]["duration_ms"] / 1000, 1),
        "score": score.get("total"),
        "grade": score.get("grade"),
        "fatal_items": sum(1 for line in score.get("lines", ()) if line.get("fatal")),
        "alerts": len(alerts),
        **{f"alerts_{level.value}": alerts.count(level.value) for level in Severity},
        "scripts_met": states.count("met"),
        "scripts_missed": states.count("missed"),
        "gaps": len(data["gaps"]),
        "remarks": remarks_of(data),
        "error": data["call"]["damage"],
        "fingerprint": data["fingerprint"],
    }


def remarks_of(data: Mapping[str, Any]) -> str:
    """What was odd about the recording of a call JSON, in one line; mostly nothing."""
    return "; ".join(data["call"].get("remarks", ()))


def failed_row(name: str, source: str, error: str, fingerprint: str) -> dict[str, Any]:
    """The summary's row of a recording that could not be scored."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row |= {"call": name, "source": source, "status": "error", "error": error}
    return {**row, "fingerprint": fingerprint}
