"""A model's symbols as text: whole characters and words out of pieces of them.

Chinese models write characters; bilingual ones add pieces of English words
(`▁he`, `llo`, or `he@@`, `llo`); newer ones write bytes, one letter each (the
byte-level BPE of icefall), or `<0xE4>` for a byte they have no other symbol for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from monitor.asr.token_writer import Piece
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.language.pinyin import is_han

_HEX = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_MARK = re.compile(r"<.*>|\[.*\]")  # <unk>, <|zh|>, [UNK]: something, but no text
_HAN = "\u3400-\u9fff〇"
_UNIT = re.compile(rf"[{_HAN}]|(?:(?![{_HAN}])[\w'])+")  # a character, or letters and digits
_SPACE = " "
_JOINED = "@@"
_LEADS = frozenset("Ƌƌƍ")  # the bytes E4, E5, E6, with which most characters begin


class SymbolTable:
    """The symbols of a model, as `tokens.txt` lists them.

    Raises:
        UserError: the file is not such a list.
    """

    def __init__(self, file: Path) -> None:
        symbols = read(file)
        letters = {char for symbol in symbols for char in symbol}
        self.in_bytes = bool(letters & _LEADS) and not any(is_han(char) for char in letters)
        self.joins = any(symbol.endswith(_JOINED) for symbol in symbols)

    def stream(self) -> SymbolStream:
        """A reader for one stretch."""
        return SymbolStream(self)

    def bytes_of(self, symbol: str) -> bytes:
        """A symbol's text in UTF-8, spaces as spaces; empty where it has none."""
        fallback = _HEX.fullmatch(symbol)
        if fallback:
            return bytes([int(fallback[1], 16)])
        if _MARK.fullmatch(symbol.strip()):
            return b""
        text = symbol.removesuffix(_JOINED).replace("▁", _SPACE)
        if not self.in_bytes:
            return text.encode()
        alphabet = _alphabet()
        return bytes(alphabet[char] for char in text if char in alphabet)


class SymbolStream:
    """Reads symbols in order; a character or word comes out when it is whole."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table
        self._rest = b""  # of a character that is not whole …
        self._rest_ms = 0  # … and when it began
        self._word: list[Piece] = []  # parts of a word that may go on
        self._joins = False  # it does go on

    @property
    def waiting_from_ms(self) -> int | None:
        """Start of what has been read but has not come out."""
        if self._word:
            return self._word[0].start_ms
        return self._rest_ms if self._rest else None

    @property
    def preview(self) -> str:
        """The word that may go on."""
        return "".join(part.text for part in self._word)

    def push(self, symbol: str, start_ms: int, end_ms: int, confidence: float) -> list[Piece]:
        """Take the next symbol; returns what is whole now."""
        data = self._table.bytes_of(symbol)
        done: list[Piece] = []
        if not self._rest:
            self._rest_ms = start_ms
            apart = self._table.joins and not self._joins
            if apart or data.startswith(_SPACE.encode()):
                done += self._end_word()
        text, begin_ms = self._whole(data), self._rest_ms
        if text:
            self._rest_ms = end_ms  # what is left over belongs to the next character
        for piece in _pieces(text, begin_ms, end_ms, confidence):
            if is_han(piece.text[0]):
                done += [*self._end_word(), piece]
            else:
                self._word.append(piece)
        self._joins = symbol.endswith(_JOINED)
        return done

    def finish(self) -> list[Piece]:
        """The stretch is over: what was waiting. Half a character is none."""
        self._rest, self._joins = b"", False
        return self._end_word()

    def _whole(self, data: bytes) -> str:
        """The characters that are complete; the bytes of one that is not wait."""
        data = self._rest + data
        for cut in range(len(data), max(-1, len(data) - 4), -1):
            try:
                text = data[:cut].decode("utf-8")
            except UnicodeDecodeError:
                continue
            self._rest = data[cut:]
            return text
        self._rest = b""  # no character begins like that
        return data.decode("utf-8", errors="ignore")

    def _end_word(self) -> list[Piece]:
        if not self._word:
            return []
        parts, self._word = self._word, []
        text = "".join(part.text for part in parts)
        least = min(part.confidence for part in parts)
        return [Piece(text, parts[0].start_ms, parts[-1].end_ms, least)]


def _pieces(text: str, start_ms: int, end_ms: int, confidence: float) -> Iterator[Piece]:
    """Characters and words of a text, the time shared among them by length."""
    units = _UNIT.findall(text)
    total = sum(map(len, units))
    at = 0
    for unit in units:
        first = start_ms + (end_ms - start_ms) * at // total
        at += len(unit)
        yield Piece(unit, first, start_ms + (end_ms - start_ms) * at // total, confidence)


def read(file: Path) -> tuple[str, ...]:
    """The symbols that `tokens.txt` lists, one a line with its number after it.

    Raises:
        UserError: a line is otherwise.
    """
    try:
        # By line feeds alone: other signs that end a line may be symbols.
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(tr(f"{file}：不是 UTF-8 文本", f"{file}: not UTF-8 text")) from error
    found = []
    for number, line in enumerate(lines, start=1):
        *symbol, index = line.rsplit(maxsplit=1) or [""]
        if not index.isdigit():
            raise UserError(
                tr(
                    f"{file}:{number}：每行应为“符号 编号”",
                    f"{file}:{number}: each line should be a symbol and its number",
                )
            )
        found.append("".join(symbol))  # a symbol of spaces is none
    return tuple(found)


@lru_cache(maxsize=1)
def _alphabet() -> dict[str, int]:
    """Icefall's letter of each byte: printable ASCII stands for itself; the other bytes, in
    order, are the letters from U+0100 on that NFKC normalisation leaves as they are."""
    letters = (chr(code) for code in range(0x100, 0x200))
    plain = (char for char in letters if unicodedata.normalize("NFKC", char) == char)
    return {chr(b) if 32 <= b <= 126 else next(plain): b for b in range(256)}
