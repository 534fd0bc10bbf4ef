"""The work of `monitor calls sample`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import trail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from monitor.quality.sampling.review_queue import Moment
    from monitor.quality.tables import Plan


def sample(store: str | None, names: Sequence[str], *, deal: bool, dry_run: bool) -> None:
    """Draw by the plans of these names (none: by every active one) and tell what came of it."""
    from monitor.base.time_zone import local_zone
    from monitor.quality.sampling import review_queue
    from monitor.store import open_store

    at = review_queue.Moment(datetime.now(UTC), local_zone())
    with open_store(store) as opened, opened.session() as session:
        review_queue.hold(session)
        drawn = [
            (plan.name, review_queue.draw(session, plan, at)) for plan in _plans(session, names)
        ]
        dealt = _deal(session, at) if deal else None
        waiting = review_queue.waiting(session)
        total = sum(count for _, count in drawn)
        if dry_run:
            session.rollback()
        elif total or dealt:
            trail.record(session, "plan.draw", f"{total} calls", dealt=dealt)
    for name, count in drawn:
        click.echo(tr(f"{name}：抽中 {count} 通", f"{name}: {count} calls drawn"))
    if dealt is not None:
        click.echo(tr(f"已分配 {dealt} 通", f"{dealt} calls dealt"))
    click.echo(tr(f"待复核共 {waiting} 通", f"{waiting} calls wait for review"))
    if dry_run:
        click.echo(tr("（试算，没有写入）", "(a trial; nothing was kept)"))


def _plans(session: Session, names: Sequence[str]) -> list[Plan]:
    from sqlalchemy import select

    from monitor.quality.tables import Plan

    known = session.scalars(select(Plan).order_by(Plan.id)).all()
    if not known:
        raise UserError(
            tr(
                "还没有抽检方案：请在网页的“抽检方案”页建立",
                "there is no sampling plan: make one on the web page Sampling plans",
            )
        )
    if not names:
        return [plan for plan in known if plan.active]
    by_name = {plan.name: plan for plan in known}
    for name in names:
        if name not in by_name:
            raise UserError(
                tr(
                    f"没有抽检方案“{name}”；现有：{'、'.join(by_name)}",
                    f"there is no sampling plan {name!r}; there are: {', '.join(by_name)}",
                )
            )
        if not by_name[name].active:
            raise UserError(
                tr(
                    f"抽检方案“{name}”已停用，请先在网页启用",
                    f"the sampling plan {name!r} rests; switch it on on the web first",
                )
            )
    return [by_name[name] for name in dict.fromkeys(names)]


def _deal(session: Session, at: Moment) -> int:
    from monitor.quality.sampling import review_queue

    people = review_queue.reviewers(session)
    if not people:
        raise UserError(
            tr(
                "没有可以分配的质检员：请先用 monitor users add 添加（角色 qa 或 trainer）",
                "there is nobody to deal to: add somebody with `monitor users add` (role qa or"
                " trainer)",
            )
        )
    return review_queue.assign(session, people, at)
