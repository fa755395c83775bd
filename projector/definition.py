"""Definitions of projections: SQL files with a header. Pure.

    -- openrouter.models: one row per model of the public list
    -- types: model
    -- shapes: list*
    -- key: id VARCHAR
    -- columns:
    --   name          /name             text
    --   prompt_price  /pricing/prompt   price
    SELECT * FROM event

The folder is the source, the file name the view. `columns` are read from the body by JSON
Pointer and converted by a macro of `casts.sql`; the SELECT is needed only for what columns
cannot express. The hash of a definition covers everything that its rows depend on, so that
parts built by another version of it are never read.

`-- json: NAMES` and `-- usd_per_mtok: NAMES` say what the view makes of stored columns
(`views/shown_columns.py`); parts do not depend on them.
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
"""Version of the code that builds rows; raised when it builds other rows from a definition."""

ENTITY_ROWS = "entity"
"""Rows built from the bodies of entities (table `event`)."""
LINE_ROWS = "line"
"""Rows built from the lines of the log (table `line`)."""
NO_ROWS = "view"
"""A view over other views, without parts."""
MACRO = "macro"
"""A view over other views with parameters: `FROM name(…)`."""
READS = (ENTITY_ROWS, LINE_ROWS, NO_ROWS, MACRO)
LOG = "log"
"""Source of the definitions that are applied to every source."""

FOLDER = Path(__file__).parent / "projections"
"""Folder of the definitions that are part of hindlog."""

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
"""SQL type of each cast; the cast is the macro `as_<name>`."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FIELD = re.compile(
    r"--\s*(reads|takes|types|shapes|key|rows|columns|views|macros|json|usd_per_mtok):\s*(.*)"
)
_VIEW_FIELD = re.compile(r"--\s*(json|usd_per_mtok):.*\n?")
"""Fields of the header that only the view depends on: parts are the same without them."""
_COLUMN = re.compile(r"--\s+(\w+)\s+(/\S*)\s+(\w+)\s*")
_KEY_TYPES = ("VARCHAR", "BIGINT")


@attrs.frozen
class Column:
    """A column whose value is read from the body."""

    name: str
    pointer: str
    """JSON Pointer of the value in the body."""
    cast: str
    """Name of the conversion, in `CASTS`."""


@attrs.frozen
class Definition:
    """A projection: what it reads and how its rows are built."""

    source: str
    """Source whose events it reads; `log` for every source."""
    view: str
    summary: str
    """What a row of the view is, in one sentence."""
    reads: str
    """What its rows are built from: one of `READS`."""
    types: tuple[str, ...]
    """Types of the entities it reads."""
    shapes: tuple[tuple[str, ...], ...]
    """Glob patterns of the shapes it reads, in groups, the best first. The view shows of an
    entity the newest sighting in the first group that has any."""
    key: tuple[str, str]
    """Name and SQL type of the key column."""
    has_many_rows: bool
    """Whether a body has any number of rows, numbered from 1 in `_row`; 0 marks a body without."""
    columns: tuple[Column, ...]
    parameters: tuple[str, ...]
    """Names of the parameters of a macro."""
    macros: tuple[str, ...]
    """Macro files that its SQL uses besides the casts: names in `MACRO_RULES`."""
    json: tuple[str, ...]
    """Names of the columns whose texts are JSON: in the view they have DuckDB's type JSON."""
    usd_per_mtok: tuple[str, ...]
    """Names of the prices in USD per token: the view also has each per million tokens."""
    select: str
    """The SELECT below the header."""
    hash: str
    """Digest of everything that its rows depend on."""

    @property
    def name(self) -> str:
        """Name of the view: `source.view`."""
        return f"{self.source}.{self.view}"

    @property
    def is_view(self) -> bool:
        """Whether it can be read without arguments."""
        return self.reads != MACRO

    @property
    def has_parts(self) -> bool:
        """Whether its rows are stored in parts."""
        return self.reads not in (NO_ROWS, MACRO)


def load_definitions(folder: Path = FOLDER) -> tuple[Definition, ...]:
    """Returns every definition under a folder, by source and view. Raises `Invalid`."""
    return tuple(load_definition(path) for path in sorted(folder.glob("*/*.sql")))


def load_definition(path: Path) -> Definition:
    """Returns the definition in a file `<source>/<view>.sql`. Raises `Invalid`."""
    return parse_definition(path.read_text(), path.parent.name, path.stem)


