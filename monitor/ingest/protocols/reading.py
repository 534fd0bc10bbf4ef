"""Fields of the JSON that peers send: nothing in it is taken on trust."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from monitor.ingest.formats import Encoding, Format
from monitor.ingest.steps import WireError

_ENCODINGS: Mapping[str, Encoding] = {
    "audio/x-mulaw": "ulaw",
    "mulaw": "ulaw",
    "ulaw": "ulaw",
    "pcmu": "ulaw",
    "audio/x-alaw": "alaw",
    "alaw": "alaw",
    "pcma": "alaw",
    "l16": "s16le",
    "linear16": "s16le",
    "audio/x-l16": "s16le",
    "audio/x-raw": "s16le",
    "raw/slin": "s16le",
}


def object_of(text: str) -> Mapping[str, Any]:
    """A message that is a JSON object.

    Raises:
        WireError: it is something else.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {text[:60]!r}") from error
    if not isinstance(message, Mapping):
        raise WireError(f"not an object: {text[:60]!r}")
    return message


def inner(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in an object; one that is missing is empty."""
    found = message.get(name)
    return found if isinstance(found, Mapping) else {}


def whole(value: object, name: str) -> int:
    """A whole number, also one that is written as a string.

    Raises:
        WireError: it is none, or beyond all counts.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        number = int(value)
        if abs(number) >= 2**53:
            raise ValueError
    except ValueError:
        raise WireError(f"{name}: a whole number is needed, not {str(value)[:40]!r}") from None
    return number


def bytes_of(value: object, name: str) -> bytes:
    """What base64 stands for.

    Raises:
        WireError: it is none.
    """
    if not isinstance(value, str):
        raise WireError(f"{name}: base64 is needed")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError(f"{name}: not base64") from error


def format_of(encoding: object, rate: object, channels: object = 1) -> Format:
    """The format that a peer names.

    Raises:
        WireError: one that is not decoded here.
    """
    known = _ENCODINGS.get(str(encoding).lower())
    if known is None:
        raise WireError(
            f"the codec {str(encoding)[:40]!r} is not decoded: choose PCMU, PCMA or L16"
        )
    return checked(known, whole(rate, "sample rate"), whole(channels, "channels"))


def checked(encoding: Encoding, rate: int, channels: int = 1) -> Format:
    """A format whose numbers a peer has chosen.

    Raises:
        WireError: numbers that no telephone system has.
    """
    try:
        return Format(encoding, rate, channels)
    except ValueError as error:
        raise WireError(str(error)) from error
