"""Empty parts: files with columns and no rows, so that every view has a file to read."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from eventlog.errors import Invalid
from eventlog.files.disk import REAL, write_durable
from eventlog.files.publish import unique_temporary_path
from projector.changes.differences import create_empty_differences, folder_of_diffs
from projector.changes.value_starts import create_empty_starts, folder_of_starts
from projector.definition import LOG, Definition
from projector.engine.connections import sql_errors
from projector.engine.parquet_files import SCHEMA
from projector.parts import quarantine
from projector.parts.build import Context
from projector.parts.part import build_part, folder_of
from projector.parts.staging import stage_empty

_CONTENTS: dict[Definition, bytes] = {}
"""Content of the empty part of each definition that this process built: it is the same for every
source and in every folder of parts, and building it takes as long as building a small part."""


def build_schemas(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    definitions: Sequence[Definition],
    sources: Sequence[str],
) -> dict[str, str]:
    """Creates the empty parts that are missing, one per definition and source.

    Returns messages by name of definition, for definitions that DuckDB rejects; they get no view.
    """
    for source in sources:
        create_empty_differences(folder_of_diffs(context.parts, source))
        create_empty_starts(connection, folder_of_starts(context.parts, source))
        quarantine.create_empty_quarantine(quarantine.folder_of_refused(context.parts, source))
    is_staged = False
    rejected: dict[str, str] = {}
    for definition in (each for each in definitions if each.has_parts):
        for source in sources if definition.source == LOG else [definition.source]:
            path = folder_of(context.parts, source, definition) / SCHEMA
            if path.exists():
                continue
            if definition in _CONTENTS:
                _write(path, _CONTENTS[definition])
                continue
            if not is_staged:
                stage_empty(connection, context.scratch)
                is_staged = True
            try:
                with sql_errors(definition.name):
                    build_part(connection, definition, path, [])
            except Invalid as error:
                rejected[definition.name] = error.what
            else:
                _CONTENTS[definition] = path.read_bytes()
    return rejected


def _write(path: Path, content: bytes) -> None:
    """Writes a file atomically and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unique_temporary_path(path)
    write_durable(REAL, temporary, content)
    temporary.replace(path)
