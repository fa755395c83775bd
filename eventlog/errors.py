"""Errors: few kinds, chosen by what the reader of the message does next.

Each carries `what` (place, expected, found) and `hint` (the next command).
Anything else that escapes is a bug and shows its traceback.
"""


class HindlogError(Exception):
    """Something a user can act on."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


class Unavailable(HindlogError):
    """Run it again later."""


class Invalid(HindlogError):
    """Change the request."""


class Corrupt(HindlogError):
    """Stop, then repair."""


class Locked(HindlogError):
    """Another process holds it."""


class NotFound(HindlogError):
    """Nothing there under that name or at that time."""


class NoArchive(HindlogError):
    """No archive here."""


class Refused(HindlogError):
    """Upstream said no: authentication, region, a request it never accepts."""


class LocalResource(HindlogError):
    """This machine: disk full, permission, clock."""


class Partial(HindlogError):
    """Done in part; the rest is listed."""
