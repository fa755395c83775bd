"""What an export says about itself: key-value metadata of Parquet files, and the manifest.

Metadata of every Parquet file, read by `parquet_kv_metadata('FILE')` in DuckDB and by
`pyarrow.parquet.read_schema(FILE).metadata`:

    hindlog.view        name of the view
    hindlog.about       what a row is
    hindlog.columns     JSON object: meaning by column
    hindlog.definition  hash of the definition; a sibling has that of its view
    hindlog.as_of       instant of the export; not there if it is of the present
    hindlog.position    instant of the last event of its source that the view contains
    hindlog.version     version of hindlog
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from projector.definition import LOG, load_definitions
from projector.engine.sql_text import literal
from projector.query.open_views import column_comments, view_comment
from projector.query.view_info import last_instant


@attrs.frozen
class Description:
    """What is known about a view that is exported."""

    view: str
    about: str | None
    """What a row is, in one sentence; None if its definition does not say."""
    columns: Mapping[str, str]
    """Meaning of each column that has one."""
    definition: str | None
    """Hash of its definition; None for a view without one."""
    position: str | None
    """Instant of the last event of its source that it contains; None if there is none."""


@attrs.frozen
class ExportedView:
    """A view that was exported."""

    view: str
    rows: int
    files: tuple[str, ...]
    """Paths below the exported folder."""


def describe(connection: duckdb.DuckDBPyConnection, views: Sequence[str]) -> list[Description]:
    """Returns the description of each view, by the comments of the views file."""
    hashes = {definition.name: definition.hash for definition in load_definitions()}
    sources = {view.partition(".")[0] for view in views}
    positions = {
        source: _format(last_instant(connection, None if source == LOG else source))
        for source in sorted(sources)
    }
    return [
        Description(
            view,
            view_comment(connection, view),
            column_comments(connection, view),
            _hash_of(view, hashes),
            positions[view.partition(".")[0]],
        )
        for view in views
    ]


def _hash_of(view: str, hashes: Mapping[str, str]) -> str | None:
    """Returns the hash of the definition that a view, or the view beside it, has."""
    return hashes.get(view) or hashes.get(view.rpartition("_")[0])


def _format(instant: int | None) -> str | None:
    return None if instant is None else format_us(instant)


def metadata_option(description: Description, as_of: int | None) -> str:
    """Returns the option of a COPY that writes the metadata of a Parquet file."""
    values = {
        "view": description.view,
        "about": description.about,
        "columns": orjson.dumps(description.columns).decode(),
        "definition": description.definition,
        "as_of": _format(as_of),
        "position": description.position,
        "version": version("hindlog"),
    }
    pairs = (f"'hindlog.{key}': {literal(value)}" for key, value in values.items() if value)
    return f"KV_METADATA {{{', '.join(pairs)}}}"


def export_manifest(
    folder: Path,
    as_of: int | None,
    last: int | None,
    format: str,
    views: Sequence[tuple[ExportedView, Description]],
) -> bytes:
    """Returns the manifest of the files in a folder. `last`: instant of the last known event."""
    manifest = {
        "format": format,
        "version": version("hindlog"),
        "as_of": _format(as_of),
        "position": _format(last),
        "views": [
            {
                "view": view.view,
                "about": description.about,
                "definition": description.definition,
                "position": description.position,
                "rows": view.rows,
                "files": [_manifest_entry(folder, path) for path in view.files],
                "columns": description.columns,
            }
            for view, description in views
        ],
    }
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _manifest_entry(folder: Path, path: str) -> dict[str, object]:
    with (folder / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path, "bytes": (folder / path).stat().st_size, "sha256": digest}
