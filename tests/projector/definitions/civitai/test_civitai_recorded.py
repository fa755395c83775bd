"""Civitai's recorded responses of several years: every value of a body is in its row."""

import functools
from collections.abc import Iterator
from pathlib import Path

import duckdb
import orjson
import pytest

from eventlog.clock import now_us, parse_us
from eventlog.format.event import exact_body
from eventlog.format.event_codec import decode
from eventlog.format.paths import parse_segment
from eventlog.read.reader import read_event_in
from fetcher.sources import SOURCES
from projector.definition import Definition, load_definitions
from projector.query.open_views import open_views
from projector.update.update import update
from tests.fetcher.importing import import_paths
from tests.projector.conftest import WRITER
from tests.projector.recorded import RECORDINGS

CIVITAI = RECORDINGS / "civitai"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.recordings,
    pytest.mark.skipif(not CIVITAI.is_dir(), reason="no recorded responses"),
]
FOLDERS = [
    "models",
    "model",
    "models-items-2023",
    "model-version",
    "by-hash",
    "images",
    "creators",
    "tags",
]
BUNDLE = "bundle-page-and-1102-2025-08.json"
BUNDLED = ["$.models_list_page1=/api/v1/models", "$.model_get_1102=/api/v1/models/1102"]
DEFINITIONS = [definition for definition in load_definitions() if definition.source == "civitai"]


@pytest.fixture(scope="module")
def views(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """An archive of every recorded response, one file per hour."""
    root = tmp_path_factory.mktemp("civitai")
    (root / "log").mkdir()
    first = parse_us("2025-09-01T00:00:00Z")
    files = [path for folder in FOLDERS for path in sorted((CIVITAI / folder).glob("*.json"))]
    for number, path in enumerate(files):
        report = import_paths(
            root,
            SOURCES["civitai"],
            [path],
            writer=WRITER,
            parts=BUNDLED if path.name == BUNDLE else (),
            observed_at=first + number * 3_600_000_000,
            now=now_us,
        )
        assert report.refused == (), path
        assert report.anomalies == 0, path
    done = update(root)
    assert (done.failed, done.quarantined) == ((), ())
    with open_views(root) as connection:
        yield root, connection


def tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    sql = """SELECT DISTINCT table_name FROM information_schema.columns
        WHERE table_schema = 'civitai' AND column_name = '_errors'"""
    return [name for (name,) in connection.execute(sql).fetchall()]


def test_no_recorded_value_fails_to_cast(views) -> None:
    _, connection = views
    counts = {
        name: connection.execute(
            f"SELECT count(*), count(*) FILTER (len(_errors) > 0) FROM civitai.{name}"
        ).fetchall()[0]
        for name in tables(connection)
    }

    assert {name: bad for name, (_, bad) in counts.items() if bad} == {}
    rows = {name: counts[name][0] for name in ("models_all", "model_versions_all", "images_all")}
    assert rows == {"models_all": 45, "model_versions_all": 188, "images_all": 915}


def at_pointer(value: object, pointer: str) -> object:
    """Returns the value at a JSON Pointer, or None."""
    for step in pointer.split("/")[1:]:
        if isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


@pytest.mark.parametrize(
    "definition",
    [
        definition
        for definition in DEFINITIONS
        if definition.columns and not definition.has_many_rows
    ],
    ids=lambda definition: definition.name,
)
def test_every_value_at_the_pointer_of_a_column_is_in_its_row(
    views, definition: Definition
) -> None:
    root, connection = views
    table = connection.execute(f"SELECT * FROM {definition.name}_all")
    names = [column[0] for column in table.description]
    body_of = functools.cache(lambda segment, seq: body_at(root, segment, seq))
    seen = 0
    for row in (dict(zip(names, values, strict=True)) for values in table.fetchall()):
        body = body_of(row["_segment"], row["_seq"])
        for column in definition.columns:
            value = at_pointer(body, column.pointer)
            if column.name in row and value not in (None, "", [], {}):
                assert row[column.name] is not None, (row["_segment"], row["_seq"], column)
                seen += 1
                if column.cast in ("text", "bool", "int") and type(value) in (str, bool, int):
                    assert row[column.name] == value
    assert seen >= 10


def body_at(root: Path, segment: str, seq: int) -> object:
    """Returns the body of an event, read from the log."""
    name = parse_segment(segment)
    assert name is not None
    return orjson.loads(exact_body(decode(read_event_in(root, name, seq).line)) or b"null")
