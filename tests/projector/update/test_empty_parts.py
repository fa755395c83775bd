"""Empty parts: one per definition and source; definitions that DuckDB rejects get a message."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import duckdb
import pytest

from eventlog.progress import no_progress
from projector.definition import parse_definition
from projector.engine.connections import SMALL_MEMORY_MB, builder
from projector.engine.parquet_files import SCHEMA
from projector.engine.workers import workers
from projector.parts.build import Context
from projector.parts.part import folder_of
from projector.update.empty_parts import build_schemas

BOOKS = parse_definition(
    "-- shop.books: books\n-- types: book\n-- columns:\n--   pages  /pages  int\n", "shop", "books"
)
KINDS = parse_definition("-- log.kinds: x\n-- reads: line\nSELECT kind FROM line", "log", "kinds")
VIEW = parse_definition("-- shop.best: x\n-- reads: view\nFROM shop.books", "shop", "best")
BROKEN = parse_definition("-- shop.broken: x\n-- types: book\nSELEC", "shop", "broken")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with workers(1) as crew:
        yield Context(tmp_path, tmp_path / "parts", scratch, 1, crew, no_progress)


@pytest.fixture
def connection(context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(builder(context.scratch, 1, SMALL_MEMORY_MB)) as connection:
        yield connection


def test_a_definition_of_the_log_has_an_empty_part_for_every_source(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    sources = ["shop", "farm"]
    assert build_schemas(context, connection, [BOOKS, KINDS, VIEW], sources) == {}

    built = {path.parent for path in context.parts.rglob(SCHEMA)}
    expected = {
        folder_of(context.parts, "shop", BOOKS),
        folder_of(context.parts, "shop", KINDS),
        folder_of(context.parts, "farm", KINDS),
    }
    assert expected <= built
    assert folder_of(context.parts, "shop", VIEW) not in built


def test_an_empty_part_has_the_columns_and_no_rows(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    build_schemas(context, connection, [BOOKS], ["shop"])
    file = str(folder_of(context.parts, "shop", BOOKS) / SCHEMA)
    columns = connection.execute("DESCRIBE FROM read_parquet(?)", [file]).fetchall()

    assert ("pages", "BIGINT") in [column[:2] for column in columns]
    assert connection.execute("FROM read_parquet(?)", [file]).fetchall() == []


def test_a_definition_that_duckdb_rejects_has_a_message_and_no_part(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    rejected = build_schemas(context, connection, [BROKEN, BOOKS], ["shop"])

    assert list(rejected) == ["shop.broken"]
    assert rejected["shop.broken"].startswith("shop.broken: ")
    assert not (folder_of(context.parts, "shop", BROKEN) / SCHEMA).exists()
    assert (folder_of(context.parts, "shop", BOOKS) / SCHEMA).exists()


def test_an_empty_part_is_the_same_file_for_every_source_and_in_every_folder(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    other = attrs.evolve(context, parts=context.parts.with_name("other"))
    build_schemas(context, connection, [KINDS, BOOKS], ["shop"])
    build_schemas(other, connection, [KINDS, BOOKS], ["shop", "farm"])

    for definition, sources in ((KINDS, ("shop", "farm")), (BOOKS, ("shop",))):
        first = folder_of(context.parts, "shop", definition) / SCHEMA
        for source in sources:
            again = folder_of(other.parts, source, definition) / SCHEMA
            assert again.read_bytes() == first.read_bytes()
            assert [path.name for path in again.parent.iterdir()] == [SCHEMA]


def test_a_changed_definition_has_an_empty_part_with_its_own_columns(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    changed = attrs.evolve(BOOKS, columns=(), select="SELECT *, 1 AS weight FROM event")
    build_schemas(context, connection, [BOOKS], ["shop"])
    other = attrs.evolve(context, parts=context.parts.with_name("other"))
    build_schemas(other, connection, [changed], ["shop"])
    file = str(folder_of(other.parts, "shop", changed) / SCHEMA)
    names = [
        row[0] for row in connection.execute("DESCRIBE FROM read_parquet(?)", [file]).fetchall()
    ]

    assert "weight" in names
    assert "pages" not in names


def test_an_empty_part_that_exists_is_not_written_again(
    context: Context, connection: duckdb.DuckDBPyConnection
) -> None:
    path = folder_of(context.parts, "shop", BOOKS) / SCHEMA
    path.parent.mkdir(parents=True)
    path.write_bytes(b"as it was")
    build_schemas(context, connection, [BOOKS], ["shop"])

    assert path.read_bytes() == b"as it was"
