"""A cluster as an update uses it: an executor, and functions that open the archive on a worker.

    coordinator ── task ──> worker: opens the archive, works in a folder of its own, publishes files
    coordinator <─ result ─ worker      coordinator: fetches files that it does not share

The values of this module are sent to workers, so they and their functions can be pickled.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from eventlog.format.manifest import Manifest


@attrs.frozen
class StoredFile:
    """A file that a worker published, as it is stored: if another worker was first, that one's."""

    name: str
    """Path below the folder of the parts."""
    size: int
    sha256: str


@attrs.frozen
class WorkerArchive:
    """The archive as one worker reads it, while a task runs."""

    root: Path
    publish: Callable[[Path, str], StoredFile]
    """Stores a file of the worker under its path below the folder of the parts, and describes
    what is stored there. If several workers store one name, one of their files stays, complete."""


OpenArchive = Callable[[Sequence[str]], AbstractContextManager[WorkerArchive]]
"""Opens the archive on a worker. Takes the manifests of the segments that the task reads, as
texts."""


@attrs.frozen
class Cluster:
    """Workers, and how they read the archive and return files."""

    executor: Executor
    threads: int
    """Number of tasks that all workers together run at the same time."""
    open_archive: OpenArchive
    """Can be pickled."""
    fetch: Callable[[Sequence[StoredFile], Path], None]
    """Gets files that workers published into the folder of the parts, if they are not there."""
    can_read: Callable[[Sequence[Manifest]], bool]
    """Whether workers can read these segments."""
    needs_manifests: bool
    """Whether tasks contain the manifests of their segments, because workers have none."""
