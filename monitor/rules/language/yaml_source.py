"""A pack file as text with places: YAML in, data and the line and column of every node out."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from monitor.base.i18n import tr
from monitor.rules.language.pack import Pack
from monitor.rules.language.problems import PackErrors, Place, Problem
from monitor.rules.language.yaml_bounds import TooMuchError, bounded

Loc = tuple[str | int, ...]

_MAX_WHOLE = 2**63  # no rule counts so far; larger ones fail where they are used


@dataclass(frozen=True, slots=True)
class Source:
    """One file, read: `data` is ruamel's tree, which knows its places."""

    file: Path
    data: Any

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Where the value at `loc` is written (or its key, when `key`).

        A `loc` that leads to something the author did not write falls back to
        the nearest thing above it that he did.
        """
        node, found = self.data, (0, 0)
        for depth, step in enumerate(loc):
            spot = _spot(node, step, key=key and depth == len(loc) - 1)
            if spot is None:
                break
            found = spot
            node = node[step]
        return Place(self.file, found[0] + 1, found[1] + 1)


def _spot(node: Any, step: str | int, *, key: bool) -> tuple[int, int] | None:
    places = getattr(getattr(node, "lc", None), "data", None)
    if isinstance(node, Mapping) and places and step in node and step in places:
        line, column, value_line, value_column = places[step]
        return (line, column) if key else (value_line, value_column)
    if isinstance(node, Sequence) and not isinstance(node, str) and isinstance(step, int):
        spot = (places or {}).get(step)
        if spot is not None and step < len(node):
            return spot[0], spot[1]
    return None


_PACK = "规则包应以 pack: 名字 开头", "a pack begins with pack: name"


def read(file: Path, opening: tuple[str, str] = _PACK) -> Source:
    """Read one YAML file; `opening` says in both languages how such a file begins.

    Raises:
        PackErrors: it cannot be read, is not YAML, or is not a mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    def fail(message: str, line: int = 0, column: int = 0) -> PackErrors:
        return PackErrors([Place(file, line + 1, column + 1).problem(message)])

    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise fail(tr("没有这个文件", "there is no such file")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise fail(tr(f"读不了这个文件：{error}", f"cannot read this file: {error}")) from None
    try:
        bounded(text)
        data = YAML(typ="rt").load(text)
    except TooMuchError as error:
        raise fail(str(error)) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = (mark.line, mark.column) if mark else (0, 0)
        raise fail(_yaml_advice(str(error.problem or error.context or "")), *spot) from None
    except YAMLError as error:
        raise fail(_yaml_advice(str(error).splitlines()[0])) from None
    except RecursionError:
        raise fail(tr("嵌套太深", "nested too deeply")) from None
    except Exception as error:  # the library's own slips, on text that nobody would write
        raise fail(_yaml_advice(f"{type(error).__name__}: {error}".splitlines()[0])) from None
    if not isinstance(data, Mapping):
        raise fail(tr(*opening))
    return Source(file, data)


def _yaml_advice(problem: str) -> str:
    if "duplicate key" in problem:
        name = problem.split('"')[1] if '"' in problem else ""
        return tr(f"“{name}” 写了两次，删掉一个", f"{name!r} is written twice: remove one")
    if "\\t" in problem:
        return tr("用空格缩进，不要用制表符", "indent with spaces, not tabs")
    return tr(
        f"YAML 写法有误({problem})；检查缩进、冒号后的空格，含 : # [ {{ 的内容要加引号",
        f"not YAML ({problem}); check indentation and the space after a colon, "
        "and quote text that contains : # [ or {",
    )


def validate(source: Source, data: Any = None, kind: type[BaseModel] = Pack, at: Loc = ()) -> Any:
    """Check `data` (default: the whole file) against `kind`.

    Raises:
        PackErrors: with every mistake at its place; `at` is where `data` stands in the file.
    """
    try:
        return kind.model_validate(_plain(source.data if data is None else data))
    except ValidationError as error:
        raise PackErrors(
            _explain(source, kind, at, dict(detail)) for detail in error.errors(include_url=False)
        ) from None


def _plain(node: Any) -> Any:  # noqa: PLR0911 – one line per kind of node
    """Ruamel's tree as plain data; keys that are not text become text."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(item) for item in node]
    if isinstance(node, str):
        return str(node)
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, int):
        return int(node) if abs(node) < _MAX_WHOLE else str(node)
    if isinstance(node, float):
        return float(node)
    return str(node)


def _explain(source: Source, kind: type[BaseModel], at: Loc, detail: dict[str, Any]) -> Problem:
    loc: Loc = tuple(detail["loc"])
    code, context = detail["type"], detail.get("ctx", {})
    if code == "extra_forbidden":
        known = _keys(_model_at(kind, loc[:-1]))
        hint = suggest(str(loc[-1]), known)
        message = tr(f"没有 “{loc[-1]}” 这个键", f"there is no key {loc[-1]!r}") + hint
        return source.place(at + loc, key=True).problem(message)
    if code == "rule":
        where = at + loc + ((context["key"],) if context["key"] else ())
        return source.place(where, key=bool(context["key"])).problem(context["message"])
    if code == "missing":
        message = tr(f"缺少 {loc[-1]}:", f"{loc[-1]} is missing")
        return source.place(at + loc[:-1]).problem(message.rstrip(":"))
    name = next((str(step) for step in reversed(loc) if isinstance(step, str)), "")
    return source.place(at + loc).problem(f"{name}: {_say(code, context, detail)}")


def _say(  # noqa: PLR0911 – one line per kind of mistake
    code: str, context: Mapping[str, Any], detail: Mapping[str, Any]
) -> str:
    if code == "value_error":
        return str(context["error"])
    if code == "literal_error":
        return tr(f"应为 {context['expected']} 之一", f"must be one of {context['expected']}") + (
            suggest(str(detail.get("input")), str(context["expected"]).replace("'", "").split(", "))
        )
    if code in ("string_too_short", "too_short"):
        return tr("不能为空", "must not be empty")
    if code == "string_pattern_mismatch":
        return tr(f"写法应符合 {context['pattern']}", f"must look like {context['pattern']}")
    if code in ("greater_than", "greater_than_equal", "less_than_equal"):
        sign = {"greater_than": ">", "greater_than_equal": "≥", "less_than_equal": "≤"}[code]
        bound = context.get("gt", context.get("ge", context.get("le")))
        return tr(f"应 {sign} {bound}", f"must be {sign} {bound}")
    if code == "string_type":
        return tr("应为文字；数字请加引号", "must be text; quote a number")
    if code in ("model_type", "model_attributes_type", "dict_type"):
        return tr("应为 键：值 的形式", "must be key: value pairs")
    if code in ("tuple_type", "list_type"):
        return tr("应为列表", "must be a list")
    if code in ("bool_type", "bool_parsing"):
        return tr("应为 true 或 false", "must be true or false")
    if code.startswith(("int", "float")):
        return tr("应为数字", "must be a number")
    return str(detail["msg"])


def suggest(word: str, known: typing.Iterable[str]) -> str:
    """`;是不是 x?` when something known looks like `word`, else the choices when few."""
    choices = sorted(set(known))
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if near:
        return tr(f"；是不是 {near[0]}？", f"; did you mean {near[0]}?")
    if choices and len(choices) <= 12:
        return tr(f";可用：{'、'.join(choices)}", f"; known: {', '.join(choices)}")
    return ""


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(kind: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model that describes the value at `loc`."""
    hint: Any = kind
    for step in loc:
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            field = next(
                (f for name, f in hint.model_fields.items() if step in (name, f.alias)), None
            )
            hint = field.annotation if field else None
        else:
            hint = _inner(hint)
        hint = _bare(hint)
    return hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None


def _bare(hint: Any) -> Any:
    """Without Annotated and `| None`."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = typing.get_args(hint)[0]
        elif typing.get_origin(hint) in (types.UnionType, typing.Union):
            hint = next(a for a in typing.get_args(hint) if a is not type(None))
        else:
            return hint


def _inner(hint: Any) -> Any:
    """The element type of a tuple or a dict."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return arguments[1]
    return arguments[0] if arguments else None
