"""Recognizes damaged files of the views in DuckDB's errors.

Such a file is derived from the log, so nothing is lost: the hint names the command that builds it
again.
"""

import re

import duckdb

from eventlog.errors import Corrupt, Locked

_FILE = re.compile(r"/[^'\"\n]*/views/[^'\"\n]*\.(parquet|duckdb)")
_LOCK = re.compile(
    r'Could not set lock on file "(?P<file>[^"]*)": (Conflicting lock|Lock is already held)'
)
_PID = re.compile(r"\(PID ([0-9]+)\)")
_KINDS = (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException)


def find_damaged_file(error: BaseException) -> Corrupt | Locked | None:
    """Returns an error about the views' file that DuckDB's error names; None if it names none.

    It is `Locked` if another process opened the file for writing, else `Corrupt`.
    """
    if not isinstance(error, _KINDS):
        return None
    if lock := _LOCK.search(str(error)):
        process = _PID.search(str(error))  # not named if the process is another user's
        holder = f"the process {process[1]}" if process else "another process"
        return Locked(
            f"{lock['file']}: opened for writing by {holder}",
            "close it there, or open it with duckdb -readonly (Python: read_only=True)",
        )
    first_line = str(error).partition("\n")[0]
    match = _FILE.search(first_line)
    if match is None:
        return None
    hint = "hindlog view update" if match[1] == "duckdb" else "hindlog view rebuild"
    return Corrupt(f"{match[0]}: expected a whole file, found damage: {first_line}", hint)
