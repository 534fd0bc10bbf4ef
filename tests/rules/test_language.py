"""Reading packs: every mistake at its place, all at once, and what a good pack comes to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.i18n import use_language
from monitor.events import Severity
from monitor.rules import PackErrors, load
from monitor.rules.language.pack import VERBS, Pack, Rule
from monitor.rules.language.resolve import resolve
from monitor.rules.language.values import clock_span, day_span, duration_ms
from monitor.rules.tools.examples import strict_problems

PACKS = Path(__file__).parent / "packs"
BAD = sorted(PACKS.glob("*.bad.yaml"))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    use_language("en")
    yield
    use_language("zh")


def _expected(file: Path) -> list[tuple[str, str]]:
    """The comments `# line:column: part of the message`; a comment may hold several."""
    return re.findall(r"# (\d+:\d+): ?([^#\n]*)", file.read_text("utf-8"))


@pytest.mark.parametrize("file", BAD, ids=lambda f: f.name)
def test_every_mistake_is_reported_at_its_place(file: Path) -> None:
    with pytest.raises(PackErrors) as caught:
        load([file])
    found = {(f"{p.line}:{p.column}", p.message) for p in caught.value.problems}
    expected = _expected(file)
    for place, part in expected:
        assert any(place == at and part.strip() in message for at, message in found), (
            f"{place}: {part} not in\n" + str(caught.value)
        )
    assert len(found) == len(expected), str(caught.value)


@pytest.mark.parametrize("file", BAD, ids=lambda f: f.name)
def test_a_problem_reads_file_line_column_message(file: Path) -> None:
    with pytest.raises(PackErrors) as caught:
        load([file])
    for line in str(caught.value).splitlines():
        assert re.fullmatch(r"\S*\.yaml:\d+:\d+: .+", line)


def test_the_messages_come_in_chinese_too() -> None:
    use_language("zh")
    with pytest.raises(PackErrors, match="没有 “titel” 这个键；是不是 title"):
        load([PACKS / "unknown-key.bad.yaml"])


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(
        PackErrors, match="there is no rule pack 'unicom-1001'; did you mean unicom"
    ):
        load(["unicom-1001"])
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00pack")
    with pytest.raises(PackErrors, match="cannot read this file"):
        load([binary])
    for name, text in {"empty.yaml": "", "list.yaml": "- a\n"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(PackErrors, match="a pack begins with pack: name"):
            load([tmp_path / name])


def test_a_child_builds_on_its_base() -> None:
    book = load([PACKS / "child.good.yaml"])
    assert [(p.id, p.version) for p in book.packs] == [("child", "2")]
    assert sorted(book.rules) == ["base-a", "base-b2", "child-a"]
    changed = book.rules["base-a"].rule
    assert (changed.severity, changed.say_instead) == (Severity.FATAL, "请问您找哪位")
    assert "乙公司" in book.phrases
    assert "甲公司" not in book.phrases


def test_a_pack_that_another_builds_on_is_not_loaded_twice() -> None:
    files = [PACKS / "base.yaml", PACKS / "child.good.yaml"]
    for order in (files, files[::-1]):
        assert [pack.id for pack in load(order).packs] == ["child"]


def test_the_same_id_in_two_packs_is_an_error(tmp_path: Path) -> None:
    for name, phrase in (("one", "你找谁"), ("two", "你是谁")):
        (tmp_path / f"{name}.yaml").write_text(
            f"pack: {name}\ntitle: t\nversion: '1'\n"
            f"rules: [{{id: same, title: t, never: [{phrase}]}}]\n",
            encoding="utf-8",
        )
    with pytest.raises(PackErrors, match=r"rule same is also in one\.yaml:4, with other contents"):
        load([tmp_path / "two.yaml", tmp_path / "one.yaml"])


def test_strict_wants_examples_of_both_kinds() -> None:
    messages = [message for _, message in strict_problems(resolve([PACKS / "base.yaml"]))]
    assert "rule base-a has no examples under alert" in messages
    assert "rule base-a has no examples under quiet" in messages
    assert len(messages) == 4


def test_every_verb_is_a_key_of_a_rule() -> None:
    keys = {field.alias or name for name, field in Rule.model_fields.items()}
    assert set(VERBS) <= keys
    assert frozenset().union(*VERBS.values()) <= keys


def test_the_schema_knows_every_key() -> None:
    schema = Pack.model_json_schema(by_alias=True)
    assert {"pack", "rules", "override", "off"} <= schema["properties"].keys()
    assert {"except", "never", "say_instead"} <= schema["$defs"]["Rule"]["properties"].keys()
    assert schema["$defs"]["Rule"]["additionalProperties"] is False


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_durations_add_up(h: int, m: int, s: int, ms: int) -> None:
    assert duration_ms(f"{h}h{m}m{s}s{ms}ms") == ((h * 60 + m) * 60 + s) * 1000 + ms
    assert duration_ms(f"{h}小时{m}分{s}秒") == ((h * 60 + m) * 60 + s) * 1000


@pytest.mark.parametrize("text", ["", "5", "s", "5 sec", "-5s", "5s!", 5, None, True])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration_ms(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("07:00-09:00", (420, 540)), ("19:00–24:00", (1140, 1440)), ("22:00-06:00", (1320, 360))],
)
def test_times_of_day(text: str, minutes: tuple[int, int]) -> None:
    assert clock_span(text) == minutes


def test_dates_of_one_kind_only() -> None:
    assert day_span("10-01..10-03") == ((None, 10, 1), (None, 10, 3))
    with pytest.raises(ValueError, match="no date"):
        day_span("2026-10-01..10-03")
