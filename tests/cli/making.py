"""Runs commands in the process of the tests, with other standard streams."""

import io
import os
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import orjson

from cli.program import run

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
_LINKED = (".zst", ".parquet", ".manifest.json")


@attrs.frozen
class Done:
    """Result of a command: exit code, stdout and stderr."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Stdout as text."""
        return self.raw.decode()

    @property
    def rows(self) -> list[list[str]]:
        """Stdout as tab-separated rows, the header first."""
        return [line.split("\t") for line in self.out.splitlines()]

    def json(self) -> Any:
        """Stdout as one JSON value."""
        return orjson.loads(self.raw)


class Stream(io.TextIOWrapper):
    """A text stream in memory that may claim to be a terminal."""

    is_terminal = False

    def isatty(self) -> bool:
        return self.is_terminal


def stream(data: bytes = b"", is_terminal: bool = False) -> Stream:
    """Returns a text stream in memory that contains `data`."""
    text = Stream(io.BytesIO(data), encoding="utf-8", write_through=True)
    text.is_terminal = is_terminal
    return text


def hindlog(
    *arguments: str | Path,
    at: Path | None = None,
    stdin: bytes = b"",
    terminals: Collection[str] = (),
) -> Done:
    """Runs a command, in the archive `at` if it is not None.

    `terminals` names the streams that are terminals: `stdin`, `stdout`, `stderr`.
    """
    out, err = stream(b"", "stdout" in terminals), stream(b"", "stderr" in terminals)
    input_ = stream(stdin, "stdin" in terminals)
    words = [*([] if at is None else ["-C", str(at)]), *map(str, arguments)]
    with replaced(input_, out, err):
        code = run(words)
        out.flush()
    return Done(code, out.buffer.getvalue(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


@contextmanager
def replaced(stdin: Any, stdout: Any, stderr: Any) -> Iterator[None]:
    """Replaces the standard streams; restores them and the signal handlers at the end."""
    before = sys.stdin, sys.stdout, sys.stderr
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS]
    sys.stdin, sys.stdout, sys.stderr = stdin, stdout, stderr
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        for number, handler in handlers:
            signal.signal(number, handler)


def copy_archive(source: Path, target: Path) -> Path:
    """Copies an archive; files that are never written again become hard links."""
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        elif path.name.endswith(_LINKED):
            os.link(path, copy)
        else:
            copy.write_bytes(path.read_bytes())
    return target


NO_SOURCES = "[source.civitai]\nenabled = false\n[source.openrouter]\nenabled = false\n"
"""Configuration of an archive whose `doctor --online` asks no upstream."""


def new_archive(root: Path, toml: str = "") -> Path:
    """Creates an archive without events."""
    (root / "log").mkdir(parents=True)
    (root / "hindlog.toml").write_text(toml)
    return root


def damage(path: Path) -> None:
    """Flips a bit in the middle of a file. Writes a new file: others may link to the old one."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)


def events(done: Done) -> list[dict[str, Any]]:
    """Returns the events on stdout, one per line."""
    return [orjson.loads(line) for line in done.raw.splitlines()]


def spelled(value: object) -> str:
    """Returns the id of a test's parameter: the words of a command, or the value."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
