"""Errors: the few kinds that a caller can act on.

Chosen by what the reader of the message does next, not by where they arise.
`what` says place, expected, found and unit; `hint` is the next command. A
library's exception becomes one of these in the module that owns the library,
`from error`. Whatever else escapes is a bug and shows its traceback.
"""


class HindlogError(Exception):
    """Anything hindlog says itself: `str(error)` is `what`, the hint stands apart.

    Survives pickling, so it crosses executors whole.
    """

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return self.what


class Unavailable(HindlogError):
    """Temporary: run it again later."""


class Invalid(HindlogError):
    """The request or the configuration is wrong: change it."""


class Corrupt(HindlogError):
    """The archive is damaged: stop, then repair."""


class Locked(HindlogError):
    """Another process holds it: wait for that one, or stop it."""


class NotFound(HindlogError):
    """Nothing there: absent, or nobody looked (`what` says which)."""


class NoArchive(HindlogError):
    """There is no archive in that place: make one, or name another."""


class Refused(HindlogError):
    """Upstream said no for good: a key, a right or an address is wrong."""


class LocalResource(HindlogError):
    """This machine is short of something: disk, permission, a sane clock."""


class Partial(HindlogError):
    """Done in part; `what` lists the rest."""
