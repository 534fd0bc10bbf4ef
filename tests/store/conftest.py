"""Calls to put into stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.testing.calls import Made, made_calls, turn_of

Spoken = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def spoken() -> Spoken:
    """The JSON of a call in which the agent says the given sentences."""

    def call(*sentences: str, fingerprint: str = "") -> dict[str, Any]:
        data = next(made_calls(Made(calls=1)))
        turns = [turn_of("agent", text, 10_000 * number) for number, text in enumerate(sentences)]
        return {**data, "utterances": turns, "fingerprint": fingerprint}

    return call
