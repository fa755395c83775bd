"""Draws docs/hindlog.svg: commands as a terminal shows them, from a real run.

    python -m tests.docs.draw_picture ARCHIVE docs/hindlog.svg

`make picture` runs it on the archive of the demo. The picture names no font and no host.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 92
_VERSIONS = """\
hindlog sql "SELECT valid_from, prompt FROM openrouter.models_versions
    WHERE id = '{}' ORDER BY valid_from DESC LIMIT 3"\
"""
_AS_OF = """\
hindlog sql --as-of '2 days ago' "SELECT id, prompt, completion
    FROM openrouter.models WHERE id = '{}'"\
"""
COMMANDS = (
    ("hindlog changes openrouter/model --since 1d --fields", 6),
    (_VERSIONS, 8),
    (_AS_OF, 7),
    ("hindlog verify", 2),
)
"""Commands, and the number of lines that are shown; `{}` is a model whose price changed."""
_CHANGED = (
    "SELECT id FROM openrouter.models_versions GROUP BY id "
    "HAVING id NOT LIKE '%:%' AND min(valid_from) <= now() - INTERVAL 2 DAY "
    "ORDER BY count(DISTINCT prompt) FILTER (valid_to IS NULL OR valid_to > now() - INTERVAL 2 DAY)"
    " DESC, id LIMIT 1"
)
_FONT = "font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def draw(archive: Path) -> str:
    """Returns the picture as SVG."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    words = ["hindlog", "sql", "-F", "tsv", _CHANGED]
    listed = subprocess.run(words, cwd=archive, capture_output=True, text=True, check=True)
    model = listed.stdout.splitlines()[-1]
    console = Console(record=True, width=COLUMNS, file=StringIO())
    for template, lines in COMMANDS:
        command = template.replace("{}", model)
        console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
        shown = run_in_terminal(command, archive, environment).splitlines()
        for line in shown[:lines]:
            console.print(Text.from_ansi(line), no_wrap=True, crop=True)
        if len(shown) > lines:
            console.print(Text("…", style="dim"))
        console.print()
    svg = console.export_svg(title="hindlog", unique_id="hindlog")
    svg = re.sub(r"<!-- .*? -->", "", svg)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    svg = re.sub(r"font-family: [^;]*Fira Code[^;]*", _FONT, svg)
    return re.sub(r"[ \t]+$", "", svg, flags=re.M) + "\n"


def run_in_terminal(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Returns what a command writes to a terminal, colours included."""
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment, "PAGER": "cat"},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    written = b""
    while chunk := _read(ours):
        written += chunk
    process.wait()
    os.close(ours)
    # without the frames of a progress bar, which is erased at the end
    return written.decode().replace("\r\n", "\n").rpartition("\x1b[2K")[2]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end was closed
        return b""


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(Path(sys.argv[1])))
