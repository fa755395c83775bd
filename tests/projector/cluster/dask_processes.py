"""A Dask scheduler and workers as processes of their own, on free ports of 127.0.0.1."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

START_S = 120
"""How long a start may take on a busy machine; three seconds on an idle one."""


@attrs.frozen
class DaskProcesses:
    """A running scheduler and its workers."""

    address: str
    """`127.0.0.1:port`."""
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def running_dask(folder: Path, workers: int = 2) -> Iterator[DaskProcesses]:
    """Starts a scheduler and workers with one thread each, and ends them at the end.

    The caches of the workers are in `folder`; credentials are those of this process.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        file = folder / "scheduler.json"
        arguments = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        started.append(_start(folder, *arguments, "--scheduler-file", str(file)))
        for number in range(workers):
            own = folder / f"worker-{number}"
            own.mkdir()
            arguments = ("worker", "--scheduler-file", str(file), "--host", "127.0.0.1")
            options = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--memory-limit", "0")
            started.append(_start(own, *arguments, *options, "--local-directory", str(own)))
        yield DaskProcesses(_wait_for(file, workers), tuple(started[1:]))
    finally:
        for process in reversed(started):
            process.kill()
        for process in started:
            process.wait()


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "DASK_TEMPORARY_DIRECTORY": str(folder),
        "NO_PROXY": "127.0.0.1",
    }
    with (folder / f"{arguments[0]}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _wait_for(file: Path, workers: int) -> str:
    """Returns the address of the scheduler once it has its workers."""
    import time

    import orjson
    from distributed import Client

    deadline = time.monotonic() + START_S
    while not file.exists() or not file.read_bytes():
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.05)
    address = str(orjson.loads(file.read_bytes())["address"])
    with Client(address, timeout=START_S, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=START_S)
    return address.removeprefix("tcp://")
