"""The exports in an archive that are pushed: folders below `exports/`.

hindlog export openrouter.models --to exports/prices

exports/prices/manifest.json       lists every file with its size and SHA-256
exports/prices/…
"""

from pathlib import Path

import attrs
import msgspec

from eventlog.errors import Corrupt, Invalid
from eventlog.format.manifest import digest
from eventlog.stores.store import check_name

VERSION_DIGITS = 16
"""Number of hex digits of the SHA-256 of a manifest that name a version of an export."""
MANIFEST_FILE = "manifest.json"


class ExportFile(msgspec.Struct, frozen=True):
    """A file of an export."""

    path: str
    """Below the folder of the export."""
    bytes: int
    sha256: str


class _View(msgspec.Struct, frozen=True):
    files: tuple[ExportFile, ...]


class _Manifest(msgspec.Struct, frozen=True):
    views: tuple[_View, ...]


@attrs.frozen
class LocalExport:
    """An export in an archive."""

    name: str
    folder: Path
    manifest: bytes
    files: tuple[ExportFile, ...]
    """All but the manifest."""

    @property
    def version(self) -> str:
        """Names what it contains; another one after each change."""
        return digest(self.manifest)[:VERSION_DIGITS]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return len(self.manifest) + sum(file.bytes for file in self.files)


def find_exports(root: Path) -> tuple[LocalExport, ...]:
    """Returns the exports in an archive, by name.

    Folders without a manifest do not count. Raises `Corrupt` if a manifest cannot be read,
    `Invalid` if `exports/` is an export itself, which has no name.
    """
    folder = root / "exports"
    if (folder / MANIFEST_FILE).exists():
        hint = f"write exports into folders below it: hindlog export --to {folder}/NAME"
        raise Invalid(f"{folder}: expected folders with exports, found an export", hint)
    manifests = sorted(folder.glob(f"[!.]*/{MANIFEST_FILE}"))
    return tuple(read_export(path.parent) for path in manifests)


def read_export(folder: Path) -> LocalExport:
    """Returns the export in a folder. Reads its manifest only."""
    path = folder / MANIFEST_FILE
    data = path.read_bytes()
    try:
        manifest = msgspec.json.decode(data, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what = f"{path}: expected the manifest of an export: {error}"
        raise Corrupt(what, "hindlog export") from error
    files = tuple(file for view in manifest.views for file in view.files)
    export = LocalExport(folder.name, folder, data, files)
    for file in files:
        check_name(object_of(export, file.path))
    return export


def export_prefix(name: str) -> str:
    """Returns the prefix of all objects of an export."""
    return f"exports/{name}/"


def pointer_of(name: str) -> str:
    """Returns the object that is the manifest of the current version: the one that is replaced."""
    return f"{export_prefix(name)}{MANIFEST_FILE}"


def object_of(export: LocalExport, path: str) -> str:
    """Returns the object of a file of an export."""
    return f"{export_prefix(export.name)}{export.version}/{path}"
