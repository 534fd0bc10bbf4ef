"""The rule language's common ground: strict models, names, phrases and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from monitor.base.i18n import tr


class Strict(BaseModel):
    """Frozen, and every key must be known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=False, str_strip_whitespace=True
    )


def listed(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) or value is None else [value]


Names: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(listed)
]
"""One name or a list of names."""


def complain(key: str, message: str) -> PydanticCustomError:
    """An error that points at `key` of the mapping being read."""
    return PydanticCustomError("rule", "{message}", {"message": message, "key": key})


class Phrase(Strict):
    """A phrase to find, as plain text or with its own settings."""

    say: Annotated[str, Field(min_length=1)]
    likeness: Annotated[float, Field(gt=0, le=1)] | None = None
    exact: bool = False
    unless: Phrases = ()


def _phrase(value: Any) -> Any:
    return {"say": value} if isinstance(value, str | int | float) else value


def _phrases(value: Any) -> Any:
    if value is None:
        return value
    return [_phrase(item) for item in listed(value)]


def _spoken(value: Any) -> Any:
    """YAML reads `10010` as a number; what is said is text."""
    if isinstance(value, Mapping) and isinstance(value.get("say"), int | float):
        return {**value, "say": str(value["say"])}
    return value


Phrases: TypeAlias = Annotated[
    tuple[Annotated[Phrase, BeforeValidator(_spoken)], ...], BeforeValidator(_phrases)
]


def _steps(value: Any) -> Any:
    """Steps may be a mapping name → phrases, or a plain list (each names itself)."""
    if isinstance(value, list | tuple):
        return {_step_name(item, number): item for number, item in enumerate(value, 1)}
    return value


def _step_name(item: Any, number: int) -> str:
    first = item[0] if isinstance(item, list | tuple) and item else item
    text = first.get("say", "") if isinstance(first, Mapping) else first
    return f"{number} {text}"


Steps: TypeAlias = Annotated[dict[str, Phrases], BeforeValidator(_steps)]


def given(model: BaseModel, key: str) -> bool:
    """Whether the author wrote `key` with something in it."""
    for name, field in type(model).model_fields.items():
        if key in (name, field.alias):
            return name in model.model_fields_set and getattr(model, name) not in (None, (), {})
    return False


def refuse(model: BaseModel, verb: str, verbs: Mapping[str, frozenset[str]]) -> None:
    """Refuse keys that belong to other verbs only."""
    special = frozenset().union(*verbs.values())
    for name in model.model_fields_set:
        key = type(model).model_fields[name].alias or name
        if key in special - verbs[verb]:
            homes = "、".join(v for v, keys in verbs.items() if key in keys)
            raise complain(
                key,
                tr(
                    f"{key} 不能和 {verb} 一起用（它属于 {homes}）",
                    f"{key} does not go with {verb} (it goes with {homes})",
                ),
            )


Phrase.model_rebuild()
