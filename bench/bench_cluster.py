"""`view update` on Dask workers: two against one, and what stays on the coordinator.

    python bench/bench_cluster.py [--megabytes 240] [--rounds 3]

A scheduler and two workers with one thread each run as processes of this machine, and read the
folder of a synthetic archive. Updates from nothing with one and with two workers take turns; the
worker that does not take part is paused by the scheduler, not ended.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from functools import partial

from measuring import Elapsed, measure, report, sized
from synthetic import make_log, raw_bytes

from projector.cluster.cluster import Cluster
from projector.cluster.dask_client import connect_to_dask
from projector.cluster.engine import Engine, engine_on
from projector.cluster.shared_folder import can_read_all, fetch_nothing, open_shared_folder
from projector.folders import FIRST
from projector.update.update import update
from tests.projector.cluster.dask_processes import running_dask


class Round(NamedTuple):
    """One update from nothing."""

    elapsed: Elapsed
    """Its CPU is that of this process, the coordinator."""
    worker_cpu_s: float


def worker_cpu() -> float:
    """Returns the CPU time of the process in which it runs."""
    import time

    return time.process_time()


def update_with(client: Any, root: Path, workers: int) -> Round:
    """Updates the views of an archive from nothing on that many workers."""
    shutil.rmtree(root / "views", ignore_errors=True)
    addresses = sorted(client.scheduler_info(n_workers=-1)["workers"])[:workers]
    executor = client.get_executor(pure=False, workers=addresses, allow_other_workers=False)
    opening = partial(open_shared_folder, root, root / "views" / FIRST)
    cluster = Cluster(executor, workers, opening, fetch_nothing, can_read_all, False)
    before = sum(client.run(worker_cpu).values())
    elapsed = measure(lambda: update(root, engine=engine_on(cluster)), rounds=1)
    return Round(elapsed, sum(client.run(worker_cpu).values()) - before)


def update_here(root: Path) -> Elapsed:
    """Updates the views of an archive from nothing in this process, with two jobs."""
    shutil.rmtree(root / "views", ignore_errors=True)
    return measure(lambda: update(root, jobs=2, engine=Engine()), rounds=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=sized(240, 2))
    parser.add_argument("--rounds", type=int, default=sized(3, 1))
    options = parser.parse_args()
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory())).resolve()
        root, processes = folder / "archive", folder / "dask"
        processes.mkdir()
        (root / "log").mkdir(parents=True)
        make_log(root, options.megabytes)
        dask = opened.enter_context(running_dask(processes))
        client = opened.enter_context(connect_to_dask(f"dask://{dask.address}"))
        update_with(client, root, 2)  # imports
        alone, pair, here = [], [], []
        for _ in range(options.rounds):
            alone.append(update_with(client, root, 1))
            pair.append(update_with(client, root, 2))
            here.append(update_here(root))
        _print(raw_bytes(root), alone, pair, here)


def _print(size: int, alone: list[Round], pair: list[Round], here: list[Elapsed]) -> None:
    walls = [round.elapsed.wall for round in alone], [round.elapsed.wall for round in pair]
    pairs = [first / second for first, second in zip(*walls, strict=True)]
    name = f"update of {size / 1e6:.0f} MB, 2 workers"
    baseline = f"1 worker: {median(walls[0]):.1f} s"
    report(name, f"{median(walls[1]):.2f} s", baseline, median(pairs), ">= 1.6")
    here_s, here_cpu = median(update.wall for update in here), median(update.cpu for update in here)
    report(
        "the same",
        f"{median(walls[1]):.2f} s",
        f"--jobs 2 here: {here_s:.1f} s",
        median(walls[1]) / here_s,
    )
    shares = [round.worker_cpu_s / (round.worker_cpu_s + round.elapsed.cpu) for round in pair]
    coordinator = median(round.elapsed.cpu for round in pair)
    report(
        "CPU on the workers",
        f"{median(round.worker_cpu_s for round in pair):.2f} s",
        f"coordinator: {coordinator:.2f} s; here {here_cpu:.2f} s",
        median(shares),
        ">= 0.85",
    )


if __name__ == "__main__":
    main()