def parse_definition(text: str, source: str, view: str) -> Definition:
    """Returns the definition in a text. Raises `Invalid` with the first invalid line or field."""
    name = f"{source}.{view}"
    if not is_source(source) or not _NAME.fullmatch(view):
        raise Invalid(
            f"projection {name}: expected lower-case letters, digits and '_'",
            "the name of a source may also contain '-'",
        )
    header, select = _split_header(text)
    fields, columns = _parse_header(header, name)
    macros = _split_words(fields.get("macros", ""))
    reads = fields.get("reads", ENTITY_ROWS)
    if reads not in READS:
        raise Invalid(f"{name}: reads {reads!r}", f"one of {', '.join(READS)}")
    return Definition(
        source=source,
        view=view,
        summary=header[0].lstrip("- ").partition(": ")[2] if header else "",
        reads=reads,
        types=_split_words(fields.get("types", "")),
        shapes=tuple(_split_words(group) for group in fields.get("shapes", "*").split(",")),
        key=_parse_key(fields.get("key", "id VARCHAR"), name),
        has_many_rows=fields.get("rows", "one") == "many",
        columns=columns,
        parameters=_split_words(fields.get("takes", "")),
        macros=macros,
        json=_split_words(fields.get("json", "")),
        usd_per_mtok=_split_words(fields.get("usd_per_mtok", "")),
        select=select or "SELECT * FROM event",
        hash=_hash(_without_view_fields(text), macros, name),
    )


def find_definitions(
    definitions: Sequence[Definition], names: Sequence[str] | None
) -> list[Definition]:
    """Returns the named definitions, or all if `names` is None. Raises `NotFound`."""
    if names is None:
        return list(definitions)
    known = {definition.name: definition for definition in definitions}
    for name in names:
        if name not in known:
            raise NotFound(f"no view {name!r}", "there are: " + ", ".join(sorted(known)))
    return [known[name] for name in dict.fromkeys(names)]


def _split_header(text: str) -> tuple[list[str], str]:
    """Returns the comment lines at the beginning, and the SQL after them."""
    lines = text.strip().splitlines()
    size = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:size], "\n".join(lines[size:]).strip().rstrip(";")


def _parse_header(header: Sequence[str], name: str) -> tuple[dict[str, str], tuple[Column, ...]]:
    """Returns the fields by name, and the columns. Lines that are neither are comments."""
    fields: dict[str, str] = {}
    columns: list[Column] = []
    for line in header:
        field = _FIELD.fullmatch(line)
        column = _COLUMN.fullmatch(line) if "columns" in fields else None
        if field is not None:
            fields[field[1]] = field[2].strip()
        elif column is not None:
            columns.append(_parse_column(column, name))
        elif "columns" in fields and line.startswith("--  "):
            raise Invalid(f"{name}: expected 'name pointer cast' in {line!r}")
    return fields, tuple(columns)


def _parse_column(match: "re.Match[str]", name: str) -> Column:
    if not _NAME.fullmatch(match[1]) or match[3] not in CASTS:
        raise Invalid(
            f"{name}: {match[0]!r} is not a column", "the casts are: " + ", ".join(sorted(CASTS))
        )
    return Column(match[1], match[2], match[3])


def _parse_key(text: str, name: str) -> tuple[str, str]:
    key, _, sql_type = text.partition(" ")
    if not _NAME.fullmatch(key) or sql_type not in _KEY_TYPES:
        raise Invalid(f"{name}: expected 'key: name {'|'.join(_KEY_TYPES)}', found {text!r}")
    return key, sql_type


def _split_words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)


def _without_view_fields(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not _VIEW_FIELD.fullmatch(line))


def _hash(text: str, macros: Sequence[str], name: str) -> str:
    """Returns a digest of the text, the versions of the rules, and DuckDB's major version."""
    for macro in macros:
        if macro not in MACRO_RULES:
            raise Invalid(f"{name}: no macros {macro!r}", f"there are: {', '.join(MACRO_RULES)}")
    rules = {**ROW_RULES, **{macro: MACRO_RULES[macro] for macro in macros}}
    versions = ",".join(f"{rule}:{version}" for rule, version in sorted(rules.items()))
    duckdb_major = duckdb.__version__.partition(".")[0]
    hashed = "\0".join((str(RUNNER_FORMAT), duckdb_major, versions, text))
    return hashlib.sha256(hashed.encode()).hexdigest()[:12]
