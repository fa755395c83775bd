"""Late materialization: the rows are the same in one query and in chunks of few rows."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import duckdb
import pytest

from projector.definition import Definition
from projector.engine.connections import SMALL_MEMORY_MB, builder
from projector.engine.sql_text import literals
from projector.keyframes.build_row_cache import _query as query_of_rows
from projector.keyframes.build_row_cache import instant_of
from projector.keyframes.wide_rows import RowFiles, materialized_late
from projector.limits import LIMITS, Limits
from tests.projector.compare_views import THINGS
from tests.projector.keyframes.row_archives import PIECES
from tests.projector.keyframes.tiny_tables import (
    BODY,
    CACHED,
    KNOWN,
    PAGE,
    PIECE,
    SIGHTING,
    Row,
    body,
    cached,
    complete_listing,
    listed,
    write_table,
)

IN_CHUNKS = attrs.evolve(
    LIMITS,
    max_single_query_rows=0,
    max_narrow_chunk_rows=4,
    max_wide_chunk_rows=3,
    max_open_partitions=2,
)
"""Limits with which the few rows of these tests are selected and copied in many chunks."""
FEWEST = attrs.evolve(
    IN_CHUNKS, max_narrow_chunk_rows=2, max_wide_chunk_rows=1, max_open_partitions=1
)
ONE_CHUNK = attrs.evolve(IN_CHUNKS, max_narrow_chunk_rows=10**6, max_wide_chunk_rows=10**6)
BODY_COLUMNS: Mapping[str, Mapping[str, str]] = {THINGS.name: BODY, PIECES.name: PIECE}
THING_ROWS = partial(query_of_rows, THINGS)
"""The query of the rows of things from files."""
VALUES = {
    **{"t0": 0, "t1": 10, "t2": 20, "t3": 31, "t4": 40, "t5": 51, "t6": 61, "t7": None},
    **{"t8": 80, "t9": 90, "t10": 100, "t11": 110, "u1": 1, "u2": 2, "u3": 3},
}
"""Value of each thing in the rows, except `u4`."""
MISSED = "not on the complete listing /x of run r2"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    (tmp_path / "spill").mkdir()
    with contextlib.closing(builder(tmp_path / "spill", 1, SMALL_MEMORY_MB)) as connection:
        yield connection


@pytest.fixture(scope="module")
def archive_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RowFiles]:
    """The files of each definition from which rows are selected."""
    folder = tmp_path_factory.mktemp("files")
    return {each.name: write_files(folder / each.view, each) for each in (THINGS, PIECES)}


SEQS = {
    **{f"t{n}": n for n in range(5)},
    **{"t3": 30, "t5": 50, "t6": 60, "t7": 70},
    **{f"u{n}": 100 + n for n in range(1, 5)},
}
"""The things on the listing of hour 2, and the body that it names of each."""


def write_files(folder: Path, definition: Definition) -> RowFiles:
    """Writes the files from which rows are selected.

    `t0` to `t11` are cached as of hour 1. Those that the listing of hour 2 misses become absent.
    The body of `t5` is near, that of `t6` far, that of `t7` missing. The body of `u1` is in two
    files that are near, that of `u2` twice in one, that of `u3` near and far. The body of `u4` has
    three rows if it may have several.
    """
    body_columns = BODY_COLUMNS[definition.name]
    columns = {**body_columns, **KNOWN}
    more = {"_row": 1} if definition.has_many_rows else {}
    u1, u2, u3, u4 = (body(f"u{n}", 100 + n, n, **more) for n in range(1, 5))
    near = [body("t5", 50, 51, **more), u1]
    pieces = [{**u4, "_row": n} for n in (2, 3)] if definition.has_many_rows else []
    far = [body("t6", 60, 61, **more), *near, u3]

    def write(name: str, columns: Mapping[str, str], rows: Sequence[Row] = ()) -> Path:
        return write_table(folder / f"{name}.parquet", columns, rows)

    schema, no_bodies = write("no-rows", columns), write("no-bodies", body_columns)
    before = write("before", SIGHTING, [listed(0, f"t{n}", n) for n in range(12)])
    fresh = write("fresh", SIGHTING, [listed(2, id, seq) for id, seq in SEQS.items()])
    rows = [{**cached(0, f"t{n}", n, 10 * n), **more} for n in range(12) if n != 3]
    rows.append({**cached(1, "t3", 30, 31), **more})
    copies = write("copies", body_columns, [u1, u2, u2, u3, u4, *pieces])
    return RowFiles(
        sightings=(before, fresh),
        pages=(write("pages", PAGE, [complete_listing(0), complete_listing(2)]),),
        fresh=(fresh,),
        since=instant_of("20261101T010000000000"),
        rows=(write("rows", columns, rows), schema),
        near=(no_bodies, write("near", body_columns, near), copies),
        bodies=(write("bodies", body_columns, far), no_bodies),
    )


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    files: RowFiles,
    path: Path,
    limits: Limits,
    query: Callable[[RowFiles], str],
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Returns the names of the columns, and the sorted rows."""
    with materialized_late(connection, query, files, files.rows[-1], path, limits) as sql:
        result = connection.execute(f"FROM ({sql}) ORDER BY ALL")
        return [str(column[0]) for column in result.description or ()], result.fetchall()


