"""Recognizes damaged files of the views in DuckDB's errors.

Such a file is derived from the log, so nothing is lost: the hint names the command that builds it
again.
"""

import re

import duckdb

from eventlog.errors import Corrupt

_FILE = re.compile(r"/[^'\"\n]*/views/[^'\"\n]*\.(parquet|duckdb)")
_KINDS = (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException)


def find_damaged_file(error: BaseException) -> Corrupt | None:
    """Returns a `Corrupt` about the views' file that an error names; None if it names none."""
    if not isinstance(error, _KINDS):
        return None
    first_line = str(error).partition("\n")[0]
    match = _FILE.search(first_line)
    if match is None:
        return None
    hint = "hindlog view update" if match[1] == "duckdb" else "hindlog view rebuild"
    return Corrupt(f"{match[0]}: expected a whole file, found damage: {first_line}", hint)
