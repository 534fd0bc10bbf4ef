"""`monitor users`: accounts, from the command line of the server's machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import options

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ROLES = ("agent", "qa", "trainer", "supervisor", "admin")


@click.group(
    "users",
    help=tr(
        """管理用户：添加、列出、改密码、改角色、停用，以及 API 令牌。

        角色:agent 坐席 · qa 质检 · trainer 培训师 · supervisor 主管 · admin 管理员

        \b
        示例：
          monitor users add 张敏 --role admin
          monitor users add a1024 --role agent --display 李雷
          monitor users token a1024 --label 三号坐席电脑""",
        """Accounts: add, list, change passwords and roles, switch off, API tokens.

        Roles: agent, qa, trainer, supervisor, admin

        \b
        Examples:
          monitor users add zhang --role admin
          monitor users add a1024 --role agent --display "Li Lei"
          monitor users token a1024 --label "desk 3\"""",
    ),
)
def command() -> None:
    pass


def _password_option(verb: Any) -> Any:
    return cli.option(
        "--password-stdin",
        is_flag=True,
        zh="从标准输入读取密码（供脚本使用）",
        en="read the password from standard input (for scripts)",
    )(verb)


@command.command(
    "add", help=tr("添加用户；密码在提示后输入。", "Add a user; asks for the password.")
)
@click.argument("name")
@cli.option("--role", type=click.Choice(ROLES), required=True, zh="角色", en="role")
@cli.option("--display", default="", metavar="TEXT", zh="姓名", en="full name")
@cli.option(
    "--agent",
    metavar="NAME",
    zh="通话数据里这位坐席的名字（默认与用户名相同）",
    en="what calls name this agent (default: the user's name)",
)
@_password_option
@options.store
def add(
    name: str, role: str, display: str, agent: str | None, password_stdin: bool, store: str | None
) -> None:
    from monitor.store import open_store
    from monitor.web import users
    from monitor.web.passwords import Passwords, acceptable
    from monitor.web.roles import Role

    name = users.clean_name(name)
    password = acceptable(_ask(password_stdin), name)
    with open_store(store) as opened, opened.session() as session:
        user = users.add(
            session, Passwords(), name, Role(role), password, display=display, agent=agent
        )
        _record(session, "user.create", user.name, role=role)
    click.echo(tr(f"已添加用户 {name}({role})", f"user {name} added ({role})"))


@command.command("list", help=tr("列出用户。", "List the users."))
@options.store
def list_users(store: str | None) -> None:
    from sqlalchemy import select

    from monitor.store import open_store
    from monitor.store.schema import User

    with open_store(store) as opened, opened.reading() as session:
        for user in session.scalars(select(User).order_by(User.name)):
            state = tr("启用", "active") if user.active else tr("停用", "inactive")
            parts = [user.name, user.role, state, user.agent or "-", user.display]
            click.echo("\t".join(parts).rstrip())


@command.command("password", help=tr("设置新密码。", "Set a new password."))
@click.argument("name")
@_password_option
@options.store
def password(name: str, password_stdin: bool, store: str | None) -> None:
    from monitor.store import open_store
    from monitor.web import users
    from monitor.web.passwords import Passwords, acceptable

    given = acceptable(_ask(password_stdin), name)
    with open_store(store) as opened, opened.session() as session:
        user = users.find(session, name)
        users.set_password(Passwords(), user, given)
        _record(session, "user.password", user.name)
    click.echo(tr(f"已设置 {name} 的密码", f"password of {name} set"))


@command.command("role", help=tr("改变角色。", "Change a user's role."))
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@options.store
def role(name: str, role: str, store: str | None) -> None:
    from monitor.web.roles import Role

    _change(store, name, role=Role(role))
    click.echo(tr(f"{name} 的角色现在是 {role}", f"{name} is {role} now"))


