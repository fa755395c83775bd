"""Sends tasks to the workers of a cluster and waits for their results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from eventlog.files.listing import read_manifest
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, manifest_path
from projector.cluster.cluster import Cluster

Result = TypeVar("Result")

_WAIT_S = 0.1
"""Seconds after which a wait for results looks whether the update was cancelled."""


def can_read(cluster: Cluster, root: Path, names: Iterable[SegmentName]) -> bool:
    """Returns whether the workers can read these segments."""
    if not cluster.needs_manifests:
        return cluster.can_read([])
    return cluster.can_read(_manifests(root, names))


def _manifests(root: Path, names: Iterable[SegmentName]) -> list[Manifest]:
    return [read_manifest(root, name) for name in names]


def manifest_texts(cluster: Cluster, root: Path, names: Iterable[SegmentName]) -> tuple[str, ...]:
    """Returns the manifests that a task must contain."""
    if not cluster.needs_manifests:
        return ()
    return tuple(manifest_path(root, name).read_text() for name in names)


@contextmanager
def cancelled_on_error(futures: Sequence["Future[Any]"]) -> Iterator[None]:
    """Cancels the tasks if the block raises. It does not wait: what still arrives is harmless."""
    try:
        yield
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def completed(
    futures: Iterable["Future[Result]"], check_cancelled: Callable[[], None]
) -> Iterator["Future[Result]"]:
    """Yields the futures as they complete. `check_cancelled` may raise, and is called meanwhile."""
    waiting = set(futures)
    while waiting:
        check_cancelled()
        done, waiting = wait(waiting, _WAIT_S, FIRST_COMPLETED)
        yield from done
