"""Exports as `hindlog export` writes them, without views."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import orjson

from eventlog.format.manifest import digest


def write_export(root: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Writes an export into an archive, in place of an earlier one. Returns its folder."""
    folder = root / "exports" / name
    shutil.rmtree(folder, ignore_errors=True)
    listed = []
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        listed.append({"path": path, "bytes": len(data), "sha256": digest(data)})
    view = {"view": "a.models", "rows": 1, "files": listed}
    manifest = {"format": "parquet", "as_of": None, "position": None, "views": [view]}
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder
