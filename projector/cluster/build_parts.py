"""Builds parts on the workers of a cluster: one task per job, the longest first.

A worker builds in a folder of its own and publishes complete files. If a worker ends, the
scheduler gives its task to another one: a part depends only on its definition and its segments, so
building it twice is harmless. Jobs over segments that the workers cannot read run here.
"""

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs

from eventlog.format.paths import sealed_path
from eventlog.progress import no_progress
from projector.cluster.cluster import Cluster, OpenArchive, StoredFile
from projector.cluster.tasks import can_read, cancelled_on_error, completed, manifest_texts
from projector.definition import Definition
from projector.engine.parquet_files import SCHEMA
from projector.engine.workers import raise_if_cancelled, submit, workers
from projector.limits import Limits
from projector.parts.build import BuildResult, Context, build_sealed
from projector.parts.jobs import Job
from projector.parts.part import Segment, folder_of

CONCURRENT_JOBS = 2
"""Jobs that a worker is assumed to run at once. It decides DuckDB's threads (one each), so that
parts are byte for byte those of `--jobs 2`, and the share of the memory."""


@attrs.frozen
class BuildTask:
    """A job as it is sent to a worker."""

    open_archive: OpenArchive
    manifests: tuple[str, ...]
    """Texts of the manifests of the segments, where the workers have none."""
    source: str
    segments: tuple[Segment, ...]
    definitions: tuple[Definition, ...]
    empty_parts: Mapping[str, bytes]
    """Parts without rows, by their path below the folder of the parts."""
    strict: bool
    limits: Limits


def run_jobs_on_cluster(
    cluster: Cluster, context: Context, jobs: Sequence[Job]
) -> list[BuildResult]:
    """Runs jobs on the workers, and here those whose segments they cannot read.

    Returns what each built, in the order of `jobs`.
    """
    names = {job: [segment.name for segment in job.segments] for job in jobs}
    remote = [job for job in jobs if can_read(cluster, context.root, names[job])]
    by_weight = sorted(remote, key=lambda job: -job.weight)
    tasks = {job: _task(cluster, context, job) for job in by_weight}
    local = {
        job: submit(context.workers, build_sealed, context, job.source, job.segments, kinds)
        for job in jobs
        if job not in tasks
        for kinds in [job.definitions]
    }
    futures = {cluster.executor.submit(build_on_worker, task): job for job, task in tasks.items()}
    results, done = {}, 0
    total = sum(len(job.segments) for job in jobs)
    with cancelled_on_error(list(futures)):
        for future in completed(futures, partial(raise_if_cancelled, context.workers)):
            job = futures[future]
            results[job], files = future.result()
            cluster.fetch(files, context.parts)
            done += len(job.segments)
            context.report("segments read", done, total)
        for job, local_future in local.items():
            results[job] = local_future.result()
            done += len(job.segments)
            context.report("segments read", done, total)
    return [results[job] for job in jobs]


def _task(cluster: Cluster, context: Context, job: Job) -> BuildTask:
    return BuildTask(
        cluster.open_archive,
        manifest_texts(cluster, context.root, [segment.name for segment in job.segments]),
        job.source,
        job.segments,
        job.definitions,
        _read_empty_parts(context.parts, job),
        context.strict,
        context.limits,
    )


def _read_empty_parts(parts: Path, job: Job) -> dict[str, bytes]:
    """Returns the parts without rows; a worker copies them where a definition reads nothing."""
    folders = [folder_of(parts, job.source, definition) for definition in job.definitions]
    paths = [folder / SCHEMA for folder in folders if (folder / SCHEMA).exists()]
    return {str(path.relative_to(parts)): path.read_bytes() for path in paths}


def build_on_worker(task: BuildTask) -> tuple[BuildResult, list[StoredFile]]:
    """Runs a job on a worker. Returns what it built, and the files that it published."""
    with (
        task.open_archive(task.manifests) as archive,
        tempfile.TemporaryDirectory(prefix="hindlog-") as folder,
        workers(1) as crew,
    ):
        parts, scratch = Path(folder).resolve() / "parts", Path(folder).resolve() / "scratch"
        scratch.mkdir()
        for name, data in task.empty_parts.items():
            (parts / name).parent.mkdir(parents=True, exist_ok=True)
            (parts / name).write_bytes(data)
        context = Context(
            archive.root,
            parts,
            scratch,
            CONCURRENT_JOBS,
            crew,
            no_progress,
            task.strict,
            task.limits,
        )
        segments = [
            attrs.evolve(segment, path=sealed_path(archive.root, segment.name))
            for segment in task.segments
        ]
        result = build_sealed(context, task.source, segments, task.definitions)
        names = sorted(str(path.relative_to(parts)) for path in parts.rglob("*.parquet"))
        built = [name for name in names if name not in task.empty_parts]
        return result, [archive.publish(parts / name, name) for name in built]