@pytest.mark.parametrize(
    ("definition", "limits"),
    [
        pytest.param(THINGS, IN_CHUNKS, id="in chunks"),
        pytest.param(THINGS, ONE_CHUNK, id="in one chunk"),
        pytest.param(PIECES, FEWEST, id="several rows of a body, in chunks of one or two"),
    ],
)
def test_the_rows_are_the_same_in_one_query_and_in_chunks(
    connection: duckdb.DuckDBPyConnection,
    archive_files: dict[str, RowFiles],
    tmp_path: Path,
    definition: Definition,
    limits: Limits,
) -> None:
    files, path = archive_files[definition.name], tmp_path / "published.parquet"
    query = partial(query_of_rows, definition)
    expected = rows_of(connection, files, path, LIMITS, query)
    count_of_u4 = 3 if definition.has_many_rows else 1

    assert rows_of(connection, files, path, limits, query) == expected
    names, rows = expected
    values = [(row[names.index("_id")], row[names.index("value")]) for row in rows]
    assert sorted(values) == sorted([*VALUES.items(), *[("u4", 4)] * count_of_u4])


def test_what_is_known_of_an_entity_comes_from_the_selection_and_its_values_from_the_body(
    connection: duckdb.DuckDBPyConnection, archive_files: dict[str, RowFiles], tmp_path: Path
) -> None:
    files = archive_files[THINGS.name]

    path = tmp_path / "published.parquet"
    names, rows = rows_of(connection, files, path, IN_CHUNKS, THING_ROWS)
    at = {name: names.index(name) for name in names}
    by_id = {row[at["_id"]]: row for row in rows}
    assert names == list(CACHED)
    assert {id for id, row in by_id.items() if row[at["_absent_because"]] == MISSED} == {
        *(f"t{n}" for n in range(8, 12)),
    }
    assert {id: by_id[id][at["_seen_at"]].hour for id in ("t5", "t8")} == {"t5": 2, "t8": 0}
    assert {id: by_id[id][at["_first_at"]].hour for id in ("t5", "u1")} == {"t5": 0, "u1": 2}


def test_a_thing_whose_body_is_missing_has_its_type_id_and_instants_only(
    connection: duckdb.DuckDBPyConnection, archive_files: dict[str, RowFiles], tmp_path: Path
) -> None:
    files = archive_files[THINGS.name]

    path = tmp_path / "published.parquet"
    names, rows = rows_of(connection, files, path, IN_CHUNKS, THING_ROWS)
    (missing,) = (row for row in rows if row[names.index("_id")] == "t7")
    values = dict(zip(names, missing, strict=True))
    assert {name for name, value in values.items() if value is not None} == {
        *("_type", "_id", "_seen_at", "_first_at", "_last_at")
    }


