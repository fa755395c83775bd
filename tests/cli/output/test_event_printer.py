"""The filter of events from options, and the printer of events."""

import re
from pathlib import Path

import pytest

from cli.output.event_printer import flush_stdout, make_event_printer, parse_event_filter
from cli.program import cli
from eventlog.errors import Invalid
from tests.cli.making import replaced, stream

LINE = (
    b'{"v":1,"source":"civitai","writer":"0a0b0c0d","seq":1,'
    b'"observed_at":"2026-11-01T13:05:09.000000Z","kind":"gone","type":"model","id":"7"}'
)


class Record:
    """The one attribute of a record that the printer reads."""

    line = LINE


def printed(*options: str, is_terminal: bool) -> bytes:
    """Returns what the printer writes to stdout for one event."""
    out = stream(is_terminal=is_terminal)
    with replaced(stream(), out, stream()), cli.make_context("hindlog", [*options, "status"]):
        make_event_printer()(Record())  # type: ignore[arg-type]
        flush_stdout()
    return out.buffer.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_patterns_and_kinds_become_a_filter(tmp_path: Path) -> None:
    select = parse_event_filter(tmp_path, ("civitai/*",), ("gone", "page"))

    assert (select.patterns, select.kinds) == (("civitai/*",), frozenset({"gone", "page"}))


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="--kind pages: expected one of entity, "):
        parse_event_filter(tmp_path, (), ("page", "pages"))


def test_in_a_pipe_an_event_is_its_unmodified_line() -> None:
    assert printed(is_terminal=False) == LINE + b"\n"
    assert printed("--color", "always", is_terminal=False) == LINE + b"\n"


def test_on_a_terminal_an_event_is_a_readable_line() -> None:
    plain = printed("--color", "never", is_terminal=True).decode()

    assert re.split("  +", plain.rstrip()) == [
        *("2026-11-01 13:05:09", "civitai", "gone", "model/7")
    ]
    assert b"\x1b[" in printed(is_terminal=True)
