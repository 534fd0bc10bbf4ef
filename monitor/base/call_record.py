"""The JSON of one call (docs/call-json.md), made of its events.

`CallRecord` is a sink around `monitor.base.call_fold`. Live and recorded calls use the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.base.call_document import parsed, problem
from monitor.base.call_fold import CallFold
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import (
    Alert,
    CallEnd,
    CallInfo,
    Event,
    Gap,
    Reading,
    ScriptState,
    Utterance,
    from_dict,
    to_dict,
)

VERSION = 1
"""Raised when a reader of an older file would misunderstand a newer one."""


@dataclass(frozen=True, slots=True)
class Review:
    """What a second recogniser wrote of the whole call: the transcript for a trainer to read."""

    recogniser: str
    utterances: tuple[Utterance, ...]


class CallRecord:
    """What a call came to: its fold, and what only a finished call has.

    `damage` says what was wrong with a recording that could be read only in part; `remarks`
    what was odd about one that was read whole;
    `review` is the second recogniser's transcript, where there was one.
    """

    def __init__(self) -> None:
        self.damage = ""
        self.remarks: tuple[str, ...] = ()
        self.review: Review | None = None
        self._fold = CallFold()

    def __call__(self, events: Iterable[Event], _now_ms: int = 0) -> None:
        for event in events:
            self._fold.take(event)

    @property
    def info(self) -> CallInfo | None:
        """None until the call has begun."""
        return self._fold.info

    @property
    def end(self) -> CallEnd | None:
        """None until the call is over."""
        return self._fold.end

    @property
    def utterances(self) -> list[Utterance]:
        """The turns, in the order in which they were finished."""
        return self._fold.utterances

    @property
    def readings(self) -> list[Reading]:
        """The final readings."""
        return self._fold.readings

    @property
    def gaps(self) -> list[Gap]:
        """Audio that was lost or not processed."""
        return self._fold.gaps

    @property
    def alerts(self) -> list[Alert]:
        """Each alert once, in its last state, in the order they were raised."""
        return list(self._fold.alerts.values())

    @property
    def scripts(self) -> list[ScriptState]:
        """Each required script (and occurrence) once, in its last state."""
        return list(self._fold.scripts.values())


def to_json(
    record: CallRecord, score: Mapping[str, Any] | None = None, fingerprint: str = ""
) -> dict[str, Any]:
    """The call as plain JSON data.

    `fingerprint` identifies what the file was made from and with; a batch run
    finds it at the head of the file and need not score the call again.

    Raises:
        ValueError: the call has not begun.
    """
    if record.info is None:
        raise ValueError("the call has not begun: its CallInfo event is missing")
    utterances = _in_order(record.utterances)
    return {
        "version": VERSION,
        "fingerprint": fingerprint,
        "call": call_json(record.info, record.end, record.damage, record.remarks),
        "utterances": [utterance_json(utterance) for utterance in utterances],
        "review": _review_json(record.review),
        "alerts": [to_dict(alert) for alert in record.alerts],
        "scripts": [script_json(state) for state in record.scripts],
        "readings": [_without(reading, "final") for reading in record.readings],
        "gaps": [to_dict(gap) for gap in record.gaps],
        "score": dict(score) if score is not None else None,
    }


def call_json(
    info: CallInfo,
    end: CallEnd | None = None,
    damage: str = "",
    remarks: Sequence[str] = (),
) -> dict[str, Any]:
    """What is known of the call itself; `end` is None while it goes on."""
    call: dict[str, Any] = to_dict(info)
    call["duration_ms"] = end.duration_ms if end else None
    call["released_by"] = end.released_by if end else None
    call["damage"] = damage
    if remarks:
        call["remarks"] = list(remarks)
    call["packs"] = [
        {"id": name, "version": version}
        for name, _, version in (pack.partition("@") for pack in info.packs)
    ]
    return call


def script_json(state: ScriptState) -> dict[str, Any]:
    """One required script; what the event calls `status` is its `state`."""
    data: dict[str, Any] = to_dict(state)
    data["state"] = data.pop("status")
    return data


def utterance_json(utterance: Utterance) -> dict[str, Any]:
    """One turn with its text; what is in it leaves out the party, which is the turn's."""
    spotted = [_without(found, "party") for found in utterance.spotted]
    return {
        "party": utterance.party.value,
        "start_ms": utterance.start_ms,
        "end_ms": utterance.end_ms,
        "text": utterance.text,
        "tokens": [_without(token, "party") for token in utterance.tokens],
        **({"spotted": spotted} if spotted else {}),
    }


def _review_json(review: Review | None) -> dict[str, Any] | None:
    if review is None:
        return None
    turns = [utterance_json(utterance) for utterance in _in_order(review.utterances)]
    return {"recogniser": review.recogniser, "utterances": turns}


def _in_order(utterances: Iterable[Utterance]) -> list[Utterance]:
    return sorted(utterances, key=lambda u: (u.start_ms, u.end_ms, u.party))


def utterance_of(data: Mapping[str, Any]) -> Utterance:
    """The turn that `utterance_json` wrote.

    Raises:
        ValueError: missing or unknown fields.
    """
    own = {"party": data["party"]}
    tokens = [{**own, **token} for token in data["tokens"]]
    spotted = [{**own, **found} for found in data.get("spotted", ())]
    kept = {key: value for key, value in data.items() if key != "text"}
    return from_dict(Utterance, {**kept, "tokens": tokens, "spotted": spotted})


def read(path: Path) -> dict[str, Any]:
    """The call JSON in a file.

    Raises:
        UserError: not readable, not JSON, or not a call of a version we know.
    """
    try:
        data = parsed(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(
            tr(f"{path}：无法读取：{error.strerror}", f"{path}: cannot be read: {error.strerror}")
        ) from error
    except ValueError as error:
        raise UserError(
            tr(f"{path}：不是有效的 JSON：{error}", f"{path}: not valid JSON: {error}")
        ) from error
    if not isinstance(data, dict) or "utterances" not in data or "call" not in data:
        raise UserError(
            tr(
                f"{path}：不是通话 JSON（应由 monitor score 生成）",
                f"{path}: not a call JSON (one that `monitor score` wrote is needed)",
            )
        )
    if data.get("version") != VERSION:
        raise UserError(
            tr(
                f"{path}：通话 JSON 版本 {data.get('version')} 不受支持（需要 {VERSION}），"
                "请重新评分",
                f"{path}: call JSON version {data.get('version')} is not supported"
                f" (want {VERSION}); score the call again",
            )
        )
    if wrong := problem(data):
        raise UserError(
            tr(f"{path}：通话 JSON 有误：{wrong}", f"{path}: not a sound call JSON: {wrong}")
        )
    return data


def _without(noun: Any, name: str) -> dict[str, Any]:
    data: dict[str, Any] = to_dict(noun)
    del data[name]
    return data
