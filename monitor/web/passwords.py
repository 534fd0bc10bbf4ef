"""Passwords: argon2id through argon2-cffi, and what is asked of a new one."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from monitor.base.errors import UserError
from monitor.base.i18n import tr

MIN_LENGTH = 10
MAX_LENGTH = 200


class Passwords:
    """Hashes and checks. One check takes 64 MiB, so only a few run at a time."""

    def __init__(self, hasher: PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.BoundedSemaphore(at_once)
        # Checked when there is no such user, so that both answers take as long.
        self._nobody = self._hasher.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        with self._turn:
            return self._hasher.hash(password)

    def check(self, stored: str, password: str) -> bool:
        """Whether the password is the one of the hash `stored` (empty: nobody's)."""
        with self._turn:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
        return bool(stored)

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def acceptable(password: str, name: str) -> str:
    """The password, when it may be used by the user `name`.

    Length is what counts (NIST SP 800-63B); no rules about kinds of characters.

    Raises:
        UserError: too short, too long, or easily guessed.
    """
    if len(password) < MIN_LENGTH:
        raise UserError(
            tr(f"密码至少 {MIN_LENGTH} 个字符", f"a password has at least {MIN_LENGTH} characters")
        )
    if len(password) > MAX_LENGTH:
        raise UserError(
            tr(f"密码最多 {MAX_LENGTH} 个字符", f"a password has at most {MAX_LENGTH} characters")
        )
    if len(set(password)) < 4 or password.casefold() == name.casefold() * (
        len(password) // max(1, len(name))
    ):
        raise UserError(tr("密码太容易猜到，请换一个", "this password is too easy to guess"))
    return password
