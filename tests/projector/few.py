"""Archives with few views, for tests of the values of one view."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eventlog.format.event import Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import Definition, load_definitions
from projector.query.select import run_query
from projector.update.update import update
from projector.views.dependencies import BASE
from tests.projector.conftest import WRITER
from tests.projector.logs import UNSAFE, Gone, Page, write_log

MODEL_NAMES = "SELECT id, name FROM openrouter.models ORDER BY id"
"""Query for `rows`: the models that are present."""


def some(*names: str) -> tuple[Definition, ...]:
    """Returns the definitions of these views and of those that every view needs."""
    wanted = (*BASE, *names)
    return tuple(definition for definition in load_definitions() if definition.name in wanted)


def make_archive(root: Path, source: str, happenings: Iterable[Page | Gone], *names: str) -> Path:
    """Writes a log into a new archive and builds these views of it. Returns `root`."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    write_log(root, source, WRITER, list(happenings))
    assert update(root, definitions=some(*names)).failed == ()
    return root


def write_drafts(
    root: Path, source: str, batches: Sequence[tuple[int, Sequence[Draft]]], writer: str = WRITER
) -> None:
    """Appends events unchanged, each batch at its instant, and seals them."""
    (root / "log").mkdir(parents=True, exist_ok=True)
    last = max(at for at, _ in batches)
    stream = open_stream(root, source, writer, clock=lambda: last, disk=UNSAFE)
    for at, drafts in batches:
        append(stream, [lambda _seq, _at, drafts=drafts: list(drafts)], at)
    close_stream(stream, seal_open=True)


def rows(root: Path, sql: str, as_of: int | None = None) -> list[tuple[Any, ...]]:
    """Returns all rows of a query."""
    return list(run_query(root, sql, as_of=as_of).rows)


def record(root: Path, view: str, where: str = "true") -> dict[str, Any]:
    """Returns the only row of a query as a dict, without the provenance columns."""
    result = run_query(root, f"FROM {view} WHERE {where}")
    (values,) = result.rows
    row = dict(zip(result.columns, values, strict=True))
    return {name: value for name, value in row.items() if not name.startswith("_")}
