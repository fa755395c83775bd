"""The views file: `views/hindlog.duckdb`, only views and macros over the parts.

It names the archive's absolute path and every file it reads, and is swapped in one
step: a reader that has it open keeps its snapshot. The text that made it lies beside
it (`hindlog.sql`); where that would be the same, nothing is written.
"""

import contextlib
import os
import re
from pathlib import Path

from eventlog.disk import replace_file
from projector.engine import connect, sql_errors
from projector.views import Script

FILE = "hindlog.duckdb"
SCRIPT = "hindlog.sql"
_PART = re.compile(r"parts[-0-9]*/[^~,']+\.parquet")


def write_views(target: Path, script: Script) -> bool:
    """Write the views file in a folder anew if it would say something else; whether it did."""
    held = target / SCRIPT
    if (target / FILE).exists() and held.exists() and held.read_text() == script.text:
        return False
    temporary = target / f".{FILE}.{os.getpid()}.tmp"
    temporary.unlink(missing_ok=True)
    with contextlib.closing(connect()) as memory, sql_errors(FILE):
        memory.execute("ATTACH ? AS made (STORAGE_VERSION 'v1.4.0')", [str(temporary)])
        memory.execute("USE made")
        memory.execute(script.text)
        memory.execute("USE memory")
        memory.execute("DETACH made")
    temporary.replace(target / FILE)
    replace_file(held, script.text.encode())
    return True


def named_by(target: Path) -> frozenset[str]:
    """The parts that the views file in a folder names."""
    try:
        text = (target / SCRIPT).read_text()
    except FileNotFoundError:
        return frozenset()
    return frozenset(_PART.findall(text))
