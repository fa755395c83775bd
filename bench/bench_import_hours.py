"""Import of made-up hourly snapshots: CPU and fsyncs per hour, against another version of hindlog.

Every hour is a file with a list of 20 models, one of which has changed. Almost all of the cost is
what an hour costs by itself: reading, segment, manifest, fsyncs. `HINDLOG_BASELINE` names the
folder of another checkout, which imports the same files in turn with this one; without it only
this one is measured. The logs of both must have the same bytes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import orjson
from measuring import report, sized

MODELS = 20
IMPORT = """
import os, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
syncs = [0]
def counted(function):
    def call(*arguments):
        syncs[0] += 1
        return function(*arguments)
    return call
os.fsync = counted(os.fsync)
try:
    from eventlog.files import file_system
    file_system.sync_file_system = counted(file_system.sync_file_system)
except ImportError:
    pass  # the baseline has no groups

from eventlog.clock import now_us
from fetcher.imports.find_recordings import find_recordings
from fetcher.imports.importer import import_recordings
from fetcher.sources import SOURCES

recordings = find_recordings([Path(sys.argv[2])], None, "name")
done = import_recordings(
    Path(sys.argv[3]), SOURCES["openrouter"], recordings, writer="1a2b3c4d", now=now_us
)
print(done.pages, syncs[0])
"""


class Cost(NamedTuple):
    """What one import used."""

    cpu_s: float
    wall_s: float
    syncs: int


def write_snapshots(folder: Path, hours: int) -> None:
    """Writes one file per hour; one of the models has changed since the hour before."""
    from eventlog.clock import HOUR, format_us, parse_us

    folder.mkdir()
    begin = parse_us("2023-01-01T00:00:00Z")
    prices = [0] * MODELS
    for hour in range(hours):
        prices[7 * hour % MODELS] = hour
        name = format_us(begin + hour * HOUR)[:19].replace("-", "").replace(":", "")
        models = [
            {"id": f"author/model-{n}", "context_length": 1, "pricing": {"prompt": str(price)}}
            for n, price in enumerate(prices)
        ]
        (folder / f"{name}Z.json").write_bytes(orjson.dumps({"data": models}))


def run_import(checkout: Path, snapshots: Path, archive: Path) -> Cost:
    """Imports in a new process with the code of a checkout."""
    archive.mkdir()
    command = [sys.executable, "-c", IMPORT, str(checkout), str(snapshots), str(archive)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=checkout, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read().split()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    wall_s = time.perf_counter() - begin
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, int(printed[1]))


def segment_files(archive: Path) -> dict[str, bytes]:
    """Returns the files of all segments."""
    paths = archive.glob("log/*/*/*")
    return {str(path.relative_to(archive)): path.read_bytes() for path in paths}


def main() -> None:
    """Imports with the baseline, if there is one, and with this version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=sized(26_280, 40))
    hours = parser.parse_args().hours
    checkout = Path(__file__).resolve().parents[1]
    baseline = os.environ.get("HINDLOG_BASELINE")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_snapshots(folder / "snapshots", hours)
        before = None
        if baseline is not None:
            before = run_import(Path(baseline), folder / "snapshots", folder / "before")
        now = run_import(checkout, folder / "snapshots", folder / "now")
        if before is not None:
            assert segment_files(folder / "now") == segment_files(folder / "before")
    print(f"{hours:,} hourly snapshots of {MODELS} models")
    print_figure("CPU, s", now.cpu_s, before and before.cpu_s, "<= 0.5")
    print_figure("fsyncs", now.syncs, before and before.syncs, "<= 0.167")
    print_figure("duration, s", now.wall_s, before and before.wall_s, "-")


def print_figure(name: str, now: float, before: float | None, target: str) -> None:
    """Prints a figure of this version and its ratio to that of the baseline."""
    baseline = "no baseline" if before is None else f"baseline: {before:,.1f}"
    ratio = None if before is None else now / before
    report(f"import: {name}", f"{now:,.1f}", baseline, ratio, target)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