@command.command(
    "disable", help=tr("停用用户，并结束其登录。", "Switch a user off; ends their sessions.")
)
@click.argument("name")
@options.store
def disable(name: str, store: str | None) -> None:
    _change(store, name, active=False)
    click.echo(tr(f"{name} 已停用", f"{name} may not sign in any more"))


@command.command("enable", help=tr("重新启用用户。", "Switch a user on again."))
@click.argument("name")
@options.store
def enable(name: str, store: str | None) -> None:
    _change(store, name, active=True)
    click.echo(tr(f"{name} 已启用", f"{name} may sign in again"))


@command.command(
    "token",
    help=tr(
        "创建 API 令牌，只显示这一次（monitor listen --to 使用）。",
        "Make an API token, shown this once (for monitor listen --to).",
    ),
)
@click.argument("name")
@cli.option("--label", default="API", metavar="TEXT", zh="令牌的用途", en="what it is for")
@cli.option(
    "--scope",
    type=click.Choice(["full", "read", "send"]),
    default="full",
    zh="权限：full 全部，read 只读，send 只发送通话",
    en="what it may do: everything, read only, or send calls only",
)
@cli.option(
    "--days",
    type=click.IntRange(0, 3650),
    default=365,
    zh="有效天数（默认 365;0 为直到吊销）",
    en="how many days it lasts (default 365; 0: until it is revoked)",
)
@options.store
def token(name: str, label: str, scope: str, days: int, store: str | None) -> None:
    from monitor.store import open_store
    from monitor.web import users
    from monitor.web.scopes import Scope

    with open_store(store) as opened, opened.session() as session:
        user = users.find(session, name)
        made, secret = users.new_token(session, user, label, Scope(scope), days)
        said = {"user": user.name, "label": made.label, "scope": scope, "days": str(days)}
        _record(session, "token.create", f"token {made.id}", **said)
    click.echo(secret)


@command.command("tokens", help=tr("列出某用户的 API 令牌。", "List a user's API tokens."))
@click.argument("name")
@options.store
def tokens(name: str, store: str | None) -> None:
    from sqlalchemy import select

    from monitor.store import open_store
    from monitor.store.schema import ApiToken
    from monitor.web import users

    with open_store(store) as opened, opened.reading() as session:
        user = users.find(session, name)
        found = select(ApiToken).where(ApiToken.user_id == user.id).order_by(ApiToken.id)
        for item in session.scalars(found):
            used = item.used_at.isoformat(timespec="seconds") if item.used_at else "-"
            state = tr("有效", "valid") if item.revoked_at is None else tr("已吊销", "revoked")
            click.echo(f"{item.id}\t{state}\t{used}\t{item.label}")


@command.command("revoke", help=tr("吊销某用户的 API 令牌。", "Revoke a user's API token."))
@click.argument("name")
@click.argument("token", type=int)
@options.store
def revoke(name: str, token: int, store: str | None) -> None:
    from monitor.store import open_store
    from monitor.web import users

    with open_store(store) as opened, opened.session() as session:
        users.revoke_token(session, users.find(session, name), token)
        _record(session, "token.revoke", f"token {token}")
    click.echo(tr(f"令牌 {token} 已吊销", f"token {token} is revoked"))


def _change(store: str | None, name: str, **changes: Any) -> None:
    from monitor.store import open_store
    from monitor.web import users

    with open_store(store) as opened, opened.session() as session:
        user = users.find(session, name)
        users.change(session, user, **changes)
        _record(session, "user.change", user.name, **{key: str(v) for key, v in changes.items()})


def _ask(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UserError(
            tr(
                "没有终端可输入密码；请用 --password-stdin",
                "no terminal to type the password on; use --password-stdin",
            )
        )
    prompt, again = tr("密码", "Password"), tr("再输入一次", "Again")
    given: str = click.prompt(prompt, hide_input=True, confirmation_prompt=again)
    return given


def _record(session: Session, action: str, thing: str, **detail: str) -> None:
    from monitor.store import audit

    audit.record(session, audit.COMMAND_LINE, None, action, thing, **detail)
