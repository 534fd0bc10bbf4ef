"""The labelled set: what people said, in forms that programs and `rules backtest` read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.quality.review.findings import ref_of
from monitor.quality.review.verdicts import words
from monitor.store.read import call_json
from monitor.store.schema import Call, Pack, User, Verdict


def lines(session: Session) -> Iterator[str]:
    """One JSON line per judged finding: the span, the words, what the machine and people said.

    `correct` is whether the rule was truly broken there: null while people are
    unsure. `machine` is `hit`, `met` (a script taken for said) or `quiet`.
    """
    query = (
        select(Verdict, Call, User.name, Pack.name, Pack.version)
        .join(Call, Call.id == Verdict.call_id)
        .outerjoin(User, User.id == Verdict.reviewer_id)
        .outerjoin(Pack, Pack.id == Verdict.pack_id)
        .order_by(Verdict.call_id, Verdict.start_ms, Verdict.id)
    )
    for verdict, call, reviewer, pack, version in _last(session.execute(query).all()):
        yield json.dumps(
            {
                "call": call.key,
                "name": call.name,
                "rule": verdict.rule,
                "pack": pack,
                "pack_version": version,
                "party": verdict.party,
                "start_ms": verdict.start_ms,
                "end_ms": verdict.end_ms,
                "text": words(session, call.id, verdict.party, verdict.start_ms, verdict.end_ms),
                "quote": verdict.quote,
                "machine": _machine(verdict),
                "verdict": verdict.verdict,
                "correct": _correct(verdict),
                "reason": verdict.reason,
                "reviewer": reviewer,
                "at": verdict.at.isoformat(),
                "recogniser": call.recogniser,
            },
            ensure_ascii=False,
        )


def calls(session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file name, call JSON with `reviews`) of every call with a decided verdict.

    In a folder, these are what `monitor rules backtest --calls` takes: each
    review says whether a finding of this rule in this span is correct.
    """
    decided = Verdict.verdict.in_(("right", "wrong", "missed"))
    ids = session.scalars(
        select(Verdict.call_id).where(decided).distinct().order_by(Verdict.call_id)
    )
    for call_id in ids.all():
        data = call_json(session, call_id)
        yield f"{call_id:06d}.json", {**data, "reviews": reviews(session, call_id)}


def archive(session: Session) -> tuple[bytes, int]:
    """The files of `calls` as a zip, and how many there are."""
    out, count = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in calls(session):
            packed.writestr(name, json.dumps(data, ensure_ascii=False))
            count += 1
    return out.getvalue(), count


def reviews(session: Session, call_id: int) -> list[dict[str, Any]]:
    """A call's `reviews`, as docs/call-json.md describes them."""
    query = select(Verdict).where(Verdict.call_id == call_id).order_by(Verdict.id)
    last = {ref_of(verdict): verdict for verdict in session.scalars(query)}
    return [
        {
            "rule": verdict.rule,
            "start_ms": verdict.start_ms,
            "end_ms": verdict.end_ms,
            "correct": correct,
        }
        for verdict in last.values()
        if (correct := _correct(verdict)) is not None
    ]


def _last(rows: Any) -> list[Any]:
    """The latest verdict on each finding, in the rows' order."""
    last = {(row[0].call_id, ref_of(row[0])): row for row in rows}
    return list(last.values())


def _machine(verdict: Verdict) -> str:
    if verdict.verdict == "missed":
        return "quiet"
    return "hit" if verdict.script_id is None else "met"


def _correct(verdict: Verdict) -> bool | None:
    """Whether the rule was truly broken; None where people are unsure."""
    if verdict.verdict == "unsure":
        return None
    if verdict.script_id is not None:  # the machine took it for said: right is who kept the rule
        return verdict.verdict == "wrong"
    return verdict.verdict in ("right", "missed")
