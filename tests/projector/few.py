"""Archives with few views, for tests that look at the values of one."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eventlog.format.event import Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import Definition, load_definitions
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import UNSAFE, Gone, Page, write_log

NEEDED = ("log.sightings", "log.pages", "log.events")
"""What every other view is made from."""


def some(*names: str) -> tuple[Definition, ...]:
    """The definitions of these views, and those that every view needs."""
    return tuple(each for each in load_definitions() if each.name in (*NEEDED, *names))


def make_archive(root: Path, source: str, happenings: Iterable[Page | Gone], *names: str) -> Path:
    """Write a log under a new folder and build these views of it."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    write_log(root, source, WRITER, list(happenings))
    assert update(root, definitions=some(*names)).failed == ()
    return root


def write_drafts(
    root: Path, source: str, batches: Sequence[tuple[int, Sequence[Draft]]], writer: str = WRITER
) -> None:
    """Append events as they are, each batch at its instant, and seal them."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    last = max(at for at, _ in batches)
    stream = open_stream(root, source, writer, clock=lambda: last, disk=UNSAFE)
    for at, drafts in batches:
        append(stream, [lambda _seq, _at, drafts=drafts: list(drafts)], at)
    close_stream(stream, seal_open=True)


def rows(root: Path, sql: str, as_of: int | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return list(run_query(root, sql, as_of=as_of).rows)


def record(root: Path, view: str, where: str = "true") -> dict[str, Any]:
    """The only row of a view, by the names of its columns, without provenance."""
    found = run_query(root, f"FROM {view} WHERE {where}")
    (values,) = found.rows
    named = dict(zip(found.columns, values, strict=True))
    return {name: value for name, value in named.items() if not name.startswith("_")}
