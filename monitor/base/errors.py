"""Errors that are the user's to mend."""

from monitor.base.names import text_of


class UserError(Exception):
    """One clear line that names the file, field or line and says what to do.

    The command line prints it without a traceback and exits non-zero. Bytes in a
    file's name that are no text are made text.
    """

    def __init__(self, message: str) -> None:
        super().__init__(text_of(message))
