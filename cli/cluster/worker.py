"""The archive on a worker that shares nothing with the coordinator but the bucket.

    task ──> manifests ──> cache archive of the worker ──> what is read is fetched from the bucket
    files that it built ──> views/parts/… in the bucket

The address comes with the task, the credentials from the worker's own environment. A process opens
the bucket once.
"""

import atexit
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from cli.config.settings import MirrorSettings
from cli.mirror.bucket import Retries, bucket_address, open_bucket
from cli.mirror.objects import get_object, get_object_range, size_of_object

if TYPE_CHECKING:
    from eventlog.files.absent.mirror import MirrorReader
    from eventlog.stores.wrappers import BlockingStore
    from projector.cluster.cluster import StoredFile, WorkerArchive

_LOGGER = logging.getLogger(__name__)

PARTS = "views/parts/"
"""Prefix of the objects with parts. They may be deleted whenever no update runs."""
GIVE_UP_AFTER_S = 120.0
"""How long a request of a worker is retried."""


@attrs.frozen
class BucketArchive:
    """An archive as workers find it in its bucket."""

    archive_id: str
    mirror: MirrorSettings


@attrs.frozen
class _OpenedBucket:
    root: Path
    """The cache archive."""
    store: "BlockingStore"
    contexts: ExitStack
    """Closed with the process: the next task uses the bucket, too."""


@contextmanager
def open_bucket_archive(
    bucket: BucketArchive, manifests: Sequence[str]
) -> Iterator["WorkerArchive"]:
    """Yields the cache archive of this worker, with these manifests in its log."""
    from projector.cluster.cluster import WorkerArchive

    opened = _opened(bucket)
    for text in manifests:
        _write_manifest(opened.root, text.encode())
    yield WorkerArchive(opened.root, partial(publish_object, opened.store))


def _write_manifest(root: Path, data: bytes) -> None:
    from eventlog.files.publish import unique_temporary_path
    from eventlog.format.manifest import parse_manifest
    from eventlog.format.paths import manifest_path

    path = manifest_path(root, parse_manifest(data, "a task of the coordinator").name)
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unique_temporary_path(path)
    temporary.write_bytes(data)
    temporary.replace(path)


@lru_cache(1)
def _opened(bucket: BucketArchive) -> "_OpenedBucket":
    """Returns the cache archive and the opened bucket, the same for all tasks of this process."""
    from eventlog.files.absent.mirror import reading_from_mirrors
    from eventlog.mirror.local.identity import archive_id_path, write_archive_id
    from eventlog.stores.wrappers import in_thread

    root = _cache_root(bucket.archive_id)
    if not archive_id_path(root).exists():
        archive_id_path(root).parent.mkdir(parents=True, exist_ok=True)
        write_archive_id(root, bucket.archive_id)
    opened = ExitStack()
    retries = Retries(GIVE_UP_AFTER_S, lambda error, _wait_s: _LOGGER.info("%s", error.what))
    opening = open_bucket(root, bucket.mirror, Counter(), retries=retries)
    store = opened.enter_context(in_thread(opening))
    reader = _mirror_reader(bucket.mirror, store)
    opened.enter_context(reading_from_mirrors(lambda asked: reader if asked == root else None))
    atexit.register(opened.close)
    _LOGGER.info("reading %s into %s", bucket.mirror.url, root)
    return _OpenedBucket(root, store, opened)


def _cache_root(archive_id: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(base) / "hindlog" / f"cluster-{archive_id}").resolve()


def _mirror_reader(mirror: MirrorSettings, store: "BlockingStore") -> "MirrorReader":
    from eventlog.files.absent.mirror import MirrorReader

    return MirrorReader(
        address=bucket_address(mirror),
        is_committed=lambda _source, _writer, _seq: True,  # the coordinator sends no other segment
        size_of=partial(size_of_object, store),
        get_file=partial(get_object, store),
        get_range=partial(get_object_range, store),
        cache_bytes=mirror.cache_bytes,
        report=_LOGGER.info,
    )


def publish_object(store: "BlockingStore", path: Path, name: str) -> "StoredFile":
    """Puts a file into the bucket and returns what is stored under its name.

    The bytes of a part depend on more than its name, so another worker may have stored others
    with equal rows. The first ones stay.
    """
    from eventlog.stores.store import Conflict
    from eventlog.stores.transfer import upload_of_file
    from projector.cluster.cluster import StoredFile
    from projector.cluster.shared_folder import describe_file

    built = describe_file(path, name)
    try:
        upload = upload_of_file(path, built.size, built.sha256)
        store.run(store.store.put_new(PARTS + name, upload))
        return built
    except Conflict:
        stored = store.run(store.store.head(PARTS + name))
    if stored is None or stored.sha256 is None:
        data = store.run(store.store.get(PARTS + name, None))
        return StoredFile(name, len(data), hashlib.sha256(data).hexdigest())
    return StoredFile(name, stored.size, stored.sha256)
