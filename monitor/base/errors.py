"""Errors that are the user's to mend."""


class UserError(Exception):
    """One clear line that names the file, field or line and says what to do.

    The command line prints it without a traceback and exits non-zero.
    """
