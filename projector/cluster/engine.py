"""Where the independent work of an update runs: in threads of this process, or on a cluster."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs

from projector.changes.differences import compare_pairs
from projector.cluster.build_parts import run_jobs_on_cluster
from projector.cluster.cluster import Cluster
from projector.cluster.compare_pairs import compare_pairs_on_cluster
from projector.parts.build import BuildResult, Context
from projector.parts.jobs import Job, run_jobs


def _compare_here(context: Context, folder: Path, source: str, pairs: Path) -> tuple[int, set[str]]:
    crew, limits = context.workers, context.limits
    return compare_pairs(context.root, folder, source, pairs, crew, limits, context.report)


@attrs.frozen
class Engine:
    """What runs the independent work of an update."""

    run_jobs: Callable[[Context, Sequence[Job]], list[BuildResult]] = run_jobs
    """Builds parts; returns what each job built, in their order."""
    compare_pairs: Callable[[Context, Path, str, Path], tuple[int, set[str]]] = _compare_here
    """Takes the folder of the differences, the source and the file of the pairs. Returns the
    number of pairs, and the names of the files of differences."""


LOCAL = Engine()
"""Threads of this process."""


def engine_on(cluster: Cluster) -> Engine:
    """Returns the engine that runs on a cluster what does not depend on other work."""
    return Engine(partial(run_jobs_on_cluster, cluster), partial(compare_pairs_on_cluster, cluster))
