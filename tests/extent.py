"""How much is tested: little on every commit, more where HINDLOG_TESTS is `all`.

`make test` takes representatives, `make test-all` everything; both run the same code.
"""

import os
from typing import TypeVar

T = TypeVar("T")

IS_ALL = os.environ.get("HINDLOG_TESTS") == "all"
"""Whether tests take all cases rather than representatives."""


def few_or_all(few: "T", all: "T") -> "T":
    """The one or the other, by how much is tested."""
    return all if IS_ALL else few
