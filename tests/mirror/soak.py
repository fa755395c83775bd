"""Soak test of the mirror: three writers push, a reader pulls, everything else goes wrong.

    writers, reader ──> broken line ──> real S3 server      all of them killed again and again

    python -m tests.mirror.soak FOLDER SECONDS SEED

A round has a prefix of its own in the bucket. It ends when each writer has pushed its hours, or
after some seconds; what is left is pushed over a good line. Then the bucket, the archives and
what was pulled must be equal, byte for byte. The exit status is 1, with a
message, if they are not, or if a process met an error that its line does not explain.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import attrs

from eventlog.check.verify import verify
from eventlog.errors import HindlogError
from eventlog.mirror.check.checking import CheckRequest, CheckResult, ReadShare, check_bucket
from eventlog.mirror.local.absent import absent_test
from eventlog.stores.transfer import gather_limited
from tests.eventlog.mirror.buckets import Objects, check_laws, sealed_files
from tests.eventlog.stores.places import listed
from tests.mirror import soak_processes
from tests.mirror.soak_processes import (
    BROKEN,
    DONE,
    FAILED,
    Bucket,
    pull_all,
    push_all,
    start,
)
from tests.mirror.soak_scene import STALLED_S, Scene, kill, new_scene, running_line
from tests.object_store.fault_proxy import Damage
from tests.object_store.server import (
    running_server,
    start_process,
    wait_until_ready,
)

WRITERS = ("first", "second", "third")
FLIPPED_PULLS = 5
"""Number of pulls over a line that inverts bits; after each, complete files stay."""
ROUND_S = 10.0
"""After so long the line is good, and nothing is killed any more."""


@attrs.define
class Worker:
    """A process that is started again until its work is done."""

    name: str
    root: Path
    work: Callable[[], object]
    log: Path
    pid: int = 0
    is_done: bool = False


def expect(condition: bool, problem: str) -> None:
    """Exits with a message if the condition is false."""
    if not condition:
        sys.exit(f"broken: {problem}")


def run_round(scene: Scene) -> None:
    """Lets the processes work until the writers are done, then compares everything."""
    workers = [_writer(scene, machine) for machine in WRITERS]
    push_all(workers[0].root, WRITERS[0], scene.direct)  # so that there is an archive to join
    reader_root = scene.folder / "reader"
    reader_root.mkdir()
    reader = Worker("reader", reader_root, lambda: None, scene.folder / "reader.log")
    reader.work = partial(_pull_again_and_again, reader_root, scene.line)
    workers.append(reader)
    until = time.monotonic() + ROUND_S
    try:
        while time.monotonic() < until and not all(worker.is_done for worker in workers[:-1]):
            for worker in workers:
                _run_on(scene, worker)
            time.sleep(scene.chance.uniform(0.05, 0.8))
            _do_harm(scene, workers)
    finally:
        for worker in workers:
            _stop(worker)
    _compare(scene, workers[:-1], reader_root)


def _writer(scene: Scene, machine: str) -> Worker:
    root = scene.folder / machine
    (root / "log").mkdir(parents=True)

    def work() -> None:
        seed = random.SystemRandom().getrandbits(32)
        soak_processes.write_and_push(root, machine, scene.line, scene.hours, seed)

    return Worker(machine, root, work, scene.folder / f"{machine}.log")


def _pull_again_and_again(root: Path, bucket: Bucket) -> None:
    while True:
        pull_all(root, bucket)
        time.sleep(0.2)


def _run_on(scene: Scene, worker: Worker) -> None:
    """Starts a process that has ended and is not done. Fails if it should not have ended."""
    if worker.pid:
        pid, status = os.waitpid(worker.pid, os.WNOHANG)
        if not pid:
            return
        worker.pid = 0
        code = os.waitstatus_to_exitcode(status)
        scene.counts[{DONE: "done", FAILED: "failed"}.get(code, "interrupted")] += 1
        is_expected = code != BROKEN and (code != FAILED or scene.is_damaging)
        expect(is_expected, f"{worker.name} ended with {code}: {_end_of(worker.log)}")
        worker.is_done = code == DONE
    if not worker.is_done:
        worker.pid = start(worker.work, worker.log)


def _end_of(log: Path) -> str:
    return log.read_text()[-4000:]


def _do_harm(scene: Scene, workers: list[Worker]) -> None:
    """Kills a process or the server, or deletes what is disposable; often does nothing."""
    worker = scene.chance.choice(workers)
    match scene.chance.randrange(20):
        case 0 | 1 | 2 | 3:
            scene.counts["kills"] += _stop(worker)
            is_absent = absent_test(worker.root)
            damages = verify(worker.root, is_absent=is_absent).damages
            expect(not damages, f"{worker.name} was killed: {damages[:1]}")
        case 4:
            scene.counts["states deleted"] += 1
            _stop(worker)
            shutil.rmtree(worker.root / "state", ignore_errors=True)
        case 5:
            scene.counts["server kills"] += 1
            _kill_server(scene)


def _kill_server(scene: Scene) -> None:
    pid = int((scene.server.folder / "pid").read_text())
    signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL)
    time.sleep(scene.chance.uniform(0.0, 1.0))
    process = start_process(scene.server.folder)
    scene.restarted.append(process)
    wait_until_ready(scene.server, process)


def _stop(worker: Worker) -> bool:
    """Kills a process. Returns whether there was one."""
    if not worker.pid:
        return False
    kill(worker.pid)
    worker.pid = 0
    return True


def _compare(scene: Scene, writers: list[Worker], reader: Path) -> None:
    """Pushes and pulls what is left over a good line; then everything must be equal."""
    for worker in writers:
        push_all(worker.root, worker.name, scene.direct)
    pull_all(reader, scene.direct)
    flipped = _pull_flipped(scene)
    new = scene.folder / "new"
    new.mkdir()
    pull_all(new, scene.direct)
    result, objects = asyncio.run(_look_at(scene, writers[0].root))
    expect(result.findings == (), f"check: {result.findings[:3]}")
    streams = sum(soak_processes.sealed_hours(worker.root) > 0 for worker in writers)
    expect(len(check_laws(objects)) == streams, "the streams in the bucket")
    stored = {n: d for n, d in objects.items() if n.startswith(("log/", "assets/"))}
    ours: Objects = {}
    for worker in writers:
        ours |= sealed_files(worker.root)
        expect(not verify(worker.root).damages, f"{worker.name} is damaged")
    for name in ours.keys() - stored.keys():  # a writer was killed before the event that names it
        expect(name.startswith("assets/"), f"{name} is not in the bucket")
        del ours[name]
    expect(stored == ours, f"not equal: {sorted(stored.keys() - ours.keys())[:3]}")
    for name, data in sealed_files(flipped).items():
        expect(stored.get(name) == data, f"{name} was pulled with other bytes than the bucket has")
    for root in (reader, new):
        expect(sealed_files(root) == stored, f"{root.name} differs from the bucket")
        expect(not verify(root).damages, f"{root.name} is damaged")
        left = list((root / "log").rglob(".*.tmp"))
        expect(not left, f"{root.name}: left: {left[:3]}")


def _pull_flipped(scene: Scene) -> Path:
    """Pulls over a line on which a bit of each connection is inverted on the way down.

    Returns the folder, which may lack files. The line itself has no checksum.
    """
    root = scene.folder / "flipped"
    root.mkdir()
    seed, port = scene.chance.getrandbits(32), scene.server.ports["http"]

    def flip(chance: random.Random) -> Damage:
        return Damage(flip_down=int(10 ** chance.uniform(2.5, 5.5)))

    with running_line(root / "line", port, seed, flip) as line_port:
        settings = scene.server.settings("http", stalled_s=STALLED_S)
        address = f"http://127.0.0.1:{line_port}"
        bucket = Bucket(scene.direct.address, attrs.evolve(settings, endpoint_url=address))
        for _ in range(FLIPPED_PULLS):
            with suppress(HindlogError):
                pull_all(root, bucket)
                break
    return root


async def _look_at(scene: Scene, root: Path) -> tuple[CheckResult, Objects]:
    """Returns the result of a check and all objects, which are then deleted to save space."""
    request = CheckRequest(heads=True, read=ReadShare(1, 1))
    async with scene.direct.opened(root) as store:
        result = await check_bucket(root, store, request)
        names = [entry.name for entry in await listed(store)]
        objects = {name: await store.get(name, None) for name in names}
        await gather_limited(names, store.delete, 8)
        return result, objects


def main(folder: str, seconds: str, seed: str) -> None:
    """Runs rounds until the time is over, each with the next seed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # kills its children
    soak_processes.use_small_parts()
    until, number = time.monotonic() + float(seconds), int(seed)
    restarted: list[subprocess.Popen[bytes]] = []
    try:
        with running_server(Path(folder) / "server") as server:
            while number == int(seed) or time.monotonic() < until:
                round_folder = Path(folder) / str(number)
                round_folder.mkdir()
                sys.stdout.write(f"seed {number}: ")
                sys.stdout.flush()
                with new_scene(round_folder, server, restarted, number) as scene:
                    sys.stdout.write(f"{scene.scheme}{', flips' * scene.flips}; ")
                    run_round(scene)
                counts = ", ".join(f"{n} {key}" for key, n in sorted(scene.counts.items()))
                sys.stdout.write(f"{3 * scene.hours} hours; {counts}\n")
                shutil.rmtree(round_folder)
                number += 1
    finally:
        for process in restarted:
            process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
