"""Multipart uploads that were begun, one file each, so that another process can continue them.

state/mirror/uploads/<SHA-256 of the object's name>.json
"""

from functools import partial
from pathlib import Path

import attrs
import msgspec

from eventlog.files.disk import REAL
from eventlog.files.publish import replace_durably
from eventlog.format.manifest import digest
from eventlog.stores.store import OpenUpload, UploadJournal


def upload_journal(root: Path) -> UploadJournal:
    """Returns the journal of an archive. Its files may be deleted at any time."""
    return UploadJournal(
        load=partial(_load, root), save=partial(_save, root), remove=partial(_remove, root)
    )


def _path(root: Path, name: str) -> Path:
    return root / "state" / "mirror" / "uploads" / f"{digest(name.encode())}.json"


def _load(root: Path, name: str) -> OpenUpload | None:
    try:
        upload = msgspec.json.decode(_path(root, name).read_bytes(), type=OpenUpload)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return upload if upload.name == name else None


def _save(root: Path, upload: OpenUpload) -> None:
    data = msgspec.json.encode(attrs.asdict(upload))
    replace_durably(REAL, _path(root, upload.name), data, root)


def _remove(root: Path, name: str) -> None:
    _path(root, name).unlink(missing_ok=True)
