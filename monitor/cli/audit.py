"""`monitor audit`: is the trail as it was written?"""

from __future__ import annotations

import click

from monitor import cli
from monitor.base.i18n import tr
from monitor.cli import options


@click.group(
    "audit",
    help=tr(
        """检查审计记录。每条记录含有前一条的摘要：绕过程序改动、删除或插入的记录会被发现。

        \b
        示例：
          monitor audit verify
          monitor audit verify --head 3f1c…    与以前记下的摘要对照""",
        """Check the audit trail. Every row carries the digest of the one before: rows that were
        changed, removed or slipped in past the program show.

        \b
        Examples:
          monitor audit verify
          monitor audit verify --head 3f1c…    against a digest noted down before""",
    ),
)
def command() -> None:
    pass


@command.command(
    "verify",
    help=tr("逐条核对整个审计记录。", "Look through the whole trail, row by row."),
)
@cli.option(
    "--head",
    metavar="DIGEST",
    zh="以前打印的最后摘要；它必须仍在链中",
    en="the last digest as printed before; it must still be in the chain",
)
@options.store
def verify(head: str | None, store: str | None) -> int | None:
    from sqlalchemy import select

    from monitor.store import audit, open_store
    from monitor.store.schema import Audit

    with open_store(store) as opened, opened.reading() as session:
        proof = audit.prove(session)
        known = head is None or session.scalar(select(Audit.id).where(Audit.digest == head))
    said = {
        "changed": tr(
            "被改动，或它前面有记录被删除、插入", "changed, or rows before it were removed"
        ),
        "missing": tr("条记录本应存在，条数不符", "rows should be there: their number is wrong"),
        "cut off": tr("条记录之后的记录不符", "rows are there, but not the last ones"),
    }
    for number, problem in proof.problems:
        click.echo(f"{number}: {said[problem]}", err=True)
    if not known:
        click.echo(
            tr(f"链中没有摘要 {head}：记录被重写", f"{head} is not in the chain: it was rewritten"),
            err=True,
        )
    if proof.problems or not known:
        return cli.EXIT_FAILED
    click.echo(
        tr(
            f"{proof.rows} 条审计记录完整；最后摘要 {proof.head or '-'}",
            f"{proof.rows} rows of the trail are whole; the last digest is {proof.head or '-'}",
        )
    )
    return None
