"""Values as text that is the same in every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel


def canonical(value: Any) -> str:
    """Like `repr`, but for the order of what has none: sets are written sorted.

    Python orders the strings of a set differently in each process, so that
    `repr` is no fingerprint.
    """
    if isinstance(value, str | int | float | bool | None):
        return repr(value)
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(canonical, value)))}}}"
    if isinstance(value, Mapping):
        pairs = (f"{canonical(key)}: {canonical(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(canonical, value))}]"
    if is_dataclass(value) or isinstance(value, BaseModel):
        return f"{type(value).__name__}({canonical(_parts(value))})"
    return repr(value)


def _parts(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
