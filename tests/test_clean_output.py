"""What is printed cannot steer the terminal, whatever a name holds."""

from __future__ import annotations

import io
import sys

import click
import pytest

from monitor.cli.clean_output import clean, cleaned, raw


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]52;c;ZXZpbA==\x1b\\",
        "\x9b2J",
        "\x1b[8mhidden",
        "\x1b[0;8mhidden",
        "\x1bc",
        "over\rwritten",
        "\b\b\b",
        "\u202egnp.exe",
        "\x00\x7f\x0e",
    ],
)
def test_no_control_passes(text: str) -> None:
    shown = clean(f"a {text} b")
    assert not {char for char in shown if ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F}
    assert not {"\u202e", "\u2066"} & set(shown)


def test_text_and_colours_pass() -> None:
    text = "您好\t" + click.style("x", fg="red", bold=True) + "\r\n"
    assert clean(text) == text


def test_everything_that_is_printed_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    with cleaned():
        print("\x1b[2J")
        click.echo("\x1b[2J")
        sys.stdout.writelines(["\x1b[2J", "x"])
        assert raw(sys.stdout) is out
    assert sys.stdout is out
    assert "\x1b" not in out.getvalue()
