"""Moments: each time that is understood is echoed, an absent one is not."""

from collections.abc import Callable

import pytest

from cli.moments import instant_of, since_of, until_of
from cli.program import cli
from cli.times import BadTime
from eventlog.clock import parse_us
from tests.cli.making import replaced, stream


def echoed(read: Callable[[str | None], int | None], text: str | None) -> tuple[int | None, str]:
    err = stream()
    with replaced(stream(), stream(), err), cli.make_context("hindlog", ["status"]):
        instant = read(text)
    return instant, err.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("read", "word"), [(instant_of, "as of"), (since_of, "since"), (until_of, "until")]
)
def test_an_instant_is_echoed_as_it_was_understood(
    read: Callable[[str | None], int | None], word: str
) -> None:
    expected = parse_us("2026-11-01T13:00:00Z")

    assert echoed(read, "2026-11-01T13") == (expected, f"{word} 2026-11-01T13:00:00Z\n")
    assert echoed(read, None) == (None, "")


def test_only_an_as_of_may_not_lie_in_the_future() -> None:
    assert echoed(since_of, "9999-01-01")[0] == echoed(until_of, "9999-01-01")[0]
    with pytest.raises(BadTime, match="future"):
        echoed(instant_of, "9999-01-01")
