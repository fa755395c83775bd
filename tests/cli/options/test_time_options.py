"""Options that take a time: the resolved instant is printed on stderr."""

from collections.abc import Callable

import pytest

from cli.options.time_options import resolve_as_of, resolve_since, resolve_until
from cli.options.times import BadTime
from cli.program import cli
from eventlog.clock import parse_us
from tests.cli.making import replaced, stream


def resolve(read: Callable[[str | None], int | None], text: str | None) -> tuple[int | None, str]:
    """Returns the instant of a text, and stderr."""
    err = stream()
    with replaced(stream(), stream(), err), cli.make_context("hindlog", ["status"]):
        instant = read(text)
    return instant, err.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("read", "word"), [(resolve_as_of, "as of"), (resolve_since, "since"), (resolve_until, "until")]
)
def test_the_resolved_instant_is_printed(
    read: Callable[[str | None], int | None], word: str
) -> None:
    expected = parse_us("2026-11-01T13:00:00Z")

    assert resolve(read, "2026-11-01T13") == (expected, f"{word} 2026-11-01T13:00:00Z\n")
    assert resolve(read, None) == (None, "")


def test_only_as_of_refuses_the_future() -> None:
    assert resolve(resolve_since, "9999-01-01")[0] == resolve(resolve_until, "9999-01-01")[0]
    with pytest.raises(BadTime, match="future"):
        resolve(resolve_as_of, "9999-01-01")
