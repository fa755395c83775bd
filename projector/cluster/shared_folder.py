"""Workers that see the folder of the archive under the same path, on a shared file system."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from eventlog.format.manifest import Manifest
from projector.cluster.cluster import StoredFile, WorkerArchive


@contextmanager
def open_shared_folder(
    root: Path, parts: Path, _manifests: Sequence[str]
) -> Iterator[WorkerArchive]:
    """Yields the archive; files are published into its folder of parts."""
    yield WorkerArchive(root, partial(publish_into, parts))


def publish_into(folder: Path, path: Path, name: str) -> StoredFile:
    """Copies a file into a folder atomically, replacing an equal one of an earlier attempt."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    # not the process id: workers on several machines may have the same
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        with path.open("rb") as source, temporary.open("xb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return describe_file(target, name)


def describe_file(path: Path, name: str) -> StoredFile:
    """Returns the description of a file that is stored under a name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return StoredFile(name, path.stat().st_size, digest.hexdigest())


def fetch_nothing(_files: Sequence[StoredFile], _parts: Path) -> None:
    """Fetches no file: the workers published into the folder of the coordinator."""


def can_read_all(_manifests: Sequence[Manifest]) -> bool:
    """Workers see all sealed segments."""
    return True
