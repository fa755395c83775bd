"""The prompt on a real terminal: editing, completion, history, Ctrl-C and Ctrl-D."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[5]
PATIENCE_S = 60


@attrs.define
class Terminal:
    """A prompt in a process of its own, and what it printed."""

    pid: int
    handle: int
    printed: str = ""

    def type(self, keys: str) -> None:
        os.write(self.handle, keys.encode())

    def wait_for(self, pattern: str, keys: str = "") -> str:
        """Returns the output up to a pattern, and forgets it; types keys whenever it waits."""
        waits = 0
        while not (match := re.search(pattern, self.printed)):
            ready, _, _ = select.select([self.handle], [], [], 1 if keys else PATIENCE_S)
            waits += not ready
            assert ready or (keys and waits < PATIENCE_S), self.printed
            if not ready:
                self.type(keys)
                continue
            data = os.read(self.handle, 65536)
            if b"\x1b[6n" in data:  # asks where the cursor is
                os.write(self.handle, b"\x1b[1;1R")
            self.printed += re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", data.decode())
        text, self.printed = self.printed[: match.end()], self.printed[match.end() :]
        return text


@contextmanager
def prompt(archive: Path, state: Path) -> Iterator[Terminal]:
    """Starts `hindlog sql` on a terminal; leaves it with Ctrl-D."""
    pid, handle = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.environ |= {"TERM": "xterm", "XDG_STATE_HOME": str(state), "COLUMNS": "80"}
        words = ["-m", "cli.main", "-C", str(archive), "sql", "--color=never"]
        os.execv(sys.executable, [sys.executable, *words])
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    terminal = Terminal(pid, handle)
    terminal.wait_for("hindlog>")
    yield terminal
    terminal.type("\x04")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(handle)


def test_the_prompt_of_a_terminal(archive: Path, tmp_path: Path) -> None:
    """One process for all of it: each start takes a second."""
    with prompt(archive, tmp_path) as terminal:
        terminal.type("SELECT 40 + 2\rAS answer;\r")
        assert "42" in terminal.wait_for("42\\s")
        terminal.wait_for("hindlog>")
        terminal.type("SELECT count(*) || 'rows' AS n FROM openrouter.mod\t;\r")
        assert "openrouter.models" in terminal.wait_for("2rows")
        terminal.wait_for("hindlog>")
        terminal.type("SELECT bad\x03")
        terminal.wait_for("hindlog>")
        terminal.type("SELECT count(*) FROM range(1000000000000) a, range(1000000) b;\r")
        terminal.wait_for("range\\(1000000\\) b;\\s")
        terminal.wait_for("query stopped", keys="\x03")
        terminal.wait_for("hindlog>")
        terminal.type(".tables\r")
        terminal.wait_for("openrouter\\.models ")
        terminal.wait_for("hindlog>")

    entries = (tmp_path / "hindlog" / "sql_history").read_text().split("\n\n")
    statements = ["\n".join(re.findall(r"^\+(.*)$", entry, re.M)) for entry in entries]
    assert next(text for text in statements if text) == "SELECT 40 + 2\nAS answer;"
