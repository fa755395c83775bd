"""The kinds of errors that hindlog raises on purpose.

A kind is chosen by what the reader of the message does next, not by where the error
occurs. `what` states the place, the expected and the actual value, and the unit; `hint` is the
next command. The module that owns a library translates that library's exceptions into
these, with `from error`. Any other exception that escapes is a bug and shows its traceback.
"""


class HindlogError(Exception):
    """Base of all errors of hindlog: `str(error)` is `what`, without the hint.

    Can be pickled, so that it can cross process boundaries.
    """

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return self.what


class Unavailable(HindlogError):
    """A temporary condition: run the command again later."""


class Invalid(HindlogError):
    """The request or the configuration is invalid: change it."""


class Corrupt(HindlogError):
    """The archive is damaged: stop, then repair."""


class Locked(HindlogError):
    """Another process has the lock: wait for that process, or stop it."""


class NotFound(HindlogError):
    """The requested object does not exist or was never fetched; `what` states which."""


class NoArchive(HindlogError):
    """The folder contains no archive: create one, or name another folder."""


class Refused(HindlogError):
    """Upstream refused permanently: a key, a permission or an address is wrong."""


class LocalResource(HindlogError):
    """This machine lacks something: disk space, a permission, a correct clock."""


class Partial(HindlogError):
    """The command was completed only in part; `what` lists what is left."""
