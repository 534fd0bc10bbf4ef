"""Calls to put into stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.testing.calls import Made, made_calls
from monitor.text.pinyin import syllables

Spoken = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def spoken() -> Spoken:
    """The JSON of a call in which the agent says the given sentences."""

    def call(*sentences: str, fingerprint: str = "") -> dict[str, Any]:
        data = next(made_calls(Made(calls=1)))
        turns = []
        for number, text in enumerate(sentences):
            start = 10_000 * number
            tokens = [
                {
                    "text": char,
                    "syllable": sound,
                    "start_ms": start + 100 * at,
                    "end_ms": start + 100 * at + 100,
                    "confidence": 1.0,
                    "alternatives": [],
                }
                for at, (char, sound) in enumerate(zip(text, syllables(text), strict=True))
            ]
            end = tokens[-1]["end_ms"]
            turns.append(
                {
                    "party": "agent",
                    "start_ms": start,
                    "end_ms": end,
                    "text": text,
                    "tokens": tokens,
                }
            )
        return {**data, "utterances": turns, "fingerprint": fingerprint}

    return call
