"""Files of dialogues with right answers: what they may say, read with every mistake at its line.

A dialogue is a call as text – who says what, when, how fast and how loud – with
what must be found in it. docs/rules.md describes the form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from monitor.base import package_files
from monitor.base.i18n import tr
from monitor.events import Party
from monitor.rules.language.basics import Names, Strict, listed
from monitor.rules.language.problems import PackErrors, Problem
from monitor.rules.language.yaml_source import read, suggest, validate

_STEP = re.compile(r"([AC])(?:@(\d+(?:\.\d+)?))?(?:\[([^\]]*)\])?\s+(\S.*)", re.S)
_PAUSE = re.compile(r"~\s*(\d+(?:\.\d+)?)")
DEFAULT_LOAD = "unicom"
PACE = 60_000 / 220
"""Characters a minute where a turn does not say: 220 ms a syllable."""
LEVEL_DB = -25.0


_OPENING = "对话文件应有 dialogues: 列表", "a file of dialogues has a list dialogues:"


@dataclass(frozen=True, slots=True)
class Step:
    """One turn (`party` says `text`), or a pause of `pause_ms` in which nobody speaks.

    `at_ms` is where the turn starts (None: half a second after the last one),
    `pace` characters a minute, `level` dBFS.
    """

    party: Party | None = None
    text: str = ""
    at_ms: int | None = None
    pace: float = PACE
    level: float = LEVEL_DB
    pause_ms: int = 0


def step(written: str) -> Step:
    """`A@12[pace=330] 您好` or `~ 6`.

    Raises:
        ValueError: it is neither.
    """
    written = written.strip()
    pause = _PAUSE.fullmatch(written)
    if pause:
        return Step(pause_ms=round(float(pause[1]) * 1000))
    turn = _STEP.fullmatch(written)
    if turn is None:
        raise ValueError(
            tr(
                f"“{written[:30]}” 读不懂：写成 “A 您好”、“C@12 喂”、“A[pace=330] …” 或 “~ 6”",
                f"cannot read {written[:30]!r}: "
                "write 'A 您好', 'C@12 喂', 'A[pace=330] …' or '~ 6'",
            )
        )
    who, at, options, text = turn.groups()
    numbers = _options(options or "")
    return Step(
        Party.AGENT if who == "A" else Party.CUSTOMER,
        text,
        None if at is None else round(float(at) * 1000),
        numbers.get("pace", PACE),
        numbers.get("level", LEVEL_DB),
    )


def _options(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            found[""] = 0.0
    wrong = set(found) - {"pace", "level"}
    if wrong or found.get("pace", 1.0) <= 0:
        raise ValueError(
            tr(
                f"[{text}] 读不懂：只有 pace=每分钟字数 和 level=dBFS",
                f"cannot read [{text}]: there are pace=characters a minute and level=dBFS",
            )
        )
    return found


def _steps(value: Any) -> Any:
    if isinstance(value, list):
        return [step(item) if isinstance(item, str) else item for item in value]
    return value


Steps = Annotated[tuple[Step, ...], BeforeValidator(_steps)]


class Frame(Strict):
    """What goes around a dialogue: the call's facts, its beginning and its end."""

    call: dict[str, Any] = Field(default_factory=dict)
    head: Steps = ()
    tail: Steps = ()
    released_by: str | None = None


class Dialogue(Strict):
    """One call. `want` must be found, `also` may be; each entry names families or rows, joined
    by `|`."""

    id: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
    fam: str = ""
    kind: str = ""
    want: Names = ()
    also: Names = ()
    load: str = DEFAULT_LOAD
    frame: bool = True
    head: bool = False
    turns: Steps
    call: dict[str, Any] = Field(default_factory=dict)
    released_by: str | None = None
    end: Annotated[float, Field(ge=0)] | None = None
    note: str = ""

    @field_validator("turns")
    @classmethod
    def _spoken(cls, turns: tuple[Step, ...]) -> tuple[Step, ...]:
        if not any(turn.party for turn in turns):
            raise ValueError(tr("至少要有一句话", "somebody must say something"))
        return turns


class DialogueFile(Strict):
    """A file: which rows make a family, which packs a load, the frames, the dialogues."""

    families: dict[str, Annotated[tuple[str, ...], BeforeValidator(listed)]] = Field(
        default_factory=dict
    )
    loads: dict[str, Annotated[tuple[str, ...], BeforeValidator(listed)]] = Field(
        default_factory=dict
    )
    frames: dict[str, Frame] = Field(default_factory=dict)
    dialogues: tuple[Dialogue, ...] = ()

    def rows(self, entries: tuple[str, ...]) -> set[str]:
        """The rows that entries of `want` or `also` name."""
        found: set[str] = set()
        for entry in entries:
            for name in entry.split("|"):
                found |= set(self.families.get(name.strip(), (name.strip(),)))
        return found


def read_dialogues(file: Path) -> DialogueFile:
    """Read a file; what it leaves out of `loads` and `families` comes from the shipped ones.

    Raises:
        PackErrors: every mistake as `file:line:column: what to do`.
    """
    found = _quickly(file)
    if found is None:  # the slow reader knows the places
        found = validate(read(file, _OPENING), kind=DialogueFile)
    common = _shipped()
    found = found.model_copy(
        update={
            "loads": {**common.loads, **found.loads},
            "families": {**common.families, **found.families},
        }
    )
    problems = _unknown(file, found)
    if problems:
        raise PackErrors(problems)
    return found


def _quickly(file: Path) -> DialogueFile | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe").load(file.read_text(encoding="utf-8-sig"))
        return DialogueFile.model_validate(data)
    except (OSError, YAMLError, ValueError):
        return None


def _shipped() -> DialogueFile:
    file = package_files.rules_dir() / "dialogues" / "loads.yaml"
    return (_quickly(file) if file.is_file() else None) or DialogueFile()


def _unknown(file: Path, found: DialogueFile) -> list[Problem]:
    """Loads and frames that do not exist, and ids that come twice."""
    wrong: list[tuple[int, str, str]] = []
    seen: set[str] = set()
    for number, dialogue in enumerate(found.dialogues):
        if dialogue.id in seen:
            wrong.append((number, "id", tr("编号重复", "this id came before")))
        seen.add(dialogue.id)
        for key, known, needed in (
            ("load", found.loads, True),
            ("load", found.frames, dialogue.frame or dialogue.head),
        ):
            if needed and dialogue.load not in known:
                place = "loads" if known is found.loads else "frames"
                message = tr(f"{place} 里没有 {dialogue.load}", f"no {dialogue.load} in {place}")
                wrong.append((number, key, message + suggest(dialogue.load, known)))
                break
    if not wrong:
        return []
    source = read(file, _OPENING)
    return [source.place(("dialogues", n, key)).problem(text) for n, key, text in wrong]
