"""Shared by all benchmarks: the size of a run, the duration of work, one line of the report.

`HINDLOG_BENCH=smallest` makes every script take its smallest input and one round of each
measurement. Such a run shows that the scripts still work; its figures mean nothing.
"""

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from statistics import median
from typing import NamedTuple, TypeVar

T = TypeVar("T")

IS_SMALLEST = os.environ.get("HINDLOG_BENCH") == "smallest"
"""Whether every script takes its smallest input."""

READ_PEAK = """
import re
from pathlib import Path

def peak():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) // 1024
"""
"""Program text that defines `peak()`: the largest resident memory of its own process, in MiB."""


class Elapsed(NamedTuple):
    """Duration of a piece of work, in seconds: medians over several rounds."""

    wall: float
    cpu: float
    """Of this process, its threads and finished children; varies less on a busy machine."""


def sized(usual: T, smallest: T) -> T:
    """Returns `smallest` if `HINDLOG_BENCH=smallest` is set, otherwise `usual`."""
    return smallest if IS_SMALLEST else usual


def measure(work: Callable[[], object], rounds: int = 3) -> Elapsed:
    """Runs a piece of work several times and returns its median durations."""
    walls, cpus = [], []
    for _ in range(sized(rounds, 1)):
        begin, cpu_begin = time.perf_counter(), cpu_seconds()
        work()
        walls.append(time.perf_counter() - begin)
        cpus.append(cpu_seconds() - cpu_begin)
    return Elapsed(median(walls), median(cpus))


def cpu_seconds() -> float:
    """Returns the CPU time of this process, its threads and its finished children."""
    own, children = (resource.getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def record_peaks(pid: int, peaks: dict[int, int]) -> None:
    """Records the peak memory (KiB) of a process and its children, until the process ends."""
    while True:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for process in (pid, *map(int, children)):
                peaks[process] = read_peak(process) or peaks.get(process, 0)
            if not peaks[pid] or not read_peak(pid):
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)


def read_peak(pid: int) -> int:
    """Returns the peak memory of a process since its exec, in KiB; 0 if it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def run_python(code: str, *args: object) -> list[str]:
    """Runs a program in a new process and returns the words that it prints."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code, *map(str, args)]
    result = subprocess.run(command, env=env, capture_output=True, check=True, text=True)
    return result.stdout.split()


def report(
    name: str, figure: str, baseline: str = "", ratio: float | None = None, target: str = "-"
) -> None:
    """Prints one line: the figure, its baseline, the ratio of the two, and the target."""
    shown = "" if ratio is None else f"{ratio:.3f}"
    print(f"{name:34} {figure:>26}  {baseline:46} {shown:>7}  target {target}", flush=True)
