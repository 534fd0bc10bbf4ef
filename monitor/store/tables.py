"""All tables of a store, those of other rooms included: what its migrations must add up to."""

from __future__ import annotations

import importlib

from sqlalchemy import MetaData

from monitor.store.schema import Base

MODULES = ("monitor.store.schema", "monitor.quality.tables")
"""The modules that define tables."""


def metadata() -> MetaData:
    """The tables of every room."""
    for name in MODULES:
        importlib.import_module(name)
    return Base.metadata
