"""Chooses where an update works: `local`, or on a Dask cluster.

dask://host:port ──> workers see the folder ──> they read and write it
                     they do not            ──> they read and write the bucket of its mirror
"""

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.cluster.worker import PARTS, BucketArchive, open_bucket_archive
from cli.mirror.bucket import bucket_address, open_bucket
from cli.options.global_options import config, message_printer
from eventlog.errors import Invalid

if TYPE_CHECKING:
    from eventlog.format.manifest import Manifest
    from eventlog.stores.wrappers import BlockingStore
    from projector.cluster.cluster import Cluster, StoredFile
    from projector.cluster.engine import Engine

LOCAL = "local"
_THROUGH_MIRROR = "?through=mirror"


@contextmanager
def open_engine(address: str, root: Path) -> Iterator["Engine"]:
    """Yields the engine at an address: `local`, `dask://host:port` or `dask+tls://host:port`.

    With `?through=mirror` behind it, workers use the bucket even if they see the folder.

    Raises `Invalid` for another address, and if a worker cannot take part; `Unavailable` without
    a scheduler or workers.
    """
    from projector.cluster import engine

    if address == LOCAL:
        yield engine.LOCAL
        return
    from projector.cluster.dask_client import connect_to_dask

    with ExitStack() as opened:
        client = opened.enter_context(connect_to_dask(address.removesuffix(_THROUGH_MIRROR)))
        shares = not address.endswith(_THROUGH_MIRROR)
        yield engine.engine_on(_open_cluster(client, root.resolve(), shares, opened))


def _open_cluster(client: Any, root: Path, shares: bool, opened: ExitStack) -> "Cluster":
    """Returns the cluster of a client. `shares`: workers use the folder if all of them see it."""
    from projector.cluster.cluster import Cluster
    from projector.cluster.dask_client import check_workers, count_threads, run_on_workers
    from projector.cluster.shared_folder import can_read_all, fetch_nothing, open_shared_folder
    from projector.folders import current_parts, views_dir

    views = views_dir(root)
    views.mkdir(exist_ok=True)
    token = views / f".seen-by-workers-{uuid.uuid4().hex}"
    token.touch()
    try:
        sees_folder = check_workers(partial(run_on_workers, client), token)
    finally:
        token.unlink()
    executor, threads = client.get_executor(pure=False), count_threads(client)
    say = message_printer()
    if shares and all(sees_folder.values()):
        say(f"{len(sees_folder)} workers with {threads} threads, in the folder of the archive")
        opening = partial(open_shared_folder, root, current_parts(views))
        return Cluster(executor, threads, opening, fetch_nothing, can_read_all, False)
    bucket = _bucket_of(root, sees_folder)
    say(f"{len(sees_folder)} workers with {threads} threads, through {bucket.mirror.url}")
    from eventlog.stores.wrappers import in_thread

    store = opened.enter_context(in_thread(open_bucket(root, bucket.mirror, Counter())))
    opening = partial(open_bucket_archive, bucket)
    fetch, can_read = partial(fetch_parts, store), partial(_are_committed, root)
    return Cluster(executor, threads, opening, fetch, can_read, True)


def _bucket_of(root: Path, sees_folder: dict[str, bool]) -> BucketArchive:
    """Returns the bucket through which workers read the archive. Raises `Invalid` without one."""
    from eventlog.mirror.local.identity import read_archive_id

    mirror = config(root).mirror
    archive_id = read_archive_id(root)
    if mirror.url is None or archive_id is None:
        blind = sorted(address for address, sees in sees_folder.items() if not sees)
        where = f"worker {', '.join(blind)}: {root} is not there, and " if blind else ""
        raise Invalid(
            f"{where}the archive has no mirror that workers could read",
            "mount the folder there under the same path, or: hindlog sync push",
        )
    bucket_address(mirror)
    return BucketArchive(archive_id, mirror)


def _are_committed(root: Path, manifests: Sequence["Manifest"]) -> bool:
    """Returns whether the mirror has these segments, as the ledger knows it."""
    from eventlog.mirror.local.absent import absent_test

    is_committed = absent_test(root)
    return all(is_committed(manifest) for manifest in manifests)


def fetch_parts(store: "BlockingStore", files: Sequence["StoredFile"], parts: Path) -> None:
    """Gets parts from the bucket, checked, unless they are here."""
    from eventlog.files.publish import unique_temporary_path
    from eventlog.stores.store import Download

    for file in files:
        path = parts / file.name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = unique_temporary_path(path)
        wanted = Download(temporary, file.size, file.sha256)
        store.run(store.store.get_to_file(PARTS + file.name, wanted))
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
