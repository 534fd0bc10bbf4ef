"""From decoded units to tokens with characters and syllables.

A character model spells by itself and only needs readings (this module); a
syllable model is spelt by the lexicon (`syllables.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from monitor.events import Party, Token

if TYPE_CHECKING:
    from monitor.asr.ctc.decode import Unit
    from monitor.asr.ctc.inventory import Inventory

_CONTEXT = 3  # characters of history that may settle a reading, as in 银行


class SpellingStream(Protocol):
    """Spells the units of one party, in order; what is returned is never changed."""

    @property
    def waiting_from_ms(self) -> int | None:
        """Start of the first unit that is not spelt yet."""

    def push(self, unit: Unit, start_ms: int, end_ms: int) -> list[Token]:
        """Take the next unit; returns the tokens that are decided now."""

    def elapse(self, now_ms: int, quiet_ms: int, coming: Sequence[Unit] = ()) -> list[Token]:
        """Time passes; returns tokens that need not wait longer.

        Args:
            now_ms: up to here the audio has been looked at.
            quiet_ms: no further unit was heard before this.
            coming: units that are likely to follow, not decided yet.
        """

    def finish(self) -> list[Token]:
        """The turn is over; returns the rest."""

    def preview(self, units: Sequence[Unit]) -> str:
        """How the waiting units and then `units` would be spelt as things stand."""


class Speller(Protocol):
    """The shared, immutable part."""

    def stream(self, party: Party) -> SpellingStream:
        """A fresh stream for one party."""


class CharacterSpeller:
    """The model knows characters; their readings follow from the ones before."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def stream(self, party: Party) -> SpellingStream:
        return _CharacterStream(party, self._inventory)


class _CharacterStream:
    """Spells at once: nothing waits."""

    waiting_from_ms: int | None = None

    def __init__(self, party: Party, inventory: Inventory) -> None:
        self._party = party
        self._inventory = inventory
        self._history = ""

    def push(self, unit: Unit, start_ms: int, end_ms: int) -> list[Token]:
        text, readings = self._inventory.spell(unit)
        if _is_mark(text):
            return []
        syllable = _reading(self._history, text) if len(readings) > 1 else "".join(readings)
        self._history = (self._history + text)[-_CONTEXT:] if readings else ""
        rest = [other for other in readings if other != syllable]
        judged = self._inventory.judge(unit, [syllable, *rest])
        return [Token(self._party, text, syllable, start_ms, end_ms, *judged)]

    def elapse(
        self,
        now_ms: int,  # noqa: ARG002 - nothing waits
        quiet_ms: int,  # noqa: ARG002
        coming: Sequence[Unit] = (),  # noqa: ARG002
    ) -> list[Token]:
        return []

    def finish(self) -> list[Token]:
        self._history = ""
        return []

    def preview(self, units: Sequence[Unit]) -> str:
        texts = (self._inventory.spell(unit)[0] for unit in units)
        return "".join(text for text in texts if not _is_mark(text))


def _is_mark(text: str) -> bool:
    """`<unk>` and its kin: something was said, but not what."""
    return text.startswith("<")


def _reading(history: str, character: str) -> str:
    """Toneless reading of a character after `history`."""
    from pypinyin import lazy_pinyin  # loads a large dictionary

    return str(lazy_pinyin(history + character)[-1])
