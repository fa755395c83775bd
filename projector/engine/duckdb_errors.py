"""Damage: what DuckDB says about a file of the views, with the command that makes it again.

Views are made from the log, so none of it is lost.
"""

import re

import duckdb

from eventlog.errors import Corrupt

_FILE = re.compile(r"/[^'\"\n]*/views/[^'\"\n]*\.(parquet|duckdb)")
_KINDS = (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException)


def damage(error: BaseException) -> Corrupt | None:
    """The damaged file that an error names, as an error of ours; None where it names none."""
    if not isinstance(error, _KINDS):
        return None
    told = str(error).partition("\n")[0]
    found = _FILE.search(told)
    if found is None:
        return None
    hint = "hindlog view update" if found[1] == "duckdb" else "hindlog view rebuild"
    return Corrupt(f"{found[0]}: expected a whole file, found damage: {told}", hint)
