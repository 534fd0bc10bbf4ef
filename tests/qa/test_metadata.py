"""What CSV files and file names say of a recording, and what is said of their mistakes."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path, PurePath
from zoneinfo import ZoneInfo

import pytest

from monitor.base.errors import UserError
from monitor.events import Party
from monitor.quality.imports.metadata import (
    FieldError,
    Known,
    Pattern,
    parse_csv,
    read_csv,
    read_fields,
)

_ZONE = timezone(timedelta(hours=8))


def _parse(text: str, encoding: str = "utf-8"):
    return parse_csv(text.encode(encoding), "meta.csv", _ZONE)


def test_a_csv_in_chinese_as_a_spreadsheet_program_writes_it() -> None:
    text = (
        "文件,坐席,队列,方向,客户等级,开始时间,挂机方,满意度,是否解决,地区\r\n"
        "a.wav,A01,宽带,呼入,金卡,2026/11/20 09:30,客户,4,是,长沙\r\n"
    )
    for encoding in ("utf-8-sig", "gb18030"):
        known = _parse(text, encoding).get(PurePath("calls/a.wav"))
        assert known == Known(
            agent="A01",
            queue="宽带",
            direction="inbound",
            tier="金卡",
            started_at=datetime(2026, 11, 20, 9, 30, tzinfo=_ZONE),
            released_by=Party.CUSTOMER,
            more={"satisfaction": 4.0, "resolved": True, "地区": "长沙"},
        )


def test_semicolons_blank_cells_and_blank_rows() -> None:
    table = _parse("file;agent;queue\na.wav;A01;\n;;\nb;;投诉\n")
    assert len(table) == 2
    assert table.get(PurePath("a.wav")) == Known(agent="A01")
    assert table.get(PurePath("x/b.mp3")) == Known(queue="投诉")
    assert table.get(PurePath("c.wav")) is None


def test_a_path_is_more_exact_than_a_name() -> None:
    table = _parse("file,agent\na.wav,one\nnight/a.wav,two\n")
    assert table.get(PurePath("calls/night/a.wav")) == Known(agent="two")
    assert table.get(PurePath("calls/day/a.wav")) == Known(agent="one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"meta\.csv:1：.*file"),
        ("agent,queue\nA01,宽带\n", r"meta\.csv:1：.*file"),
        ("file,坐席,agent\na,b,c\n", r"meta\.csv:1：agent"),
        ("file,direction\na.wav,inbound\nb.wav,向内\n", r"meta\.csv:3：第 2 列.direction..*向内"),
        ("文件,开始时间\na.wav,昨天\n", r"meta\.csv:2：第 2 列.开始时间..*昨天"),
        ("file,满意度\na.wav,很好\n", r"meta\.csv:2：第 2 列.满意度..*很好"),
        ("file,已解决\na.wav,也许\n", r"meta\.csv:2：第 2 列.已解决..*也许"),
        ("file,released_by\na.wav,猫\n", r"meta\.csv:2：第 2 列.released_by..*猫"),
        ("file,agent\na.wav,A01\na.wav,A02\n", r"meta\.csv:3：a\.wav"),
        ("file,agent\n,A01\n", r"meta\.csv:2："),
        ("file,agent\na.wav,A01,多了\n", r"meta\.csv:2：.*3"),
        ('file,agent\na.wav,"A01"x\n', r"meta\.csv:2：.*CSV"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_line_and_column(text, message) -> None:
    with pytest.raises(UserError, match=message) as raised:
        _parse(text)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.csv"):
        read_csv(tmp_path / "no.csv", _ZONE)
    with pytest.raises(UserError, match="UTF-8"):
        parse_csv(b"\xff\xfe\xff\xff\x80\x80\x80", "meta.csv", _ZONE)


@pytest.mark.parametrize(
    ("pattern", "path", "known"),
    [
        (
            "{started_at}_{agent}_{queue}_{direction}",
            "20261120_093005_A01_宽带_呼入.wav",
            Known(
                agent="A01",
                queue="宽带",
                direction="inbound",
                started_at=datetime(2026, 11, 20, 9, 30, 5, tzinfo=_ZONE),
            ),
        ),
        ("{agent}-{*}.wav", "A01-7781.wav", Known(agent="A01")),
        ("{queue}/{agent}_{*}", "calls/投诉/A07_1.opus", Known(queue="投诉", agent="A07")),
        (
            "{started_at}-{released_by}",
            "2026-11-20 09-30-customer.wav",
            Known(
                started_at=datetime(2026, 11, 20, 9, 30, tzinfo=_ZONE), released_by=Party.CUSTOMER
            ),
        ),
        ("call_{agent}_{地区}", "call_A01_长沙.wav", Known(agent="A01", more={"地区": "长沙"})),
        ("{agent}_{queue}", "nothing.wav", None),
    ],
)
def test_file_names(pattern, path, known) -> None:
    assert Pattern(pattern).match(PurePath(path), _ZONE) == known


@pytest.mark.parametrize(
    "pattern", ["", "plain", "{agent}{queue}", "{agent}_{agent}", "{agent", "{}"]
)
def test_a_pattern_that_cannot_work_is_refused(pattern) -> None:
    with pytest.raises(UserError):
        Pattern(pattern)


def test_a_name_that_fits_with_a_value_that_does_not_is_told() -> None:
    with pytest.raises(UserError, match=r"A_横着\.wav: direction"):
        Pattern("{agent}_{direction}").match(PurePath("A_横着.wav"), _ZONE)


def test_known_facts_travel() -> None:
    known = Known(
        agent="A01",
        direction="outbound",
        started_at=datetime(2026, 11, 20, 9, 30, tzinfo=_ZONE),
        released_by=Party.AGENT,
        more={"wait_s": 12.0},
    )
    assert Known.from_dict(known.to_dict()) == known
    facts = known.call_facts()
    assert facts.started_at == "2026-11-20T09:30:00+08:00"
    assert dict(facts.facts) == {"agent": "A01", "released_by": "agent", "wait_s": 12.0}
    assert Known(agent="A01").over(Known(agent="B", queue="宽带")) == Known(
        agent="A01", queue="宽带"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-17", "2026-02-17"),
        ("2026/2/17", "2026-02-17"),
        ("2026年2月17日", "2026-02-17"),
        ("20260217", "2026-02-17"),
        ("2026.02.17", "2026-02-17"),
        ("2026-02-17 00:00:00", "2026-02-17T00:00:00+08:00"),
        ("2026-02-17 9:05", "2026-02-17T09:05:00+08:00"),
        ("2026/2/17 9:05:33.120", "2026-02-17T09:05:33.120000+08:00"),
        ("2026年2月17日 9时5分", "2026-02-17T09:05:00+08:00"),
        ("2026-02-17T09:05:00Z", "2026-02-17T09:05:00+00:00"),
        ("2026-02-17T09:05:00-05:00", "2026-02-17T09:05:00-05:00"),
        ("20260217090533", "2026-02-17T09:05:33+08:00"),
    ],
)
def test_a_day_stays_a_day_and_a_time_gets_the_zone(text: str, expected: str) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    known = read_fields({"started_at": text}, zone)
    assert known.call_facts().started_at == expected
    assert Known.from_dict(known.to_dict()) == known


@pytest.mark.parametrize(
    "text",
    ["9:05", "17/2/2026", "2026-13-01", "2026-02-30", "0001-01-01", "9999-12-31 10:00", "周二"],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match="不是时间"):
        read_fields({"started_at": text}, ZoneInfo("Asia/Shanghai"))


def test_day_and_time_in_columns_of_their_own() -> None:
    table = _parse(
        "文件,日期,时间\na.wav,2026/2/17,9:05\nb.wav,2026-02-17,\nc.wav,,2026-02-18 10:00\n"
    )
    started = {name: table.get(PurePath(f"{name}.wav")).started_at for name in "abc"}
    assert started["a"] == datetime(2026, 2, 17, 9, 5, tzinfo=_ZONE)
    assert started["b"] == date(2026, 2, 17)
    assert started["c"] == datetime(2026, 2, 18, 10, 0, tzinfo=_ZONE)
    with pytest.raises(UserError, match=r"第 2 列\(日期\)"):
        _parse("文件,日期\na.wav,昨天\n")


def test_what_spreadsheet_programs_do_to_tables() -> None:
    rows = "file\tagent\na.wav\t张三\n"
    known = parse_csv(rows.encode("utf-16"), "m.csv", _ZONE).get(PurePath("a.wav"))
    assert known == Known(agent="张三")
    assert _parse('file,agent\na.wav,"A\r\n 1"\n').get(PurePath("a.wav")) == Known(agent="A 1")
    assert _parse("file,agent\na.wav,0010\n").get(PurePath("a.wav")) == Known(agent="0010")
    with pytest.raises(UserError, match="截短"):
        _parse("file,agent\na.wav,1.38E+10\n")
    with pytest.raises(UserError, match="空字符"):
        _parse("file,agent\na.wav,A\0\n")


ROWS = "file,agent\nD:\\rec\\录音\\a.wav,1\nB.WAV,2\nsub/c,3\n/mnt/x/d.mp3,4\ne.wav,5\nE.WAV,6\n"


@pytest.mark.parametrize(
    ("paths", "agents"),
    [
        (["录音/a.wav"], ["1"]),  # the end of a foreign path
        (["a.wav"], ["1"]),
        (["x/a.wav", "录音/a.wav"], [None, "1"]),  # the longer one is meant
        (["x/a.wav", "y/a.wav"], [None, None]),  # nobody knows which
        (["b.wav"], ["2"]),  # case
        (["calls/sub/c.wav"], ["3"]),
        (["other/c.wav"], [None]),  # it names another folder of ours
        (["calls/d.wav"], ["4"]),  # converted
        (["e.wav"], ["5"]),
        (["E.WAV"], ["6"]),
        (["E.wav"], [None]),  # two rows might be meant
        (["z.wav"], [None]),
    ],
)
def test_a_row_is_found_where_it_is_clear_which(paths: list[str], agents: list[str | None]) -> None:
    found = _parse(ROWS).assign([PurePath(path) for path in paths])
    known = [found.known.get(PurePath(path)) for path in paths]
    assert [one.agent if one else None for one in known] == agents
    assert set(found.without) == {
        PurePath(path) for path, agent in zip(paths, agents, strict=True) if agent is None
    }
    assert len(found.left) == 6 - sum(agent is not None for agent in agents)


def test_what_has_no_counterpart_is_told_with_the_nearest() -> None:
    table = _parse("file,agent\na-20260217-1001.wav,1\nq.wav,2\n")
    lines = table.assign([PurePath("calls/a-20260217-1002.wav")]).complaints("m.csv")
    assert lines == [
        "m.csv：有 2 行没有对应的录音：a-20260217-1001.wav（最接近：a-20260217-1002.wav）、q.wav",
        "m.csv：有 1 个录音没有对应的行：a-20260217-1002.wav（最接近：a-20260217-1001.wav）",
    ]
    assert table.assign([PurePath("a-20260217-1001.wav"), PurePath("q.wav")]).complaints("m") == []
