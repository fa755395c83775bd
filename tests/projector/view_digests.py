"""Prints a digest of every view of an archive, as JSON: {view: [rows, digest]}.

    python -m tests.projector.view_digests ARCHIVE

Brings the views up to date first. The digest is SHA-256 over the column names and types and
the sorted rows as Python values, so it does not depend on DuckDB's own `hash`, whose values
differ between its versions. The first entry is the version of DuckDB.
"""

import contextlib
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from projector.query.open_views import list_view_names, open_views
from projector.update.update import update


def digest(connection: duckdb.DuckDBPyConnection, view: str) -> tuple[int, str]:
    """Returns the number of rows of a view, and a digest that ignores their order."""
    relation = connection.execute(f"FROM hindlog.{view}")
    columns = [(name, str(type_)) for name, type_, *_ in relation.description or ()]
    rows = sorted(repr(to_comparable(row)) for row in relation.fetchall())
    return len(rows), hashlib.sha256("\n".join([repr(columns), *rows]).encode()).hexdigest()


def to_comparable(value: object) -> object:
    """Returns a value with every instant as text: the class of its zone depends on the version."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {key: to_comparable(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_comparable(item) for item in value]
    return value


def main(root: Path) -> None:
    report = update(root)
    assert report.failed == (), report.failed
    with contextlib.closing(open_views(root)) as connection:
        digests = {name: digest(connection, name) for name in list_view_names(connection)}
    print(json.dumps({"duckdb": duckdb.__version__, **digests}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
