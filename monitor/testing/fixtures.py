"""The bundled calls: sound beside what is said in it and what must come of it.

Each `NAME.yaml` in the fixtures folder describes one recording next to it.
They serve `monitor demo`, our tests, and anybody who tests a rule pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import Party, ScriptStatus, Token


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said; the times span its sound exactly."""

    party: Party
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """An alert that must be raised: `rule` about the words spoken in this span."""

    rule: str
    phrase: str
    party: Party
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ExpectedScript:
    """How a required script must end."""

    rule: str
    phrase: str
    status: ScriptStatus


@dataclass(frozen=True, slots=True)
class Fixture:
    """A bundled call.

    `alerts` must be raised; rules in `quiet` must not alert although their words
    (or nearly) are spoken. A phrase rule in neither list has no cause to alert.
    """

    name: str
    title: str
    audio: Path
    duration_ms: int
    pack: str
    lines: tuple[Line, ...]
    alerts: tuple[ExpectedAlert, ...]
    quiet: tuple[str, ...]
    scripts: tuple[ExpectedScript, ...]

    def tokens(self) -> list[Token]:
        """What a perfect recogniser would hear: each line's characters, evenly over its time."""
        from monitor.language.pinyin import is_han, syllables

        tokens = []
        for line in self.lines:
            text = "".join(filter(is_han, line.text))
            each_ms = (line.end_ms - line.start_ms) / len(text)
            for index, (character, syllable) in enumerate(zip(text, syllables(text), strict=True)):
                start_ms = line.start_ms + round(index * each_ms)
                end_ms = line.start_ms + round((index + 1) * each_ms)
                tokens.append(Token(line.party, character, syllable, start_ms, end_ms))
        return tokens


def names(folder: Path | None = None) -> list[str]:
    """The bundled calls, in alphabetical order."""
    return sorted(path.stem for path in (folder or package_files.fixtures_dir()).glob("*.yaml"))


def load_all(folder: Path | None = None) -> list[Fixture]:
    return [load(name, folder) for name in names(folder)]


def load(name: str, folder: Path | None = None) -> Fixture:
    """Read one description.

    Raises:
        UserError: there is no such call, or its description is damaged.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = (folder or package_files.fixtures_dir()) / f"{name}.yaml"
    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        return _fixture(path, data)
    except OSError as error:
        raise UserError(
            tr(f"没有内置通话 {name}（{path}）", f"there is no bundled call {name} ({path})")
        ) from error
    except (YAMLError, KeyError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            tr(f"{path}：内容有误：{reason}", f"{path}: damaged description: {reason}")
        ) from error


def _fixture(path: Path, data: Mapping[str, Any]) -> Fixture:
    return Fixture(
        name=path.stem,
        title=data["title"],
        audio=path.with_name(data["audio"]),
        duration_ms=data["duration_ms"],
        pack=data["pack"],
        lines=tuple(
            Line(Party(item["party"]), item["start_ms"], item["end_ms"], item["say"])
            for item in data["lines"]
        ),
        alerts=tuple(
            ExpectedAlert(
                item["rule"],
                item["phrase"],
                Party(item["party"]),
                item["start_ms"],
                item["end_ms"],
            )
            for item in data["alerts"]["must"]
        ),
        quiet=tuple(item["rule"] for item in data["alerts"]["must_not"]),
        scripts=tuple(
            ExpectedScript(item["rule"], item["phrase"], ScriptStatus(item["state"]))
            for item in data["scripts"]
        ),
    )
