"""Standard streams: errors that name stdout, and replacements for closed streams."""

import errno
import subprocess
import sys

import pytest

from cli.process.streams import STDOUT, name_stdout_errors, write_stdout
from tests.cli.making import replaced, stream


def test_an_error_without_a_file_names_stdout() -> None:
    with pytest.raises(OSError) as caught, name_stdout_errors():
        raise OSError(errno.ENOSPC, "No space left on device")

    assert caught.value.filename == STDOUT


def test_an_error_that_names_a_file_keeps_its_name() -> None:
    with pytest.raises(OSError) as caught, name_stdout_errors():
        raise OSError(errno.ENOSPC, "No space left on device", "rows.csv")

    assert caught.value.filename == "rows.csv"


def test_bytes_are_written_unchanged() -> None:
    out = stream()
    with replaced(stream(), out, stream()):
        write_stdout(b"\xff\n")

    assert out.buffer.getvalue() == b"\xff\n"  # type: ignore[attr-defined]


PROGRAM = """
import os, sys
from cli.process.streams import replace_closed_streams
replace_closed_streams()
handle = os.open("/dev/null", os.O_RDONLY)
sys.exit(handle if all((sys.stdin, sys.stdout, sys.stderr)) else 99)
"""


def test_closed_streams_are_replaced_so_that_no_file_gets_their_descriptor() -> None:
    command = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", command, "sh", sys.executable, "-c", PROGRAM], check=False)

    assert done.returncode > 2
    assert done.returncode != 99
