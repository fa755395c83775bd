"""One round of the soak test: the server, the prefix in the bucket, and the broken line to it."""

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import attrs

from tests.mirror.soak_processes import Bucket, break_connections, random_damage, start
from tests.object_store.fault_proxy import Damage
from tests.object_store.server import BUCKET, ObjectServer

STALLED_S = 2.5


@attrs.define
class Scene:
    """One round."""

    folder: Path
    server: ObjectServer
    restarted: list[subprocess.Popen[bytes]]
    seed: int
    chance: random.Random
    scheme: str
    flips: bool
    hours: int
    counts: Counter[str]
    direct: Bucket
    line: Bucket
    """The bucket behind the broken line."""

    @property
    def is_damaging(self) -> bool:
        """Whether a wrong answer can reach a process: TLS turns a flipped bit into a cut."""
        return self.flips and self.scheme == "http"


@contextmanager
def new_scene(
    folder: Path, server: ObjectServer, restarted: list[subprocess.Popen[bytes]], seed: int
) -> Iterator[Scene]:
    """Starts a broken line to the server, and kills it at the end."""
    chance = random.Random(seed)
    scheme, flips = chance.choice(["http", "https"]), chance.random() < 0.5
    damage = partial(random_damage, flips=flips)
    port = server.ports[scheme]
    with running_line(folder / "line", port, chance.getrandbits(32), damage) as line_port:
        address = f"s3://{BUCKET}/{os.getpid()}-{seed}"
        settings = server.settings(scheme, stalled_s=STALLED_S)
        broken = attrs.evolve(settings, endpoint_url=f"{scheme}://127.0.0.1:{line_port}")
        direct = Bucket(address, attrs.evolve(settings, stalled_s=60.0), give_up_after_s=60.0)
        hours, counts = chance.randrange(3, 9), Counter[str]()
        yield Scene(
            *(folder, server, restarted, seed, chance, scheme, flips, hours, counts, direct),
            line=Bucket(address, broken),
        )


@contextmanager
def running_line(
    log: Path, port: int, seed: int, damage: Callable[[random.Random], Damage]
) -> Iterator[int]:
    """Runs a line to a port in a process of its own. Yields the port at its other end."""
    read_end, write_end = os.pipe()
    pid = start(partial(break_connections, write_end, port, seed, damage), log)
    os.close(write_end)
    try:
        with os.fdopen(read_end) as file:
            yield int(file.readline())
    finally:
        kill(pid)


def kill(pid: int) -> None:
    """Kills a child process and waits for its end."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
