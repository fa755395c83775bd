"""The objects that are committed in a bucket, in the order of their names.

    runs of sorted lines in temporary files ──> merged

A large bucket has hundreds of thousands of them, which are not held in memory at once.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import IO

from eventlog.format.manifest import Manifest, digest
from eventlog.format.paths import LOSS, MANIFEST, SEALED
from eventlog.mirror.bucket.names import AssetObject, RecordObject, SegmentObject
from eventlog.mirror.bucket.record import CommitRecord, encode_record, read_link
from eventlog.mirror.check.compare import ExpectedObject
from eventlog.mirror.history.spool import Spool, spooled

RUN = 50_000
"""Number of objects in one run."""


def objects_of_record(record: CommitRecord) -> Iterator[ExpectedObject]:
    """Yields the objects that exist by the rules of the bucket if a record does."""
    data = encode_record(record)
    name = str(RecordObject(record.pusher, record.number))
    yield ExpectedObject(name, len(data), digest(data))
    for sha256, size in record.assets:
        yield ExpectedObject(str(AssetObject(sha256)), size, sha256)
    for link in record.links:
        content, file = read_link(link, name), link.file.encode()
        suffix = MANIFEST if isinstance(content, Manifest) else LOSS
        described = str(SegmentObject(content.name, suffix))
        yield ExpectedObject(described, len(file), digest(file))
        if isinstance(content, Manifest):
            sealed = str(SegmentObject(content.name, SEALED))
            yield ExpectedObject(sealed, content.zst.bytes, content.zst.sha256)


def count_expected(spool: Spool) -> int:
    """Returns the number of objects that the records name, if none is a loss."""
    count, assets = 0, set[str]()
    for record in spooled(spool):
        count += 1 + 2 * len(record.links)
        assets.update(sha256 for sha256, _ in record.assets)
    return count + len(assets)


@contextmanager
def expected_objects(spool: Spool) -> Iterator[Iterator[ExpectedObject]]:
    """Yields an iterator over all objects that the records name, in order, each once."""
    objects = (item for record in spooled(spool) for item in objects_of_record(record))
    with ExitStack() as stack:
        runs: list[IO[str]] = []
        while run := sorted(islice(objects, RUN)):
            file = stack.enter_context(tempfile.TemporaryFile("w+", dir=spool.path.parent))
            file.writelines(f"{item.name}\t{item.size}\t{item.sha256}\n" for item in run)
            file.seek(0)
            runs.append(file)
        yield _unique(heapq.merge(*map(_read_run, runs)))


def _read_run(file: Iterable[str]) -> Iterator[ExpectedObject]:
    for line in file:
        name, size, sha256 = line.rstrip("\n").split("\t")
        yield ExpectedObject(name, int(size), sha256)


def _unique(objects: Iterable[ExpectedObject]) -> Iterator[ExpectedObject]:
    """Yields each object once: several records may name it."""
    previous = None
    for item in objects:
        if item != previous:
            yield item
        previous = item
