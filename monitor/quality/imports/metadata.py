"""What is known of a recording beside its sound: from a CSV file, or from its file name.

A row or a name gives agent, queue, direction, tier, started_at, released_by,
and any number of further facts. Values are read in Chinese and in English.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from pathlib import Path, PurePath
from typing import Any, Literal

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.moments import COMPACT, is_day, read_moment
from monitor.base.names import readable
from monitor.call.facts import CallFacts
from monitor.events import Detail, Direction, Party
from monitor.quality.imports.same_name import Finder, named_with_nearest

FIELDS = ("agent", "queue", "direction", "tier", "started_at", "released_by")

_HEADERS: Mapping[str, str] = {
    **{name: name for name in ("file", *FIELDS)},
    **dict.fromkeys(("文件", "文件名", "录音", "filename", "recording", "call"), "file"),
    **dict.fromkeys(("坐席", "座席", "客服", "工号", "员工", "agent_id"), "agent"),
    **dict.fromkeys(("队列", "技能组", "业务"), "queue"),
    **dict.fromkeys(("方向", "呼叫方向", "呼入呼出"), "direction"),
    **dict.fromkeys(("等级", "客户等级", "客户级别"), "tier"),
    **dict.fromkeys(("开始时间", "通话时间", "时间", "start", "start_time", "time"), "started_at"),
    **dict.fromkeys(("日期", "通话日期", "开始日期", "date", "start_date"), "date"),
    **dict.fromkeys(("挂机方", "挂断方", "先挂机"), "released_by"),
    **dict.fromkeys(("等待秒数", "接听等待"), "wait_s"),
    **dict.fromkeys(("满意度",), "satisfaction"),
    **dict.fromkeys(("问题分类", "来电类型"), "category"),
    **dict.fromkeys(("已解决", "是否解决"), "resolved"),
    **dict.fromkeys(("记录准确",), "recorded"),
    **dict.fromkeys(("投诉及时",), "complaint_in_time"),
}
_DIRECTIONS: Mapping[str, Direction] = {
    **dict.fromkeys(("inbound", "in", "呼入", "来电", "入"), "inbound"),
    **dict.fromkeys(("outbound", "out", "呼出", "外呼", "去电", "出"), "outbound"),
}
_PARTIES: Mapping[str, Party] = {
    **dict.fromkeys(("agent", "坐席", "座席", "客服"), Party.AGENT),
    **dict.fromkeys(("customer", "caller", "客户", "用户"), Party.CUSTOMER),
}
_CUT_SHORT = re.compile(r"\d(\.\d+)?[Ee]\+\d+")
_TIME_ALONE = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?")
_YES = frozenset(("1", "yes", "true", "是", "y", "已解决", "准确", "及时"))
_NO = frozenset(("0", "no", "false", "否", "n", "未解决", "不准确", "不及时"))
_KINDS: Mapping[str, Literal["number", "flag"]] = {
    "wait_s": "number",
    "satisfaction": "number",
    "resolved": "flag",
    "recorded": "flag",
    "complaint_in_time": "flag",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one recording; unknown facts stay None.

    `started_at` is aware, or a day whose time is not known. `more` holds facts
    that are nobody's column here, under the names rules and reports may ask for.
    """

    agent: str | None = None
    queue: str | None = None
    direction: Direction | None = None
    tier: str | None = None
    started_at: datetime | date | None = None
    released_by: Party | None = None
    more: Mapping[str, Detail] = field(default_factory=dict)

    def over(self, other: Known) -> Known:
        """This, with what it leaves open taken from `other`."""
        mine = {name: getattr(self, name) for name in FIELDS}
        both = {k: getattr(other, k) if v is None else v for k, v in mine.items()}
        return Known(**both, more={**other.more, **self.more})

    def call_facts(self) -> CallFacts:
        """In the form the flow takes; the rules see every fact by its name."""
        facts: dict[str, Detail] = dict(self.more)
        for name in ("agent", "queue", "tier", "released_by"):
            value = getattr(self, name)
            if value is not None:
                facts[name] = str(value)
        started = self.started_at.isoformat() if self.started_at else None
        return CallFacts(started, self.direction, tuple(sorted(facts.items())))

    def to_dict(self) -> dict[str, Any]:
        data = {name: getattr(self, name) for name in FIELDS}
        if self.started_at is not None:
            data["started_at"] = self.started_at.isoformat()
        given = {k: str(v) for k, v in data.items() if v is not None}
        return {**given, "more": dict(self.more)} if self.more else given

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Known:
        values = {name: data[name] for name in FIELDS if name in data}
        if "started_at" in values:
            text = values["started_at"]
            read = date.fromisoformat if is_day(text) else datetime.fromisoformat
            values["started_at"] = read(text)
        if "released_by" in values:
            values["released_by"] = Party(values["released_by"])
        return Known(**values, more=data.get("more", {}))


