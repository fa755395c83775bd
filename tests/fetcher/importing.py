"""Imports of files and folders, with parts as text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fetcher.imports.envelope import parse_envelope_part
from fetcher.imports.import_report import ImportReport
from fetcher.imports.importer import find_recordings, import_recordings
from fetcher.source import Source


def import_paths(
    root: Path,
    source: Source,
    paths: Sequence[Path],
    *,
    parts: Sequence[str] = (),
    observed_at: int | None = None,
    time_from: str = "name",
    **settings: Any,
) -> ImportReport:
    """Imports every recording among the paths; `settings` are passed to `import_recordings`."""
    recordings = find_recordings(paths, observed_at, time_from)
    parsed = tuple(map(parse_envelope_part, parts))
    return import_recordings(root, source, recordings, parts=parsed, **settings)
