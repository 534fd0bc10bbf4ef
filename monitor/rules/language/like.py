"""`like`: example sentences and counter-examples, in a rule or in a family's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from monitor.rules.language.basics import Names, Strict, listed
from monitor.rules.language.values import PartyName

FEWEST = 5
"""Fewer sentences of a kind teach nothing."""

Sentences: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)], ...],
    BeforeValidator(listed),
    Field(min_length=FEWEST),
]


class LikeExamples(Strict):
    """Sentences that mean it (`examples`), and those near it that do not (`not`)."""

    examples: Sentences
    not_: Annotated[Sentences, Field(alias="not")]


class LikeFamily(LikeExamples):
    """A family in a file of its own, `rules/like/NAME.yaml`."""

    family: Annotated[str, Field(min_length=1)]
    about: str = ""
    party: PartyName = None
    sources: Names = ()


def _like(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [dict(value)]
    return listed(value)


Like: TypeAlias = Annotated[
    tuple[str | LikeExamples, ...],
    BeforeValidator(_like),
]
"""Names of families, or examples given in place."""
