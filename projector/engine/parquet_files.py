"""Writes Parquet files atomically, with the compression and encoding of their purpose."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from projector.engine.connections import ROW_GROUP, ROW_GROUP_BYTES, write
from projector.engine.sql_text import literal

_LOGGER = logging.getLogger(__name__)

SCHEMA = "schema.parquet"


@attrs.frozen
class Packing:
    """How a file is packed."""

    compression: str
    encodings: str
    """Of which version of Parquet."""


PLAIN = Packing("zstd", "v1")
"""As every reader knows it."""


SMALL = Packing("zstd", "v2")
"""Smaller, and sooner unpacked; for files that only our views read."""


QUICK = Packing("lz4", "v2")
"""Half as large again, and much sooner unpacked; for files that are mostly read whole."""


def publish(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    path: Path,
    covers: Sequence[str],
    definition: str,
    size: int = 0,
    packing: Packing = PLAIN,
    **more: str,
) -> int:
    """Write the rows of a query as a part that appears whole or not at all; their number.

    `more`: what else its metadata should say.
    """
    started = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    metadata = {
        "covers": orjson.dumps(list(covers)).decode(),
        "definition": definition,
        "size": str(size),
        "duckdb": duckdb.__version__,
        **more,
    }
    options = ", ".join(f"{key}: {literal(value)}" for key, value in metadata.items())
    try:
        rows = write(
            connection,
            f"COPY ({query}) TO {literal(str(temporary))} "
            f"({copy_options(packing.compression)}, PARQUET_VERSION {packing.encodings}, "
            f"KV_METADATA {{{options}}})",
        )
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    ms = round((time.monotonic() - started) * 1000)
    level = logging.DEBUG if path.name == SCHEMA else logging.INFO
    _LOGGER.log(level, "built %s: %d rows in %d ms", path, rows, ms)
    return rows


def copy_options(compression: str) -> str:
    """How COPY writes rows: in groups so small that it holds little."""
    return (
        f"FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {ROW_GROUP}, "
        f"ROW_GROUP_SIZE_BYTES '{ROW_GROUP_BYTES}'"
    )


def _sync(path: Path) -> None:
    """A renamed file without its bytes would look published after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def count_rows(connection: duckdb.DuckDBPyConnection, files: Iterable[Path]) -> dict[str, int]:
    """How many rows files hold, by path."""
    names = [str(path) for path in files]
    if not names:
        return {}
    rows = connection.execute(
        "SELECT file_name, num_rows FROM parquet_file_metadata(?)", [names]
    ).fetchall()
    return {str(name): int(count) for name, count in rows}
