"""Parquet files: published atomically, with metadata and the number of their rows."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from projector.engine.parquet_files import PLAIN, QUICK, SMALL, Packing, count_rows, publish


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize("packing", [PLAIN, SMALL, QUICK], ids=str)
def test_a_published_file_has_the_rows_of_the_query(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, packing: Packing
) -> None:
    path = tmp_path / "new" / "it's.parquet"

    rows = publish(connection, "SELECT range AS n FROM range(3)", path, [], "", packing=packing)
    assert rows == 3
    assert duckdb.read_parquet(str(path)).fetchall() == [(0,), (1,), (2,)]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_metadata_names_the_segments_the_definition_and_more(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    publish(connection, "SELECT 1 AS n", path, ["s/1", "s/2"], "d1", 42, kind="it's")
    metadata = connection.execute(
        "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]
    ).fetchall()

    assert dict(metadata) == {
        "covers": '["s/1","s/2"]',
        "definition": "d1",
        "size": "42",
        "duckdb": duckdb.__version__,
        "kind": "it's",
    }


def test_a_query_that_fails_leaves_only_the_old_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    publish(connection, "SELECT 1 AS n", path, [], "")
    with pytest.raises(duckdb.Error, match="too late"):
        publish(
            connection,
            "SELECT CASE WHEN range > 500_000 THEN error('too late') END FROM range(600_000)",
            path,
            [],
            "",
        )

    assert duckdb.read_parquet(str(path)).fetchall() == [(1,)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_synced_is_not_published(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="no space left"):
            publish(connection, "SELECT 1 AS n", tmp_path / "a.parquet", [], "")

    assert list(tmp_path.iterdir()) == []


def test_rows_are_counted_by_path(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    paths = [tmp_path / f"{count}.parquet" for count in (0, 2)]
    for path in paths:
        publish(connection, f"SELECT * FROM range({path.stem})", path, [], "")

    assert count_rows(connection, paths) == {str(paths[0]): 0, str(paths[1]): 2}
    assert count_rows(connection, []) == {}
