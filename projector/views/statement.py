"""Statements of the views file, and what two versions of one differ in. Pure.

The text of the statements is stored beside the views file. DuckDB's tokenizer finds the
string constants in a stored text; the file lists among them are compared and read, and no
SQL is taken apart in any other way.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Literal

import attrs
import duckdb

from projector.definition import Definition
from projector.engine.sql_text import identifier

Kind = Literal["SCHEMA", "VIEW", "MACRO"]
_SUFFIX = ".parquet"
_INSTANT = frozenset("0123456789T")


@attrs.frozen
class Statement:
    """A statement that creates a schema, a view or a macro."""

    kind: Kind
    name: str
    """Quoted name, with the schema unless it is one itself."""
    definition: str = ""
    """What follows the name, from the parameters or `AS` on."""

    @property
    def title(self) -> str:
        """The statement up to the name, for messages."""
        return f"CREATE {self.kind} {self.name}"

    @property
    def text(self) -> str:
        """The statement as it is executed and stored."""
        if self.kind == "SCHEMA":
            return f"CREATE SCHEMA IF NOT EXISTS {self.name};"
        return f"CREATE {self.kind} {self.name}{self.definition};"

    @property
    def replacing(self) -> str:
        """The statement that replaces an earlier version of the same view or macro."""
        if self.kind == "SCHEMA":
            return self.text
        return f"CREATE OR REPLACE {self.kind} {self.name}{self.definition};"


def quoted_name(definition: Definition) -> str:
    """Returns the name of the view of a definition as statements have it."""
    return f"{identifier(definition.source)}.{identifier(definition.view)}"


def named_files(texts: Iterable[str]) -> frozenset[str]:
    """Returns the paths below `views` of all files that statements read."""
    return frozenset(
        path
        for text in texts
        for constant in _constants(text.encode())
        for path in _paths(constant.entries)
    )


def differ_in_files_only(old: str, new: str) -> bool:
    """Returns whether two statements are equal except for file lists of the same folders.

    Such statements have the same columns: all files of a folder have the same.
    """
    return old == new or _without_files(old) == _without_files(new)


def _without_files(text: str) -> tuple[bytes, frozenset[str]]:
    """Returns a statement without its file lists, and the folders of the files."""
    data = text.encode()
    kept: list[bytes] = []
    folders: set[str] = set()
    position = 0
    for constant in _constants(data):
        if constant.is_file_list:
            between = data[position : constant.start]
            if position == 0 or between != b", ":  # the next of several constants in a row
                kept.append(between)
            position = constant.end
            folders |= {str(PurePosixPath(path).parent) for path in _paths(constant.entries)}
    return b"\0".join((*kept, data[position:])), frozenset(folders)


@attrs.frozen
class _Constant:
    """A string constant of a statement: bytes [start, end) with the quotes."""

    start: int
    end: int
    entries: tuple[str, ...]
    """Parts between `,` and `~`, which separate instants and paths in a file list."""

    @property
    def is_file_list(self) -> bool:
        """Whether it contains nothing but paths and instants, or nothing at all."""
        return all(each.endswith(_SUFFIX) or set(each) <= _INSTANT for each in self.entries)


def _constants(data: bytes) -> Iterator[_Constant]:
    tokens = duckdb.tokenize(data.decode())
    ends = [start for start, _ in tokens[1:]] + [len(data)]
    for (start, kind), limit in zip(tokens, ends, strict=True):
        if kind == duckdb.token_type.string_const and data[start : start + 1] == b"'":
            constant = data[start:limit].rstrip()
            entries = constant[1:-1].decode().replace("~", ",").split(",")
            yield _Constant(start, start + len(constant), tuple(entries))


def _paths(entries: Iterable[str]) -> Iterator[str]:
    return (each for each in entries if each.endswith(_SUFFIX))
