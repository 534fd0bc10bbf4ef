"""Which engine a name asks for: `faster-whisper:whisper-small,threads=4` and its like.

A name without an engine before a colon is a model folder of our own kind.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.protocol import Recognizer

ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "faster-whisper": "monitor.asr.whisper",
        "openai": "monitor.asr.remote",
        "sherpa": "monitor.asr.sherpa",
        "whisper-ctc": "monitor.asr.whisper_ctc",
    }
)
"""Module of each engine; it has `load(path, wanted)`. Imported when the engine is asked for."""

OWN_MODEL: Mapping[str, str] = MappingProxyType({"whisper-ctc": "whisper-ctc"})
"""Engines that have a model of their own in the package: the name of the engine is enough."""

REMOTE = frozenset({"openai"})
"""Engines whose model is an address and no folder."""

SECOND = "whisper-ctc"
SECOND_NEEDS = ("whisper-base", "faster-whisper")
"""The engine that judges alerts where nobody chose another, and the model that it needs."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a recogniser is loaded for.

    `phrases` are the plain texts that matter; `hotwords` the words an engine
    may lean towards (`monitor.asr.hotwords`), and nothing else may be. `live`:
    tokens are wanted in mid-sentence; otherwise an engine may wait for the end
    of the turn. `options` are the user's own (`NAME,threads=2`).
    """

    phrases: tuple[str, ...] = ()
    hotwords: tuple[str, ...] = ()
    live: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spec:
    """A recogniser as the user names it; `engine` is empty for a model of our own kind."""

    engine: str
    model: str
    options: Mapping[str, str]


def split(name: str) -> Spec:
    """Take `ENGINE:MODEL,KEY=VALUE,…` apart.

    A folder that exists is taken whole, whatever signs are in its name.

    Raises:
        UserError: no such engine, no model of it named, or an option without a value.
    """
    engine, colon, rest = name.partition(":")
    alone, comma, given = name.partition(",")
    if alone in OWN_MODEL and not Path(name).exists():
        engine, colon, rest = alone, ":", OWN_MODEL[alone] + comma + given
    if name in ENGINES and not colon:
        raise UserError(
            tr(
                f"--asr {name}：这是引擎，后面还要写模型：{name}:NAME"
                "（有哪些模型：monitor models list）",
                f"--asr {name}: that is an engine; name a model of it, too, as in {name}:NAME"
                " (monitor models list shows them)",
            )
        )
    if not colon or Path(name).exists() or not _is_word(engine):
        return Spec("", name, {})
    if engine not in ENGINES:
        known = "、".join(ENGINES)
        raise UserError(
            tr(
                f"--asr {name}：没有引擎 {engine}，可用的有 {known}",
                f"--asr {name}: no engine {engine}; there are {', '.join(ENGINES)}",
            )
        )
    if rest and Path(rest).is_dir():
        return Spec(engine, rest, {})
    model, *pairs = (part.strip() for part in rest.split(","))
    if not model:
        raise UserError(
            tr(
                f"--asr {name}：冒号后要写模型名称或文件夹，例如 {engine}:NAME",
                f"--asr {name}: name a model or a folder after the colon, as in {engine}:NAME",
            )
        )
    options: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key or not value:
            raise UserError(
                tr(
                    f"--asr {name}：选项“{pair}”应写作 名称=值，例如 threads=2",
                    f"--asr {name}: write the option {pair!r} as KEY=VALUE, e.g. threads=2",
                )
            )
        options[key.strip()] = value.strip()
    return Spec(engine, model, options)


def _is_word(engine: str) -> bool:
    """Whether this can be meant as an engine: neither a path nor the letter of a drive."""
    return len(engine) > 1 and engine.replace("-", "").isalnum()


def load(spec: Spec, path: Path | str, wanted: Wanted) -> Recognizer:
    """Have the engine load the model in a folder, or at an address.

    Raises:
        UserError: the engine's package is missing, or the model cannot be used.
    """
    try:
        module = importlib.import_module(ENGINES[spec.engine])
        recognizer: Recognizer = module.load(path, wanted)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "monitor":
            raise
        package = error.name.split(".")[0].replace("_", "-")
        raise UserError(
            tr(
                f"引擎 {spec.engine} 需要 {package}，请先安装：pip install {package}",
                f"the engine {spec.engine} needs {package}; install it: pip install {package}",
            )
        ) from error
    return recognizer


def refuse_unknown(options: Mapping[str, str], known: Collection[str], engine: str) -> None:
    """Raise UserError at the first option that the engine does not have."""
    for key in options:
        if key not in known:
            names = ", ".join(sorted(known))
            raise UserError(
                tr(
                    f"引擎 {engine} 没有选项 {key}，可用：{names}",
                    f"the engine {engine} has no option {key}; it has: {names}",
                )
            )


def number(options: Mapping[str, str], key: str, default: int, least: int = 1) -> int:
    """An option that is a whole number of at least `least`.

    Raises:
        UserError: it is something else.
    """
    text = options.get(key)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise UserError(
            tr(
                f"选项 {key}={text}：要不小于 {least} 的整数",
                f"option {key}={text}: a whole number of at least {least} is needed",
            )
        )
    return value


def switch(options: Mapping[str, str], key: str) -> bool:
    """An option that is `on` or `off`, off where it is not given.

    Raises:
        UserError: it is something else.
    """
    text = options.get(key, "off")
    if text not in ("on", "off"):
        raise UserError(tr(f"选项 {key}={text}：可用 on、off", f"option {key}={text}: on or off"))
    return text == "on"
