"""The processes of the soak test: writers that push, a reader that pulls, the broken line.

Each ends with an exit code that says whether another one may continue its work.
"""

import asyncio
import os
import random
import signal
import sys
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs

from eventlog.errors import HindlogError, Unavailable
from eventlog.files.assets import put_asset
from eventlog.files.writer_ids import FETCH, writer_id
from eventlog.format.event import ANOMALY, Draft
from eventlog.mirror.local.uploads import upload_journal
from eventlog.mirror.pull.pull import pull
from eventlog.mirror.push.push import push
from eventlog.stores.opening import open_store
from eventlog.stores.s3 import objects
from eventlog.stores.s3.multipart import Multipart
from eventlog.stores.store import Store, StoreSettings
from eventlog.stores.wrappers import RetryLimits, retrying
from tests.eventlog.making import HOUR, START, ManualClock, entity, write_log
from tests.eventlog.mirror.buckets import pusher_on
from tests.object_store.fault_proxy import Damage, fault_proxy

DONE, INTERRUPTED, FAILED, BROKEN = 0, 75, 76, 1
"""Exit codes: work done; bucket unreachable; another error of hindlog; a bug."""
PART_BYTES = 5 * 1024 * 1024
"""The smallest size of parts, so that small objects are sent in parts, too."""
STALLED_S = 5.0
"""How long a stalled connection stays open. The server keeps the name of an upload meanwhile."""
CONNECTIONS = 20_000
"""Number of connections until the line is good."""


@attrs.frozen
class Bucket:
    """How processes reach the bucket."""

    address: str
    settings: StoreSettings
    give_up_after_s: float = 5.0

    @asynccontextmanager
    async def opened(self, root: Path) -> AsyncGenerator[Store, None]:
        """Opens the bucket as commands do, but with short waits."""
        settings = attrs.evolve(self.settings, uploads=upload_journal(root))
        limits = RetryLimits(self.give_up_after_s, base_s=0.02, max_wait_s=0.3)
        async with open_store(self.address, settings) as store:
            yield retrying(store, limits, random.SystemRandom().random)


def use_small_parts() -> None:
    """Makes this process and its children send what is larger than 5 MiB in parts."""
    objects.PART_BYTES = PART_BYTES
    objects.Multipart = partial(Multipart, part_bytes=PART_BYTES)  # type: ignore[misc, assignment]


def start(work: Callable[[], object], log: Path) -> int:
    """Starts a child process that works, with `log` as its stderr. Returns its id."""
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(handle, sys.stderr.fileno())
            code = _code_of(work)
        finally:
            os._exit(code)
    return child


def _code_of(work: Callable[[], object]) -> int:
    try:
        work()
    except HindlogError as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return INTERRUPTED if isinstance(error, Unavailable) else FAILED
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        return BROKEN
    return DONE


def sealed_hours(root: Path) -> int:
    """Returns the number of hours that an archive has sealed."""
    return len(list((root / "log").glob("*/*/*.manifest.json")))


def write_and_push(root: Path, machine: str, bucket: Bucket, hours: int, seed: int) -> None:
    """Writes and pushes hour by hour, until there are so many."""
    chance = random.Random(seed)
    push_all(root, machine, bucket)
    while sealed_hours(root) < hours:
        for _ in range(chance.choice([1, 1, 2])):
            write_hour(root, machine, chance)
        push_all(root, machine, bucket)


def push_all(root: Path, machine: str, bucket: Bucket) -> None:
    """Pushes what is sealed. Raises `HindlogError` also if a stream was left out."""

    async def run() -> None:
        async with bucket.opened(root) as store:
            result = await push(root, store, pusher_on(root, machine), join=True)
            if result.stopped:
                raise HindlogError(f"left out: {result.stopped}")

    asyncio.run(run())


def write_hour(root: Path, machine: str, chance: random.Random) -> None:
    """Writes and seals the next hour of a writer, now and then with a large asset."""
    drafts: list[Draft] = []
    for number in range(chance.randrange(1, 5)):
        drafts.append(entity(chance.randrange(1000), 10 ** chance.randrange(1, 6)))
        drafts[-1] = attrs.evolve(drafts[-1], id=str(number))
    if chance.random() < 0.3:
        size = chance.choice([100, 70_000, PART_BYTES + 1, 2 * PART_BYTES + 99_999])
        asset = put_asset(root, chance.randbytes(size))
        drafts.append(Draft(kind=ANOMALY, members={"reason": "large"}, body_asset=asset))
    clock = ManualClock(START + sealed_hours(root) * HOUR)
    write_log(root, [drafts], writer=writer_id(root, FETCH, machine), clock=clock)


def pull_all(root: Path, bucket: Bucket) -> None:
    """Pulls what is committed. Raises `HindlogError` also if something could not be had."""

    async def run() -> None:
        async with bucket.opened(root) as store:
            result = await pull(root, store, pusher_on(root, "reader"), join=True)
            wrong = [*result.missing, *result.damaged, *result.conflicts.values()]
            if wrong:
                raise HindlogError(f"not pulled: {wrong}")

    asyncio.run(run())


def break_connections(
    pipe: int, port: int, seed: int, damage: Callable[[random.Random], Damage]
) -> None:
    """Runs the proxy until it is killed. Writes its port to a pipe."""
    chance = random.Random(seed)
    faults = [damage(chance) for _ in range(CONNECTIONS)]

    async def run() -> None:
        async with fault_proxy(port, *faults) as proxy:
            os.write(pipe, f"{proxy.url.rpartition(':')[2]}\n".encode())
            await asyncio.sleep(3600)

    asyncio.run(run())


def random_damage(chance: random.Random, flips: bool) -> Damage:
    """Returns what happens on a connection: nothing on half of them."""
    if chance.random() < 0.5:
        return Damage()
    kinds = ["cut_up", "cut_down", "cut_up", "cut_down", "lose_response", "stall_up", "stall_down"]
    kind = chance.choice([*kinds, *(["flip_up", "flip_down"] * 2 if flips else [])])
    if kind == "lose_response":
        return Damage(lose_response=True)
    offset = int(10 ** chance.uniform(1.5, 6.5))
    return Damage(**{kind: offset}, stalled_s=STALLED_S)  # type: ignore[arg-type]
