"""Words of running Chinese: boundaries and how common a word is, by jieba's dictionary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any


@lru_cache(maxsize=4096)
def boundaries(text: str) -> frozenset[int]:
    """Offsets in `text` where a word begins or ends (0 and `len(text)` included)."""
    at, found = 0, {0}
    for word in _tokenizer().cut(text, HMM=False):
        at += len(word)
        found.add(at)
    return frozenset(found)


def split(text: str) -> list[str]:
    """The words of `text` in order."""
    return list(_tokenizer().cut(text, HMM=False))


def is_word(text: str) -> bool:
    """Whether the dictionary lists `text` as a word."""
    return bool(_tokenizer().FREQ.get(text, 0))


def surprise(word: str) -> float:
    """Bits of information in hearing `word`: -log2 of its share of running text.

    A word that is not in the dictionary counts as seen once.
    """
    tokenizer = _tokenizer()
    return math.log2(tokenizer.total / max(1, tokenizer.FREQ.get(word, 0)))


def frequencies() -> Mapping[str, int]:
    """How often each word of the dictionary was counted in running text (0: only a prefix)."""
    table: dict[str, int] = _tokenizer().FREQ
    return MappingProxyType(table)


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)  # it prints its progress otherwise
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    return tokenizer
