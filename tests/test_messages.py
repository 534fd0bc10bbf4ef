"""click's own words follow the language in use."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import polib
import pytest

from tests.test_cli import complaint, monitor

_LOCALE = Path(__file__).parents[1] / "monitor/cli/locale"
_SOURCE = _LOCALE / "zh/LC_MESSAGES/messages.po"
_FIELD = re.compile(r"\{(\w+)")


def test_the_compiled_catalogue_is_the_source_compiled() -> None:
    with _SOURCE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in polib.pofile(str(_SOURCE)):
        if entry.msgid_plural:
            assert compiled.ngettext(entry.msgid, entry.msgid_plural, 2) == entry.msgstr_plural[0]
        else:
            assert compiled.gettext(entry.msgid) == entry.msgstr


def test_a_translation_only_uses_what_the_original_offers() -> None:
    for entry in polib.pofile(str(_SOURCE)):
        offered = set(_FIELD.findall(entry.msgid + entry.msgid_plural))
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            assert set(_FIELD.findall(text)) <= offered


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["score"], "缺少参数"),
        (["scor"], "没有命令 scor"),
        (["demo", "--speed"], "没有选项 --speed"),
        (["score", "x", "--out"], "选项 --out 后面要写一个值"),
        (["score", "x", "--out", "y", "--jobs", "a"], "不是有效的数字"),
        (["listen", "--seconds", "0"], "超出范围"),
        (["transcribe", "a", "--format", "b"], "不在可选值"),
        (["demo", "a"], "多余的参数"),
    ],
)
def test_usage_errors_are_chinese_by_default(args: list[str], said: str) -> None:
    line = complaint(monitor(*args, lang="zh"))
    assert said in line
    assert not re.search(r"[A-Za-z]{4,} [a-z]{2,} ", line)  # no English sentence left


def test_help_headings_follow_the_language() -> None:
    assert "选项:" in monitor("demo", "--help", lang="zh").stdout
    assert "Options:" in monitor("demo", "--help", lang="en").stdout