class FieldError(ValueError):
    """A value that cannot be read: which field, and what to write instead."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(readable(message))
        self.name = name


def read_fields(values: Mapping[str, str], zone: tzinfo) -> Known:
    """What the texts say; blank ones say nothing. Times without a zone are in `zone`.

    Raises:
        FieldError: a value that cannot be read.
    """
    read: dict[str, Any] = {}
    more: dict[str, Detail] = {}
    for name, raw in _with_day(values).items():
        text = raw.strip()
        if not text:
            continue
        match name:
            case "direction":
                read[name] = _one_of(name, text, _DIRECTIONS)
            case "released_by":
                read[name] = _one_of(name, text, _PARTIES)
            case "started_at":
                read[name] = _time(text, zone)
            case _ if "\0" in text:
                raise FieldError(name, tr("含有空字符，请重新导出表格", "holds a NUL character"))
            case "agent" | "queue" | "tier":
                if _CUT_SHORT.fullmatch(text):
                    raise FieldError(
                        name,
                        tr(
                            f"“{text}”是被表格软件截短的数字，请把这一列设为文本后重新导出",
                            f"{text!r} is a number that a spreadsheet program cut short: make the"
                            " column text and export it again",
                        ),
                    )
                read[name] = " ".join(text.split())
            case _:
                more[name] = _fact(name, text)
    return Known(**read, more=more)


def _with_day(values: Mapping[str, str]) -> Mapping[str, str]:
    """Day and time of separate columns put together; a day alone stays a day."""
    day = values.get("date", "").strip()
    if not day:
        return values
    time = values.get("started_at", "").strip()
    rest = {name: value for name, value in values.items() if name != "date"}
    if not time or _TIME_ALONE.fullmatch(time):
        return {**rest, "started_at": f"{day} {time}".strip()}
    return rest  # the time has its own day


def _one_of(name: str, text: str, known: Mapping[str, Any]) -> Any:
    try:
        return known[text.lower()]
    except KeyError:
        choices = tr("、", ", ").join(known)
        raise FieldError(
            name, tr(f"“{text}”不认识，可写 {choices}", f"{text!r} is not one of {choices}")
        ) from None


def _time(text: str, zone: tzinfo) -> datetime | date:
    try:
        return read_moment(text, zone)
    except ValueError:
        raise FieldError(
            "started_at",
            tr(
                f"“{text}”不是时间，请写成 2026-11-20 09:30:00",
                f"{text!r} is not a time; write 2026-11-20 09:30:00",
            ),
        ) from None


def _fact(name: str, text: str) -> Detail:
    kind = _KINDS.get(name)
    if kind == "number":
        try:
            return float(text)
        except ValueError:
            raise FieldError(name, tr(f"“{text}”不是数字", f"{text!r} is not a number")) from None
    if kind == "flag":
        if text.lower() not in _YES | _NO:
            raise FieldError(name, tr(f"“{text}”请写 是 或 否", f"{text!r}: write yes or no"))
        return text.lower() in _YES
    return text


class Table:
    """A CSV of metadata, one row per recording, found by the name in its `file` column.

    The column may hold a path, a name, or a name without its suffix. `name` is the CSV's own.
    """

    def __init__(self, rows: Mapping[str, Known], name: str = "") -> None:
        self.name = name
        self._rows = rows
        self._finder = Finder(tuple(rows))

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, path: PurePath) -> Known | None:
        """The row of a recording: the longest way to say its name wins."""
        return self.assign([path]).known.get(path)

    def assign(self, paths: Sequence[PurePath]) -> Assignment:
        """The rows of recordings that were found together."""
        found = self._finder.find(paths)
        used = set(found.values())
        return Assignment(
            known={path: self._rows[key] for path, key in found.items()},
            rows=found,
            without=tuple(path for path in paths if path not in found),
            left=tuple(key for key in self._rows if key not in used),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which recording has which row: what is known of it, and the row's own name for it;
    recordings without a row; rows that no recording has."""

    known: Mapping[PurePath, Known]
    rows: Mapping[PurePath, str]
    without: tuple[PurePath, ...]
    left: tuple[str, ...]

    def complaints(self, table: str) -> list[str]:
        """A line for the rows without a recording, one for the recordings without a row, each
        with the names that come nearest."""
        shown = [readable(path.name) for path in self.without]
        lines = []
        if self.left:
            some = named_with_nearest(self.left, shown)
            lines.append(
                tr(
                    f"{table}：有 {len(self.left)} 行没有对应的录音：{some}",
                    f"{table}: {len(self.left)} row(s) match no recording: {some}",
                )
            )
        if self.without:
            some = named_with_nearest(shown, self.left)
            lines.append(
                tr(
                    f"{table}：有 {len(self.without)} 个录音没有对应的行：{some}",
                    f"{table}: {len(self.without)} recording(s) have no row: {some}",
                )
            )
        return lines


