"""The documents keep up with the program: every verb, option and field is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from monitor import events
from monitor.cli import VERBS, VerbGroup

_ROOT = Path(__file__).parents[1]


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, f"{path} {name} is listed but missing"
            yield from _commands(inner, f"{path} {name}")
    else:
        yield path, command


def _all() -> list[tuple[str, click.Command]]:
    return list(_commands(VerbGroup("monitor"), "monitor"))


@pytest.mark.parametrize("path", [path for path, _ in _all()])
def test_every_verb_is_documented(path: str) -> None:
    assert path in (_ROOT / "docs/cli.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (path, max(option.opts, key=len))
        for path, command in _all()
        for option in command.params
        if isinstance(option, click.Option) and option.name != "help"
    ],
)
def test_every_option_is_documented_and_helped(path: str, name: str) -> None:
    text = (_ROOT / "docs/cli.md").read_text("utf-8")
    assert f"{name}" in text, f"{path} {name}"
    command = dict(_all())[path]
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    assert f"monitor {verb}" in (_ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "noun",
    [events.Token, events.Alert, events.ScriptState, events.Reading, events.Gap, events.CallInfo],
)
def test_every_field_of_the_call_json_is_documented(noun: type) -> None:
    text = (_ROOT / "docs/call-json.md").read_text("utf-8")
    hidden = {"status", "final"}  # written as `state`; only final readings are kept
    names = {field.name for field in dataclasses.fields(noun)} - hidden
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
