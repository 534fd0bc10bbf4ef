"""Fields of pages' addresses: what a form sends for one left empty means nothing."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field


def blank(value: Any) -> Any:
    """None for a text of blanks; any other text without those around it."""
    text = value.strip() if isinstance(value, str) else value
    return None if text == "" else text


_Words: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_Date: TypeAlias = Annotated[date, Field(ge=date(1980, 1, 1), le=date(2999, 1, 1))]
_Figure: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]

Text: TypeAlias = Annotated[_Words | None, BeforeValidator(blank)]
Day: TypeAlias = Annotated[_Date | None, BeforeValidator(blank)]
Number: TypeAlias = Annotated[_Figure | None, BeforeValidator(blank)]
