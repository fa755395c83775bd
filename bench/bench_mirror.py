"""The mirror against `rclone copy` and bare aioboto3; planning and opening 105,120 segments.

A real S3 server with TLS (`tests/object_store`) runs on this machine and uses its processor, too:
durations contain it, CPU seconds do not. Every round copies an archive up and down with each
client in turn, into a bucket of its own; figures are medians of the ratios within a round. All
copy the same files: sealed segments and their manifests.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from measuring import READ_PEAK, report, run_python, sized

if TYPE_CHECKING:
    from mirror_clients import Used

TARGETS = ("<= 1.0", "<= 1.2")
"""Of duration and CPU, compared with rclone."""
MAX_PEAK_MIB = 120
MAX_PLAN_S = 0.3
PLAN = (
    READ_PEAK
    + """
import asyncio, sys, time
from collections import Counter
from pathlib import Path

from eventlog.mirror.history.spool import spool_records
from eventlog.mirror.local.ledger import save_ledger
from eventlog.mirror.local.pusher import Pusher
from eventlog.mirror.push.push import push
from eventlog.stores.opening import open_store
from eventlog.stores.wrappers import counted

work, root, address, archive, pusher = sys.argv[1:]
root, requests = Path(root), Counter()

async def main():
    async with open_store(address) as store:
        store = counted(store, requests)
        if work == "open":
            async with spool_records(root, store, archive, pusher) as spool:
                save_ledger(root, spool.ledger)
        else:
            result = await push(root, store, Pusher(pusher, "host:/archive", frozenset()))
            assert result.segments == 0, result

begin, cpu = time.perf_counter(), time.process_time()
asyncio.run(main())
print(time.process_time() - cpu, time.perf_counter() - begin, peak(), sum(requests.values()))
"""
)


def compare(folder: Path, segments: int, size: int, rounds: int) -> None:
    """Copies an archive up and down with every client, and prints the ratios."""
    from mirror_archives import make_archive
    from mirror_clients import CLIENTS, Transfer

    from tests.object_store.server import running_server

    origin, copy = folder / "origin", folder / "copy"
    make_archive(origin, segments, size)
    used: dict[str, dict[str, list[Used]]] = {"up": {}, "down": {}}
    for number in range(rounds):
        with running_server(folder / "server") as server:
            names = list(CLIENTS)
            for name in names[number % 3 :] + names[: number % 3]:
                up, down = CLIENTS[name]
                used["up"].setdefault(name, []).append(up(Transfer(server, name, origin)))
                used["down"].setdefault(name, []).append(down(Transfer(server, name, copy)))
                require_equal_logs(origin, copy)
                shutil.rmtree(copy)
        end_server(folder / "server")
    for direction, by_client in used.items():
        print_comparison(f"{segments} x {size / 1e6:g} MB {direction}", by_client)
    shutil.rmtree(origin)


def end_server(folder: Path) -> None:
    """Waits until the server of a folder has ended, and deletes the folder."""
    pid = int((folder / "pid").read_text())
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.1)
    shutil.rmtree(folder)


def require_equal_logs(origin: Path, copy: Path) -> None:
    """Raises `AssertionError` unless all segments of both archives have the same bytes."""
    command = ["diff", "-rq", "-x", "archive.json", "-x", "writer.json", "-x", ".*"]
    done = subprocess.run(
        [*command, origin / "log", copy / "log"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-500:]


def print_comparison(name: str, used: "dict[str, list[Used]]") -> None:
    """Prints duration, CPU and memory of hindlog, and the ratios to the others."""
    ours = used["hindlog"]
    for other in ("rclone", "aioboto3"):
        for field, unit in ((0, "s"), (1, "s CPU")):
            pairs = [(a[field], b[field]) for a, b in zip(ours, used[other], strict=True)]
            a, b = (median(values) for values in zip(*pairs, strict=True))
            report(
                name,
                f"{a:.2f} {unit}",
                f"{other}: {b:.2f} {unit}",
                median(a / b for a, b in pairs),
                TARGETS[field] if other == "rclone" else "-",
            )
    peaks = {client: max(process.peak_mib for process in used[client]) for client in used}
    others = ", ".join(f"{client} {peaks[client]:.0f}" for client in ("rclone", "aioboto3"))
    peak = peaks["hindlog"]
    report(name, f"peak {peak:.0f} MiB", others, peak / MAX_PEAK_MIB, "< 1")


def measure_plan(folder: Path, segments: int) -> None:
    """Opens a bucket with the records of many segments, then plans a push of nothing."""
    from mirror_archives import ARCHIVE_ID, PUSHER, make_large_archive

    root, bucket = folder / "archive", folder / "bucket"
    make_large_archive(root, bucket, segments)
    name = f"{segments:,} segments"
    for work, max_requests in (("open", 80), ("plan without a catalog", 1), ("plan", 1)):
        words = run_python(PLAN, work, root, bucket.as_uri(), ARCHIVE_ID, PUSHER)
        cpu_s, wall_s, peak, requests = map(float, words)
        limit = MAX_PLAN_S if work == "plan" else None
        report(
            f"{work}, {name}",
            f"{cpu_s:.2f} s CPU",
            f"{wall_s:.2f} s, {peak:.0f} MiB",
            cpu_s / limit if limit else None,
            f"<= {limit} s" if limit else "-",
        )
        report("", f"{requests:.0f} requests", target=f"<= {max_requests}")


def size_of(text: str) -> tuple[int, int]:
    """Returns number and size of `1000x200000`."""
    count, _, size = text.partition("x")
    return int(count), int(size)


def main() -> None:
    """Compares small and large segments, and measures planning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=size_of, default=sized((1000, 200_000), (3, 2_000)))
    parser.add_argument("--large", type=size_of, default=sized((4, 268_435_456), (1, 20_000)))
    parser.add_argument("--segments", type=int, default=sized(105_120, 64))
    parser.add_argument("--rounds", type=int, default=sized(2, 1))
    parser.add_argument("--only", choices=("small", "large", "plan"), help="one part of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for part in (options.only,) if options.only else ("small", "large", "plan"):
            folder = Path(name) / part
            folder.mkdir()
            if part == "plan":
                measure_plan(folder, options.segments)
            else:
                compare(folder, *getattr(options, part), options.rounds)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
