"""`like`: example sentences and counter-examples, in a rule or in a family's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from monitor.base.i18n import tr
from monitor.rules.language.basics import Names, Strict, listed
from monitor.rules.language.values import PartyName

FEWEST = 5
"""Fewer sentences of a kind teach nothing."""


def _enough(sentences: tuple[str, ...]) -> tuple[str, ...]:
    if len(sentences) < FEWEST:
        raise ValueError(
            tr(f"至少写 {FEWEST} 句，几十句才可靠", f"write {FEWEST} at least; dozens are reliable")
        )
    return sentences


Sentences: TypeAlias = Annotated[
    tuple[Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)], ...],
    BeforeValidator(listed),
    AfterValidator(_enough),
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


def _kind(value: Any) -> str:
    return "name" if isinstance(value, str) else "given"


Like: TypeAlias = Annotated[
    tuple[
        Annotated[
            Annotated[str, Tag("name")] | Annotated[LikeExamples, Tag("given")],
            Discriminator(_kind),
        ],
        ...,
    ],
    BeforeValidator(_like),
]
"""Names of families, or examples given in place."""
