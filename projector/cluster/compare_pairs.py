"""Compares consecutive versions on the workers of a cluster.

The pairs are found here, from parts. Their bodies are in the log: each task gets a range of the
pairs, which are in the order of the log, reads both bodies of each, and returns the differences as
Parquet files.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.files.publish import replace_file
from eventlog.format.paths import SegmentName, parse_segment
from projector.changes.differences import compare_pairs
from projector.changes.pair_bodies import write_far_bodies
from projector.changes.version_pairs import MEMORY_MB
from projector.cluster.cluster import Cluster, OpenArchive
from projector.cluster.tasks import can_read, cancelled_on_error, completed, manifest_texts
from projector.engine.workers import job_builder, raise_if_cancelled, workers
from projector.limits import Limits
from projector.parts.build import Context

TASKS_PER_THREAD = 4
"""Tasks for each thread of the cluster, if there are enough pairs: the last ones to end leave
little of it idle."""


@attrs.frozen
class CompareTask:
    """A range of pairs as it is sent to a worker."""

    open_archive: OpenArchive
    manifests: tuple[str, ...]
    """Texts of the manifests of the segments, where the workers have none."""
    source: str
    pairs: bytes
    """The range, as a Parquet file."""
    limits: Limits


def compare_pairs_on_cluster(
    cluster: Cluster, context: Context, folder: Path, source: str, pairs: Path
) -> tuple[int, set[str]]:
    """Compares the pairs in a file and writes their differences into a folder.

    Returns the number of pairs, and the names of the files.
    """
    chunks = list(_split(pairs, cluster.threads, context.scratch, context.limits))
    remote = [chunk for chunk in chunks if can_read(cluster, context.root, _segments(chunk))]
    futures = [
        cluster.executor.submit(compare_on_worker, _task(cluster, context, source, chunk))
        for chunk in remote
    ]
    count, names = 0, set[str]()
    with cancelled_on_error(futures):
        for chunk in [chunk for chunk in chunks if chunk not in set(remote)]:
            compared = _compare_file(context, folder, source, chunk)
            count, names = count + compared[0], names | compared[1]
        for future in completed(futures, partial(raise_if_cancelled, context.workers)):
            compared_count, files = future.result()
            for name, data in files.items():
                replace_file(folder / name, data)
            count, names = count + compared_count, names | set(files)
    return count, names


def _compare_file(context: Context, folder: Path, source: str, pairs: Path) -> tuple[int, set[str]]:
    """Compares a range of pairs here."""
    crew = context.workers
    with job_builder(crew, context.scratch, 1, MEMORY_MB) as connection:
        write_far_bodies(connection, pairs)
    return compare_pairs(context.root, folder, source, pairs, crew, context.limits)


def _split(pairs: Path, threads: int, scratch: Path, limits: Limits) -> Iterator[Path]:
    """Writes consecutive ranges of the pairs into files and yields them."""
    file = pq.ParquetFile(pairs)
    total = file.metadata.num_rows
    even = -(-total // (TASKS_PER_THREAD * threads))
    size = max(limits.min_task_pairs, min(limits.max_task_pairs, even))
    folder = Path(tempfile.mkdtemp(dir=scratch))
    for number, batch in enumerate(_ranges(file, size)):
        path = folder / f"{number:06}.parquet"
        pq.write_table(batch, path)
        yield path


def _ranges(file: pq.ParquetFile, size: int) -> Iterator[pa.Table]:
    """Yields tables of `size` consecutive rows; the last one may have fewer."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in file.iter_batches(size):
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting)


def _segments(pairs: Path) -> list[SegmentName]:
    """Returns the segments with the bodies of the pairs in a file."""
    table = pq.read_table(pairs, columns=["before_segment", "segment"])
    texts = {*table["before_segment"].unique().to_pylist(), *table["segment"].unique().to_pylist()}
    return sorted(name for name in map(parse_segment, texts) if name is not None)


def _task(cluster: Cluster, context: Context, source: str, pairs: Path) -> CompareTask:
    manifests = manifest_texts(cluster, context.root, _segments(pairs))
    return CompareTask(cluster.open_archive, manifests, source, pairs.read_bytes(), context.limits)


def compare_on_worker(task: CompareTask) -> tuple[int, dict[str, bytes]]:
    """Compares pairs on a worker. Returns their number, and the files of differences by name."""
    with (
        task.open_archive(task.manifests) as archive,
        tempfile.TemporaryDirectory(prefix="hindlog-") as name,
        workers(1) as crew,
    ):
        folder = Path(name).resolve()
        scratch = folder / "scratch"
        scratch.mkdir()
        pairs = folder / "pairs.parquet"
        pairs.write_bytes(task.pairs)
        with job_builder(crew, scratch, 1, MEMORY_MB) as connection:
            write_far_bodies(connection, pairs)
        target = folder / "differences"
        target.mkdir()
        count, names = compare_pairs(archive.root, target, task.source, pairs, crew, task.limits)
        return count, {name: (target / name).read_bytes() for name in names}