def read_csv(path: Path, zone: tzinfo) -> Table:
    """The metadata in a CSV file (UTF-8 or GB 18030, as spreadsheet programs write it).

    Raises:
        UserError: unreadable, no `file` column, a bad value (named by line and
            column), or two rows for one recording.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            tr(f"{path}：无法读取：{error.strerror}", f"{path}: cannot be read: {error.strerror}")
        ) from error
    return parse_csv(raw, str(path), zone)


def parse_csv(raw: bytes, name: str, zone: tzinfo) -> Table:
    """The metadata in the bytes of a CSV file called `name`; errors as `read_csv`."""
    text = _decode(raw, name)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: dict[str, Known] = {}
    try:
        header = [column.strip() for column in next(reader, [])]
        columns = [_HEADERS.get(column.lower(), column) for column in header]
        _check_header(columns, header, name)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            key, known = _row(columns, header, cells, f"{name}:{reader.line_num}", zone)
            if key in rows:
                raise UserError(
                    tr(
                        f"{name}:{reader.line_num}：{readable(key)} 前面已经有一行",
                        f"{name}:{reader.line_num}: {readable(key)} has a row already",
                    )
                )
            rows[key] = known
    except csv.Error as error:
        where = f"{name}:{reader.line_num}"
        raise UserError(
            tr(f"{where}：CSV 格式有误：{error}", f"{where}: not valid CSV: {error}")
        ) from error
    return Table(rows, name)


def _decode(raw: bytes, name: str) -> str:
    # Spreadsheet programs write UTF-16 as “Unicode text”, with a mark in front.
    marked = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ()
    for encoding in (*marked, "utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(
        tr(f"{name}：不是 UTF-8 或 GB18030 文本", f"{name}: neither UTF-8 nor GB 18030 text")
    )


def _check_header(columns: list[str], header: list[str], name: str) -> None:
    shown = readable(",".join(header))
    if "file" not in columns:
        raise UserError(
            tr(
                f"{name}:1：缺少“文件”（file）列，表头是 {shown or '空的'}",
                f"{name}:1: no `file` column; the header is {shown or 'empty'}",
            )
        )
    twice = next((column for column in columns if column and columns.count(column) > 1), None)
    if twice:
        raise UserError(
            tr(
                f"{name}:1：{readable(twice)} 有两列",
                f"{name}:1: there are two columns for {readable(twice)}",
            )
        )


def _row(
    columns: list[str], header: list[str], cells: list[str], where: str, zone: tzinfo
) -> tuple[str, Known]:
    if len(cells) > len(columns):
        raise UserError(
            tr(
                f"{where}：有 {len(cells)} 格，表头只有 {len(columns)} 列",
                f"{where}: {len(cells)} cells under {len(columns)} headings",
            )
        )
    values = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
    key = PurePath(values.pop("file", "").strip().replace("\\", "/")).as_posix()
    if key == ".":
        raise UserError(tr(f"{where}：没有写文件名", f"{where}: the file is not named"))
    try:
        return key, read_fields(values, zone)
    except FieldError as error:
        at = columns.index(error.name if error.name in columns else "date")
        raise UserError(
            tr(
                f"{where}：第 {at + 1} 列({readable(header[at])}):{error}",
                f"{where}: column {at + 1} ({readable(header[at])}): {error}",
            )
        ) from None


_SLOT = re.compile(r"\{(\*|[^\W\d]\w*)\}")


class Pattern:
    """A file-name pattern such as `{started_at}_{agent}_{queue}`.

    `{name}` takes what stands between the texts around it (no `/`), `{*}` takes
    and forgets it. The suffix may be left out; `/` reaches into folders:
    `{queue}/{agent}_{*}`. The pattern's last part is the file's name.

    Raises:
        UserError: a name twice, a brace left open, or two slots side by side.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._depth = text.count("/") + 1
        self._names: list[str] = []
        self._regex = re.compile("".join(self._compile(text)))

    def _compile(self, text: str) -> Iterator[str]:
        at = 0
        for slot in _SLOT.finditer(text):
            between = text[at : slot.start()]
            if at and not between:
                raise self._wrong(
                    tr("两个花括号之间要有分隔符", "two slots need something between them")
                )
            yield self._literal(between)
            at = slot.end()
            name = slot.group(1)
            if name in self._names and name != "*":
                raise self._wrong(tr(f"{{{name}}} 写了两次", f"{{{name}}} stands twice"))
            self._names.append(name)
            # A time may hold the very sign that separates the slots: it is known by its digits.
            yield f"({COMPACT}|[^/]+?)" if name == "started_at" else "([^/]+?)"
        if not self._names:
            raise self._wrong(tr("没有 {agent} 之类的位置", "it has no slot such as {agent}"))
        yield self._literal(text[at:])

    def _literal(self, text: str) -> str:
        if "{" in text or "}" in text:
            raise self._wrong(
                tr("花括号没有配对或名称有误", "a brace is left open or a name is not one")
            )
        return re.escape(text)

    def _wrong(self, why: str) -> UserError:
        return UserError(
            tr(f"文件名格式 {self.text}: {why}", f"file-name pattern {self.text}: {why}")
        )

    def match(self, path: PurePath, zone: tzinfo) -> Known | None:
        """What the name of a recording says; None where the pattern does not fit it.

        Raises:
            UserError: it fits, but a value cannot be read.
        """
        tail = PurePath(*path.parts[-self._depth :])
        whole, stem = tail.as_posix(), tail.with_suffix("").as_posix()
        found = self._regex.fullmatch(stem) or self._regex.fullmatch(whole)
        if found is None:
            return None
        values = {
            name: value
            for name, value in zip(self._names, found.groups(), strict=True)
            if name != "*"
        }
        try:
            return read_fields(values, zone)
        except FieldError as error:
            raise UserError(f"{readable(path.name)}: {error.name}: {error}") from None
