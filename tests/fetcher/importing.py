"""Imports of files and folders, and the recordings that tests import."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

from fetcher.imports.find_recordings import find_recordings
from fetcher.imports.import_report import ImportReport
from fetcher.imports.importer import import_recordings
from fetcher.imports.responses.envelope import parse_envelope_part
from fetcher.source import Source
from fetcher.sources import SOURCES
from tests.fetcher.making import WRITER, SteppingClock


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


def import_into(
    root: Path, paths: Sequence[Path], writer: str = WRITER, **settings: Any
) -> ImportReport:
    """Imports recordings of OpenRouter, unless another source is named."""
    root.mkdir(exist_ok=True)
    name = str(settings.pop("source", "openrouter"))
    return import_paths(root, SOURCES[name], paths, writer=writer, now=SteppingClock(), **settings)


def models_list(*models: tuple[str, int]) -> bytes:
    """List of OpenRouter models, each with its price, as a response body."""
    data = [
        {"id": name, "context_length": 1, "pricing": {"prompt": str(price)}}
        for name, price in models
    ]
    return json.dumps({"data": data}, separators=(",", ":")).encode()


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Writes files into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return [folder / name for name in files]


def write_pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files into a tar file compressed with zstd; returns its path."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    path.write_bytes(zstandard.ZstdCompressor().compress(content.getvalue()))
    return path
