"""Writes Parquet files atomically, with the compression and encoding of their purpose."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.engine.connections import ROW_GROUP, ROW_GROUP_BYTES, run_copy
from projector.engine.sql_text import literal

_LOGGER = logging.getLogger(__name__)

SCHEMA = "schema.parquet"
"""Name of a file with the columns of its folder and no rows."""


@attrs.frozen
class Packing:
    """Compression and encoding of a Parquet file."""

    compression: str
    version: str
    """Parquet version, which decides the encodings: `v1` or `v2`."""


PLAIN = Packing("zstd", "v1")
"""Packing that every Parquet reader supports."""


SMALL = Packing("zstd", "v2")
"""Smaller and faster to decompress, for files that only the views read."""


QUICK = Packing("lz4", "v2")
"""About 1.5 times as large and much faster to decompress, for files that are mostly read whole."""


def publish(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    covers: Sequence[str],
    definition: str,
    open_bytes: int = 0,
    packing: Packing = PLAIN,
    **metadata: str,
) -> int:
    """Writes the rows of a query to a file atomically and returns their number.

    Its metadata contains `covers` (names of segments), `definition` (a hash), `open_bytes` (the
    covered size of an open segment, under the key `size`), DuckDB's version and `metadata`.
    """
    started = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    metadata = {
        "covers": orjson.dumps(list(covers)).decode(),
        "definition": definition,
        "size": str(open_bytes),
        "duckdb": duckdb.__version__,
        **metadata,
    }
    pairs = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
    options = (
        f"{copy_options(packing.compression)}, PARQUET_VERSION {packing.version}, "
        f"KV_METADATA {{{pairs}}}"
    )
    try:
        rows = copy_rows(connection, query, temporary, options)
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    ms = round((time.monotonic() - started) * 1000)
    level = logging.DEBUG if path.name == SCHEMA else logging.INFO
    _LOGGER.log(level, "built %s: %d rows in %d ms", path, rows, ms)
    return rows


def copy_rows(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str = ""
) -> int:
    """Writes the rows of a query to a file and returns their number. Neither atomic nor durable.

    `options`: of the COPY; by default those of temporary files, which are compressed by LZ4.
    """
    options = options or copy_options("lz4")
    return run_copy(connection, f"COPY ({query}) TO {literal(str(path))} ({options})")


def copy_options(compression: str) -> str:
    """Returns the options of a COPY to Parquet, with row groups small enough to bound memory."""
    return (
        f"FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {ROW_GROUP}, "
        f"ROW_GROUP_SIZE_BYTES '{ROW_GROUP_BYTES}'"
    )


def _sync(path: Path) -> None:
    """Fsyncs a file. Without this a power failure could leave a renamed file without its bytes."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def count_rows(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> dict[str, int]:
    """Returns the number of rows of each file, by path, from the files' footers."""
    names = [str(path) for path in files]
    if not names:
        return {}
    rows = connection.execute(
        "SELECT file_name, num_rows FROM parquet_file_metadata(?)", [names]
    ).fetchall()
    return {str(name): int(count) for name, count in rows}
