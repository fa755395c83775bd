"""Kills an import again and again, until it ends; then compares its log with an uninterrupted one.

    python -m tests.crash.import_driver FOLDER ROUNDS SEED

The parent process forks each import and kills it with SIGKILL after a random time. The exit status
is 1, with a message, if a file was damaged or the logs differ.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from eventlog.check.verify import verify
from eventlog.files.disk import Disk
from eventlog.write.group import GroupLimits
from fetcher.imports.import_report import ImportReport
from tests.eventlog.write.test_group import NO_SYNC, log_files
from tests.fetcher.importing import import_into, models_list, write_files

LIMITS = GroupLimits(segments=3, single_syncs=1)
HOURS = range(20, 29)
"""Recorded hours since 2025-01-01T00: two days, three groups."""
MAX_WAIT_S = 0.1
"""Longest time before a kill; a complete import takes about as long."""


def record_hours(folder: Path) -> list[Path]:
    """Writes two recordings per hour, whose prices change."""
    files = {
        f"202501{1 + hour // 24:02d}T{hour % 24:02d}{minute:02d}00Z.json": models_list(
            ("a/b", hour), ("c/d", hour // 3), ("e/f", 7), (f"g/{minute}", 1)
        )
        for hour in HOURS
        for minute in (5, 35)
    }
    return write_files(folder, files)


def import_hours(root: Path, paths: list[Path], disk: Disk = NO_SYNC) -> ImportReport:
    """Imports recordings in small groups."""
    return import_into(root, paths, groups=LIMITS, disk=disk)


def is_killed(work: Callable[[], object], seconds: float) -> bool:
    """Works in a child process, which is killed. Returns whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder: str, rounds: str, seed: str) -> None:
    """Runs the rounds, each with a new archive."""
    chance = random.Random(int(seed))
    paths = record_hours(Path(folder) / "recorded")
    import_hours(Path(folder) / "complete", paths)
    complete = log_files(Path(folder) / "complete")
    kills = 0
    for number in range(int(rounds)):
        root = Path(folder) / str(number)
        while is_killed(lambda root=root: import_hours(root, paths), chance.random() * MAX_WAIT_S):
            kills += 1
            if root.exists() and verify(root).damages:
                sys.exit(f"broken: round {number}: {verify(root).damages[:1]}")
        import_hours(root, paths)
        if log_files(root) != complete:
            sys.exit(f"broken: round {number}: the log differs from that of a complete import")
    sys.stdout.write(f"{rounds} imports, {kills} kills\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
