"""Input files: what the paths of an import name, and what is left out and why.

    file, pipe, `-`    read, whatever its name is
    folder             every file with a known suffix; links to folders are followed

A pipe is copied to a temporary file, since packs are read twice. In folders, hidden files and
folders (`.name`) are ignored; everything else that is not read is reported.
"""

import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from eventlog.errors import HindlogError, Invalid, NotFound
from fetcher.imports.files.decompress import reading
from fetcher.imports.files.kinds import (
    EXPECTED_SUFFIXES,
    FileKind,
    kind_of_content,
    kind_of_name,
)
from fetcher.imports.files.packs import readable_name

STDIN = Path("-")
_CHUNK_BYTES = 1024 * 1024
_MAX_NAMES = 20
"""Number of files of other kinds that are named per folder."""


@attrs.frozen
class InputFile:
    """A file that is read."""

    path: Path
    name: str
    """Name relative to the folder that contains the given path."""
    folder: str
    """Path of that folder; empty for a pipe."""
    kind: FileKind
    mtime: float | None
    """Seconds since 1970; None for a pipe."""
    temporary: Any = None
    """The temporary file, which is removed with the last reference to it."""


OnLeftOut = Callable[[HindlogError], None]
"""Called with the reason for each file, and each response, that is left out."""


def find_input_files(paths: Sequence[Path], on_left_out: OnLeftOut) -> Iterator[InputFile]:
    """Yields the files among the paths and in the folders among them."""
    for number, path in enumerate(paths):
        if path == STDIN and path in paths[:number]:
            on_left_out(Invalid("-: stdin is named twice"))
            continue
        try:
            yield from _files_of(path, on_left_out)
        except HindlogError as error:
            on_left_out(error)


def _files_of(path: Path, on_left_out: OnLeftOut) -> Iterator[InputFile]:
    if path == STDIN:
        yield _copied(sys.stdin.buffer, "-")
        return
    name = readable_name(path.name or str(path))
    with reading(readable_name(str(path))):
        mode = path.stat().st_mode if path.exists() else None
    if mode is None:
        raise NotFound(f"{readable_name(str(path))}: no such file or folder")
    if stat.S_ISDIR(mode):
        yield from _files_in(path, on_left_out)
    elif stat.S_ISFIFO(mode):
        with reading(name), path.open("rb") as pipe:
            copy = _copied(pipe, name)
        yield copy
    elif stat.S_ISREG(mode):
        kind = kind_of_name(path.name) or kind_of_content(path, name)
        yield InputFile(path, name, str(path.parent), kind, path.stat().st_mtime)
    else:
        raise NotFound(f"{name}: neither a file, a folder nor a pipe")


def _copied(pipe: Any, name: str) -> InputFile:
    """Copies a pipe to a temporary file."""
    temporary = tempfile.NamedTemporaryFile()  # noqa: SIM115 - open as long as it is read
    while True:
        with reading(name):
            chunk = pipe.read(_CHUNK_BYTES)
        if not chunk:
            break
        temporary.write(chunk)
    temporary.flush()
    path = Path(temporary.name)
    kind = kind_of_name(name) or kind_of_content(path, name)
    return InputFile(path, name, "", kind, None, temporary)


def _files_in(folder: Path, on_left_out: OnLeftOut) -> Iterator[InputFile]:
    others: list[str] = []
    file_count = 0
    for file in _walk(folder, (), on_left_out):
        file_count += 1
        name = readable_name(str(file.relative_to(folder.parent)))
        kind = kind_of_name(file.name)
        if kind is None:
            others.append(name)
        else:
            yield InputFile(file, name, str(folder.parent), kind, file.stat().st_mtime)
    if others:
        more = f" and {len(others) - _MAX_NAMES} more" if len(others) > _MAX_NAMES else ""
        names = ", ".join(others[:_MAX_NAMES]) + more
        hint = "to read one of them, name the file itself"
        on_left_out(NotFound(f"{names}: not named {EXPECTED_SUFFIXES}", hint))
    if not file_count:
        hint = f"files named {EXPECTED_SUFFIXES} are read, except hidden ones"
        on_left_out(NotFound(f"{readable_name(str(folder))}: contains no files", hint))


def _walk(
    folder: Path, ancestors: tuple[tuple[int, int], ...], on_left_out: OnLeftOut
) -> Iterator[Path]:
    """Yields the files below a folder, sorted, without hidden ones; follows symbolic links."""
    try:
        status = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        on_left_out(Invalid(f"{readable_name(str(folder))}: {error.strerror}"))
        return
    identity = (status.st_dev, status.st_ino)
    if identity in ancestors:
        on_left_out(NotFound(f"{readable_name(str(folder))}: a link to a folder that contains it"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            on_left_out(Invalid(f"{readable_name(str(entry))}: {error.strerror}"))
            continue
        if is_folder:
            yield from _walk(entry, (*ancestors, identity), on_left_out)
        elif is_file:
            yield entry
        else:
            why = "a link to nothing" if entry.is_symlink() else "neither a file nor a folder"
            on_left_out(NotFound(f"{readable_name(str(entry))}: {why}"))