def test_up_to_a_limit_of_rows_cached_or_near_the_query_is_left_as_it_is(
    connection: duckdb.DuckDBPyConnection, archive_files: dict[str, RowFiles], tmp_path: Path
) -> None:
    """Bodies that are far do not count: hardly any of them is selected."""
    files = archive_files[THINGS.name]
    candidates = 12 + 7

    def sql(max_rows: int) -> str:
        limits = attrs.evolve(IN_CHUNKS, max_single_query_rows=max_rows)
        path = tmp_path / "published.parquet"
        with materialized_late(connection, THING_ROWS, files, files.rows[-1], path, limits) as text:
            return text

    assert sql(candidates) == THING_ROWS(files)
    assert sql(candidates - 1) != THING_ROWS(files)


@attrs.frozen
class Chunk:
    """What a query of narrow columns could read."""

    columns: frozenset[str]
    """Columns of the rows, and of the bodies."""
    ids: frozenset[str]
    """Entities of the rows, of the bodies that are near, and of the sightings."""


def chunks_read(
    connection: duckdb.DuckDBPyConnection, files: RowFiles, path: Path, limits: Limits
) -> list[Chunk]:
    """Returns what each of the queries reads by which rows are selected."""
    chunks = []

    def query(chunk: RowFiles) -> str:
        def read(paths: Sequence[Path]) -> duckdb.DuckDBPyConnection:
            return connection.execute(f"FROM read_parquet([{literals(map(str, paths))}])")

        lists = (chunk.rows, chunk.near, chunk.bodies)
        columns = [str(column[0]) for paths in lists for column in read(paths).description or ()]
        keyed = (chunk.rows, chunk.near, chunk.fresh, chunk.sightings)
        id_rows = [
            connection.execute(
                f"SELECT DISTINCT _id FROM read_parquet([{literals(map(str, paths))}])"
            ).fetchall()
            for paths in keyed
        ]
        ids = frozenset(str(id) for rows in id_rows for (id,) in rows)
        chunks.append(Chunk(frozenset(columns), ids))
        return THING_ROWS(chunk)

    rows_of(connection, files, path, limits, query)
    return chunks


def test_rows_are_selected_by_narrow_columns_each_entity_in_one_chunk(
    connection: duckdb.DuckDBPyConnection, archive_files: dict[str, RowFiles], tmp_path: Path
) -> None:
    files = archive_files[THINGS.name]

    chunks = chunks_read(connection, files, tmp_path / "published.parquet", IN_CHUNKS)
    ids = [id for chunk in chunks for id in chunk.ids]
    assert len(chunks) == 5, "20 candidates, 4 in a chunk on average"
    assert len(ids) == len(set(ids)) == 16
    assert {name for chunk in chunks for name in chunk.columns} == {
        *("_type", "_id", "_writer", "_seq", "_file", "_number"),
        *KNOWN,
    }


@pytest.mark.parametrize("fails", [False, True], ids=["read to the end", "abandoned"])
def test_settings_and_folders_are_as_before_afterwards(
    connection: duckdb.DuckDBPyConnection,
    archive_files: dict[str, RowFiles],
    tmp_path: Path,
    fails: bool,
) -> None:
    files = archive_files[THINGS.name]
    path = tmp_path / "published.parquet"
    before = settings(connection), sorted(tmp_path.rglob("*"))
    with (
        contextlib.suppress(KeyboardInterrupt),
        materialized_late(connection, THING_ROWS, files, files.rows[-1], path, IN_CHUNKS) as sql,
    ):
        connection.execute(sql)
        assert settings(connection) != before[0]
        assert sorted(tmp_path.rglob("*")) != before[1]
        if fails:
            raise KeyboardInterrupt

    assert (settings(connection), sorted(tmp_path.rglob("*"))) == before


def settings(connection: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    """Returns the settings that are changed meanwhile."""
    return connection.execute(
        "SELECT current_setting('disabled_optimizers'), "
        "current_setting('partitioned_write_flush_threshold')"
    ).fetchall()[0]
