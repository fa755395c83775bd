"""Reach: whether a host answers at all.

Three requests in a row, given up for the same of the errors below, and it is taken to be
down: from then on nothing is retried, until a first answer shows that it is back.
"""

import attrs

DOWN = frozenset({"connect", "timeout", "tls", "broken"})
"""Classes of error that say nothing about what was asked, only about the host."""
_IN_A_ROW = 3


@attrs.define
class Reach:
    """What the requests of a sync found out about their host."""

    error: str | None = None
    """Class of the error that ended the last request, if it was one of those."""
    in_a_row: int = 0

    @property
    def is_down(self) -> bool:
        """Whether the host is taken to be down."""
        return self.in_a_row >= _IN_A_ROW

    def gave_up(self, error: str) -> None:
        """A request was given up. An error of another class is an answer of a kind."""
        is_same = error in DOWN and error == self.error
        self.in_a_row = self.in_a_row + 1 if is_same else int(error in DOWN)
        self.error = error if error in DOWN else None

    def answered(self) -> None:
        """The host answered."""
        self.error, self.in_a_row = None, 0
