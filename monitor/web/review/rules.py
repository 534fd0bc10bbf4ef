"""The rules page: packs, rules, examples, a sentence to try, back-tests. Files stay the source."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import Party
from monitor.quality import stored_packs
from monitor.quality.rules import labelled, tryout
from monitor.quality.rules.precision_by_rule import rule_figures
from monitor.quality.stored_packs import Version
from monitor.rules.language.resolve import ResolvedPack
from monitor.store import Store, audit
from monitor.web.deps import Db, leave, need, noted
from monitor.web.pages import page
from monitor.web.review.common import Reviewer, not_found
from monitor.web.roles import REVIEWERS

router = APIRouter(dependencies=[need(*REVIEWERS)])

Name = Annotated[str, Query(max_length=200)]
_MOST_CALLS = 500
_LONGEST = 200


@router.get("/rules")
def listed(request: Request, db: Db) -> HTMLResponse:
    """All packs, and the rules that people's verdicts say need work."""
    found = stored_packs.newest(db)
    figures = rule_figures(db)
    ranked = sorted(
        (one for one in figures.values() if one.precision is not None or one.missed),
        key=lambda one: (one.precision.bounds[0] if one.precision else 0.0, one.rule),
    )
    return page(
        request,
        "review/rules.html",
        packs=found,
        figures=ranked,
    )


@router.get("/rules/labelled.jsonl")
def labelled_lines(request: Request, db: Db, user: Reviewer) -> Response:
    """The labelled set, one JSON line per judged finding."""
    _exported(db, user.name, user.id, "jsonl")
    store: Store = request.app.state.store

    def lines() -> Iterator[str]:
        with store.reading() as session:
            for line in labelled.lines(session):
                yield line + "\n"

    return StreamingResponse(
        lines(), media_type="application/jsonl", headers=_attachment("labelled.jsonl")
    )


@router.get("/rules/labelled.zip")
def labelled_calls(db: Db, user: Reviewer) -> Response:
    """Call JSON with `reviews`, for `monitor rules backtest`."""
    _exported(db, user.name, user.id, "calls")
    data, _ = labelled.archive(db)
    return Response(data, media_type="application/zip", headers=_attachment("labelled.zip"))


@router.get("/rules/pack")
def show(request: Request, db: Db, pack: Name) -> HTMLResponse:
    """One pack: its rules with what people said of them."""
    known = _versions(db, pack)
    version = known[0]
    return page(
        request,
        "review/pack.html",
        version=version,
        versions=known,
        pack=_pack(version),
        figures=rule_figures(db, rules=_pack(version).rules),
    )


@router.get("/rules/try")
def attempt(
    request: Request,
    db: Db,
    pack: Name,
    text: Annotated[str, Query(max_length=_LONGEST)] = "",
    party: Literal["agent", "customer"] = "agent",
) -> HTMLResponse:
    """Say one sentence to a pack and see what it hears, and why."""
    version = _versions(db, pack)[0]
    said = text.strip()
    heard = tryout.try_text(version, said, Party(party)) if said else None
    return page(request, "review/try.html", version=version, text=text, party=party, heard=heard)


@router.get("/rules/backtest")
def history(
    request: Request,
    db: Db,
    pack: Name,
    version: int | None = None,
    against: int | None = None,
    calls: Annotated[int, Query(ge=1, le=_MOST_CALLS)] = 50,
    run: bool = False,
) -> HTMLResponse:
    """A version over stored calls, compared with another one."""
    known = _versions(db, pack)
    chosen, other = _chosen(known, version), _chosen(known, against) if against else None
    outcome = tryout.history(db, chosen, other, calls) if run else None
    if outcome is not None:
        said = {"pack": pack, "version": chosen.version}
        noted(db, request.state.user, "rules.backtest", f"{calls} calls", **said)
    diff = _diff(other, chosen) if other is not None else []
    return page(
        request,
        "review/backtest.html",
        versions=known,
        chosen=chosen,
        other=other,
        calls=calls,
        most=_MOST_CALLS,
        diff=diff,
        result=outcome[0] if outcome else None,
        ids=outcome[1] if outcome else {},
    )


@router.get("/rules/rule")
def one(request: Request, db: Db, pack: Name, rule: Name, run: bool = False) -> HTMLResponse:
    """One rule: how it is written, its examples, what people said of its findings."""
    version = _versions(db, pack)[0]
    written = _pack(version).rules.get(rule)
    if written is None:
        raise not_found(tr(f"规则包 {pack} 没有规则 {rule}", f"pack {pack} has no rule {rule}"))
    place = written.origin.place("id")
    return page(
        request,
        "review/rule.html",
        version=version,
        rule=written.rule,
        home=written.home,
        line=place.line,
        text=_yaml(written.raw),
        examples=tryout.examples(version, rule) if run else None,
        plain=[
            (kind, example)
            for kind in tryout.KINDS
            for example in tryout.described(written.rule, kind)
        ],
        figures=rule_figures(db, rules=[rule]).get(rule),
    )


def _versions(db: Session, name: str) -> list[Version]:
    try:
        return stored_packs.versions(db, name)
    except UserError as error:
        raise not_found(str(error)) from None


def _chosen(known: list[Version], number: int | None) -> Version:
    if not number:
        return known[0]
    for version in known:
        if version.id == number:
            return version
    raise not_found(tr(f"没有版本 {number}", f"there is no version {number}"))


def _pack(version: Version) -> ResolvedPack:
    return stored_packs.resolved(version)


def _yaml(raw: object) -> str:
    from ruamel.yaml import YAML

    out = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(raw, out)
    return out.getvalue()


def _diff(before: Version, after: Version) -> list[str]:
    return list(
        difflib.unified_diff(
            before.text.splitlines(), after.text.splitlines(),
            f"{before.name}@{before.version}", f"{after.name}@{after.version}", lineterm="", n=2,
        )
    )  # fmt: skip


def _exported(db: Session, actor: str, user_id: int, form: str) -> None:
    with leave(db) as session:
        audit.record(session, actor, user_id, "labelled.export", "labelled set", form=form)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
