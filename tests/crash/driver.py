"""Kills real writers, sealers and tailers at random instants, and looks what is left.

    python -m tests.crash.driver FOLDER ROUNDS SEED

One process forks a child, lets it work, kills it with SIGKILL and compares the log
with what the child had promised through a pipe before. Ends with 1 and a sentence
where a promise was broken.
"""

import asyncio
import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import attrs

from eventlog.check.verify import verify
from eventlog.clock import now_us
from eventlog.files.listing import list_segments
from eventlog.files.publish import replace_file
from eventlog.format.paths import open_path
from eventlog.read import cursor as cursors
from eventlog.read.segment_lines import segment_blocks
from eventlog.read.tail import check_cursor, follow
from eventlog.write.append import Appended
from eventlog.write.writer import close_stream, open_stream, seal_all
from fetcher.record.journal import append_batch, open_journal
from tests.eventlog.making import SOURCE, WRITER, entity

LONGEST_S = 0.15
"""Short enough that what a child says stays within a pipe: nobody reads while it lives."""


@attrs.define
class Scene:
    """An archive, and who promised what about it."""

    root: Path
    chance: random.Random
    promised: dict[int, str] = attrs.field(factory=dict)
    """Of each acknowledged seq the SHA-256 of the last line of its batch."""
    older: Path | None = None
    """A copy of `state/` from some time ago."""


def write(root: Path, out: int) -> None:
    """Record five batches at a time, as tasks of a crawl do, and report each as acknowledged."""
    journal = open_journal(root, SOURCE, WRITER)
    journal.stream.segment_bytes = 30_000

    async def append_forever() -> None:
        for number in itertools.count(step=5):
            await asyncio.gather(*(append_one(n) for n in range(number, number + 5)))

    async def append_one(number: int) -> None:
        await append_batch(journal, lambda _seq, _at: [entity(number, 200)] * (1 + number % 3))

    def acknowledge(done: Appended) -> None:
        os.write(out, f"{done.last.seq} {done.sha256}\n".encode())

    journal.listeners.append(acknowledge)
    asyncio.run(append_forever())


def seal(root: Path, out: int) -> None:
    """Append a little, seal what is open, again and again."""
    while True:
        stream = open_stream(root, SOURCE, WRITER, patient=True)
        close_stream(stream)
        seal_all(root)


def tail(root: Path, out: int) -> None:
    """Follow from the cursor file; lines first, then the cursor."""
    place = root / "cursor"
    start = cursors.from_text(place.read_text()) if place.exists() else {}
    check_cursor(root, start)
    for event in follow(root, start, idle=lambda: True):
        os.write(out, f"{event.seq} {sha256(event.line).hexdigest()}\n".encode())
        mark = cursors.mark(event.seq, event.line)
        replace_file(place, cursors.to_text({(SOURCE, WRITER): mark}).encode())


def forked(work: Callable[[Path, int], None], root: Path) -> tuple[int, int]:
    """A child at work, and the pipe it promises through."""
    out_r, out_w = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(out_r)
            work(root, out_w)
        except BaseException as error:
            os.write(2, f"{work.__name__}: {error!r}\n".encode())
        finally:
            os._exit(7)
    os.close(out_w)
    return child, out_r


