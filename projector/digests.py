"""Digests of what views depend on: the code of this package, and the files of the views.

A file counts as unchanged if its size, inode and timestamps are.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

_VIEWS_FILES = ("current", "hindlog.duckdb", "hindlog.sql")
_PACKAGE = Path(__file__).parent
_CODE = (".py", ".sql", ".toml")
"""Suffixes of the files of this package that views depend on."""


def digest_rules(definitions: object = None, limits: object = None) -> bytes:
    """Returns the digest of the code, and of definitions and limits other than those in it."""
    return digest_texts([_digest_code().hex(), repr(definitions), repr(limits)])


@cache
def _digest_code() -> bytes:
    files = sorted(path for path in _PACKAGE.rglob("*") if path.suffix in _CODE)
    digest = blake2b(version("duckdb").encode(), digest_size=16)
    for path in files:
        data = path.read_bytes()
        digest.update(f"\0{path.relative_to(_PACKAGE)}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.digest()


def find_files(views: Path, folders: Sequence[Path]) -> dict[str, os.stat_result]:
    """Returns the files of the views: the views file, and all files in these folders of parts."""
    others = (views / name for name in _VIEWS_FILES)
    files = {str(path): path.stat() for path in others if path.exists()}
    for folder in folders:
        if folder.exists():
            files |= _files_below(str(folder))
    return files


def _files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files_below(entry.path)
            else:
                yield entry.path, entry.stat()


def digest_files(files: Mapping[str, os.stat_result]) -> bytes:
    """Returns the digest of the paths, sizes, inodes and timestamps of files."""
    return digest_texts(
        [
            f"{path} {file.st_size} {file.st_ino} {file.st_mtime_ns} {file.st_ctime_ns}"
            for path, file in sorted(files.items())
        ]
    )


def digest_texts(texts: Sequence[str]) -> bytes:
    """Returns the digest of a list of texts without line breaks."""
    return blake2b("\n".join(texts).encode(), digest_size=16).digest()
