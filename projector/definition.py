"""Definitions: projections as SQL files, found by their header. Pure.

    -- openrouter.models: one row per model of the public list
    -- types: model
    -- shapes: list*
    -- key: id VARCHAR
    -- columns:
    --   name          /name             text
    --   prompt_price  /pricing/prompt   price
    SELECT * FROM event

The folder names the source, the file the view. `columns` are taken from the body by
JSON Pointer and cast by a macro of `casts.sql`; the SELECT is needed only where that
is not enough. A definition's hash names everything its rows depend on, so parts of
two definitions are never read together.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid, NotFound
from eventlog.format.paths import is_source
from projector.rule_versions import MACRO_RULES, ROW_RULES

RUNNER_FORMAT = 1
"""Raised when the runner makes other rows from the same definition."""

ENTITY_ROWS = "entity"
LINE_ROWS = "line"
NO_ROWS = "view"
"""A view over other views: it has no parts."""
MACRO = "macro"
"""A view over other views that takes arguments: `FROM name(…)`."""
READS = (ENTITY_ROWS, LINE_ROWS, NO_ROWS, MACRO)
LOG = "log"
"""The folder of definitions that are read from every source."""

FOLDER = Path(__file__).parent / "projections"

CASTS: Mapping[str, str] = {
    "text": "VARCHAR",
    "int": "BIGINT",
    "big": "DECIMAL(38,0)",
    "float": "DOUBLE",
    "price": "DECIMAL(38,24)",
    "bool": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "epoch": "TIMESTAMPTZ",
    "date": "DATE",
    "texts": "VARCHAR[]",
    "ints": "BIGINT[]",
    "stubs": "VARCHAR[]",
    "int_stubs": "BIGINT[]",
    "json": "VARCHAR",
}
"""Names of casts, each a macro `as_<name>`, with the type it gives."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FIELD = re.compile(r"--\s*(reads|takes|types|shapes|key|rows|columns|views|macros):\s*(.*)")
_COLUMN = re.compile(r"--\s+(\w+)\s+(/\S*)\s+(\w+)\s*")
_KEYS = ("VARCHAR", "BIGINT")


@attrs.frozen
class Column:
    """A value taken from the body."""

    name: str
    pointer: str
    cast: str


@attrs.frozen
class Definition:
    """A projection: what it reads and how its rows are made."""

    source: str
    """`log` for what is read from every source."""
    view: str
    about: str
    reads: str
    types: tuple[str, ...]
    shapes: tuple[tuple[str, ...], ...]
    """Glob patterns of the shapes it reads, in groups, the better form first: the view
    shows of an entity its newest sighting in the first group that has one."""
    key: tuple[str, str]
    """Name and SQL type of the key column."""
    many: bool
    """Whether a body gives several rows (column `_row`, 0 for none)."""
    columns: tuple[Column, ...]
    takes: tuple[str, ...]
    """Arguments, where it is a macro."""
    macros: tuple[str, ...]
    """Files of macros that its SQL uses besides the casts: names in `MACRO_RULES`."""
    select: str
    hash: str

    @property
    def name(self) -> str:
        """`source.view`."""
        return f"{self.source}.{self.view}"

    @property
    def is_view(self) -> bool:
        """Whether it has rows of its own, without arguments."""
        return self.reads != MACRO

    @property
    def has_parts(self) -> bool:
        """Whether rows of it are kept."""
        return self.reads not in (NO_ROWS, MACRO)


def load_all(folder: Path = FOLDER) -> tuple[Definition, ...]:
    """Every definition under a folder, in the order of their names."""
    return tuple(load(path) for path in sorted(folder.glob("*/*.sql")))


def load(path: Path) -> Definition:
    """The definition in a file `<source>/<view>.sql`. Raises `Invalid`."""
    return parse(path.read_text(), path.parent.name, path.stem)


def parse(text: str, source: str, view: str) -> Definition:
    """The definition in a text. Raises `Invalid` with the line that is not understood."""
    if not is_source(source) or not _NAME.fullmatch(view):
        raise Invalid(
            f"projection {source}.{view}: expected lower-case letters, digits and '_'",
            "the name of a source may have '-', too",
        )
    head, body = _halves(text)
    fields, columns = _fields(head, f"{source}.{view}")
    macros = _words(fields.get("macros", ""))
    if fields.get("reads", ENTITY_ROWS) not in READS:
        raise Invalid(f"{source}.{view}: reads {fields['reads']!r}", f"one of {', '.join(READS)}")
    return Definition(
        source=source,
        view=view,
        about=head[0].lstrip("- ").partition(": ")[2] if head else "",
        reads=fields.get("reads", ENTITY_ROWS),
        types=_words(fields.get("types", "")),
        shapes=tuple(_words(group) for group in fields.get("shapes", "*").split(",")),
        key=_key(fields.get("key", "id VARCHAR"), f"{source}.{view}"),
        many=fields.get("rows", "one") == "many",
        columns=columns,
        takes=_words(fields.get("takes", "")),
        macros=macros,
        select=body or "SELECT * FROM event",
        hash=_hash(text, macros, f"{source}.{view}"),
    )


def find(definitions: Sequence[Definition], names: Sequence[str] | None) -> list[Definition]:
    """The definitions named, or all. Raises `NotFound` with the nearest there are."""
    if names is None:
        return list(definitions)
    known = {each.name: each for each in definitions}
    for name in names:
        if name not in known:
            raise NotFound(f"no view {name!r}", "there are: " + ", ".join(sorted(known)) or "none")
    return [known[name] for name in dict.fromkeys(names)]


def _halves(text: str) -> tuple[list[str], str]:
    lines = text.strip().splitlines()
    size = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:size], "\n".join(lines[size:]).strip().rstrip(";")


def _fields(head: Sequence[str], name: str) -> tuple[dict[str, str], tuple[Column, ...]]:
    fields: dict[str, str] = {}
    columns: list[Column] = []
    for line in head:
        field = _FIELD.fullmatch(line)
        column = _COLUMN.fullmatch(line) if "columns" in fields else None
        if field is not None:
            fields[field[1]] = field[2].strip()
        elif column is not None:
            columns.append(_column(column, name))
        elif "columns" in fields and line.startswith("--  "):
            raise Invalid(f"{name}: expected 'name pointer cast' in {line!r}")
    return fields, tuple(columns)


def _column(match: "re.Match[str]", name: str) -> Column:
    if not _NAME.fullmatch(match[1]) or match[3] not in CASTS:
        raise Invalid(
            f"{name}: {match[0]!r} is no column", "casts there are: " + ", ".join(sorted(CASTS))
        )
    return Column(match[1], match[2], match[3])


def _key(text: str, name: str) -> tuple[str, str]:
    key, _, kind = text.partition(" ")
    if not _NAME.fullmatch(key) or kind not in _KEYS:
        raise Invalid(f"{name}: expected 'key: name {'|'.join(_KEYS)}', found {text!r}")
    return key, kind


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def _hash(text: str, macros: Sequence[str], name: str) -> str:
    """A name for all that rows depend on: this text, the versions of the rules, DuckDB."""
    for each in macros:
        if each not in MACRO_RULES:
            raise Invalid(f"{name}: no macros {each!r}", f"there are: {', '.join(MACRO_RULES)}")
    rules = {**ROW_RULES, **{each: MACRO_RULES[each] for each in macros}}
    told = ",".join(f"{rule}:{version}" for rule, version in sorted(rules.items()))
    major = duckdb.__version__.partition(".")[0]
    whole = "\0".join((str(RUNNER_FORMAT), major, told, text))
    return hashlib.sha256(whole.encode()).hexdigest()[:12]