def told(pipe: int) -> list[tuple[int, str]]:
    """What a dead child had said: whole lines."""
    with os.fdopen(pipe, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    pairs = [line.decode().split(" ") for line in lines]
    return [(int(seq), digest) for seq, digest in pairs]


def expect(truth: bool, what: str) -> None:
    """End with a sentence where a promise was broken."""
    if not truth:
        sys.exit(f"broken: {what}")


def one_round(scene: Scene, number: int) -> None:
    """Fork, let work, kill, compare."""
    work = scene.chance.choice([write, write, seal])
    begin = _cursor(scene)
    child, pipe = forked(work, scene.root)
    follower = forked(tail, scene.root) if scene.chance.random() < 0.5 else None
    time.sleep(scene.chance.random() * LONGEST_S)
    if scene.chance.random() < 0.15:
        shutil.rmtree(scene.root / "state/heads", ignore_errors=True)
        time.sleep(scene.chance.random() * LONGEST_S)
    for each in [child, follower[0] if follower else None]:
        if each is not None:
            os.kill(each, signal.SIGKILL)
            _, status = os.waitpid(each, 0)
            expect(os.WIFSIGNALED(status), f"round {number}: a {work.__name__} ended by itself")
    said = told(pipe)
    scene.promised.update(said)
    _check_log(scene, number)
    if follower:
        _check_tail(scene, told(follower[1]), begin, number)
    _meddle(scene)
    if number % 10 == 0:
        damages = verify(scene.root).damages
        expect(not damages, f"round {number}: {damages[:1]}")


def _cursor(scene: Scene) -> int:
    place = scene.root / "cursor"
    if not place.exists():
        return 0
    return cursors.from_text(place.read_text())[SOURCE, WRITER].seq


def _lines(scene: Scene) -> dict[int, bytes]:
    """Every whole line that lies there, whatever state/ says."""
    found: dict[int, bytes] = {}
    for each in list_segments(scene.root, SOURCE, WRITER):
        if each.is_sealed:
            data = b"".join(segment_blocks(scene.root, each.name))
        else:
            data = open_path(scene.root, each.name).read_bytes()
        for line in data.split(b"\n")[:-1]:
            seq = int(line.split(b'"seq":', 1)[1].split(b",", 1)[0])
            expect(seq not in found, f"seq {seq} stands twice")
            found[seq] = line
    return found


def _check_log(scene: Scene, number: int) -> None:
    lines = _lines(scene)
    expect(sorted(lines) == list(range(1, len(lines) + 1)), f"round {number}: seqs have holes")
    for seq, digest in scene.promised.items():
        kept = seq in lines and sha256(lines[seq]).hexdigest() == digest
        expect(kept, f"round {number}: seq {seq} was acknowledged and is not there")


def _check_tail(scene: Scene, shown: list[tuple[int, str]], begin: int, number: int) -> None:
    """From the cursor on, each once, as they stand; the cursor never ahead of them."""
    seqs = [seq for seq, _ in shown]
    expect(
        seqs == list(range(begin + 1, begin + 1 + len(seqs))),
        f"round {number}: the tail showed {seqs[:3]}… after {begin}",
    )
    lines = _lines(scene)
    for seq, digest in shown:
        same = seq in lines and sha256(lines[seq]).hexdigest() == digest
        expect(same, f"round {number}: the tail showed a seq {seq} that is not there")
    expect(begin <= _cursor(scene) <= begin + len(seqs), f"round {number}: the cursor is ahead")


def _meddle(scene: Scene) -> None:
    """state/ of another time, or none."""
    state = scene.root / "state"
    match scene.chance.randrange(8):
        case 0:
            shutil.rmtree(state, ignore_errors=True)
        case 1 if state.exists():
            scene.older = scene.root / "older"
            shutil.rmtree(scene.older, ignore_errors=True)
            shutil.copytree(state, scene.older)
        case 2 if scene.older is not None:
            shutil.rmtree(state, ignore_errors=True)
            shutil.copytree(scene.older, state)


def main(folder: str, rounds: str, seed: str) -> None:
    """Rounds in one archive, a new one every fifty."""
    chance = random.Random(int(seed))
    scene = Scene(Path(folder) / "0", chance)
    promised = 0
    for number in range(int(rounds)):
        if number % 50 == 0:
            promised += len(scene.promised)
            scene = Scene(Path(folder) / str(number), chance)
            scene.root.mkdir()
        one_round(scene, number)
    stream = open_stream(scene.root, SOURCE, WRITER, clock=now_us)
    close_stream(stream, seal_open=True)
    _check_log(scene, int(rounds))
    expect(not verify(scene.root).damages, "damage at the end")
    sys.stdout.write(f"{rounds} kills, {promised + len(scene.promised)} batches acknowledged\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
