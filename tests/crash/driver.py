"""Kills real writers, sealers and tailers at random instants, then checks the log.

    python -m tests.crash.driver FOLDER ROUNDS SEED

The parent process forks a child, kills it with SIGKILL after a random time, and compares
the log with the promises that the child wrote to a pipe. The exit status is 1, with a
message, if a promise was broken.
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

MAX_WAIT_S = 0.15
"""Longest of the waits before a kill. What a child writes until then must fit into its pipe,
which is read only after its death."""


@attrs.define
class Scene:
    """An archive, and the promises that its killed writers made."""

    root: Path
    chance: random.Random
    promised: dict[int, str] = attrs.field(factory=dict)
    """SHA-256 of the last line of each acknowledged batch, by the seq of that line."""
    older: Path | None = None
    """An older copy of `state/`, if one was made."""


def write(root: Path, out: int) -> None:
    """Records five batches concurrently, as tasks of a crawl do; reports each acknowledged one."""
    journal = open_journal(root, SOURCE, WRITER)
    journal.stream.segment_bytes = 30_000

    async def append_forever() -> None:
        for number in itertools.count(step=5):
            await asyncio.gather(*(append_one(n) for n in range(number, number + 5)))

    async def append_one(number: int) -> None:
        await append_batch(journal, lambda _seq, _at: [entity(number, 200)] * (1 + number % 3))

    def acknowledge(batch: Appended) -> None:
        os.write(out, f"{batch.last.seq} {batch.sha256}\n".encode())

    journal.listeners.append(acknowledge)
    asyncio.run(append_forever())


def seal(root: Path, out: int) -> None:
    """Opens the stream, which recovers it, and seals every open segment, again and again."""
    while True:
        stream = open_stream(root, SOURCE, WRITER, patient=True)
        close_stream(stream)
        seal_all(root)


def tail(root: Path, out: int) -> None:
    """Follows the log from the saved cursor; reports each line, then saves the cursor."""
    cursor_file = root / "cursor"
    start = cursors.from_text(cursor_file.read_text()) if cursor_file.exists() else {}
    check_cursor(root, start)
    for event in follow(root, start, idle=lambda: True):
        os.write(out, f"{event.seq} {sha256(event.line).hexdigest()}\n".encode())
        mark = cursors.mark(event.seq, event.line)
        replace_file(cursor_file, cursors.to_text({(SOURCE, WRITER): mark}).encode())


def fork_child(work: Callable[[Path, int], None], root: Path) -> tuple[int, int]:
    """Starts a child process that works. Returns its id and the read end of its pipe."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            work(root, write_end)
        except BaseException as error:
            os.write(2, f"{work.__name__}: {error!r}\n".encode())
        finally:
            os._exit(7)
    os.close(write_end)
    return child, read_end


def read_promises(pipe: int) -> list[tuple[int, str]]:
    """Returns the (seq, SHA-256) pairs that a dead child had written, as complete lines."""
    with os.fdopen(pipe, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    pairs = [line.decode().split(" ") for line in lines]
    return [(int(seq), digest) for seq, digest in pairs]


def expect(condition: bool, problem: str) -> None:
    """Exits with a message if the condition is false."""
    if not condition:
        sys.exit(f"broken: {problem}")


def run_round(scene: Scene, number: int) -> None:
    """Forks a worker and perhaps a tailer, kills both, and checks what they promised."""
    work = scene.chance.choice([write, write, seal])
    start_seq = _cursor_seq(scene)
    child, pipe = fork_child(work, scene.root)
    follower = fork_child(tail, scene.root) if scene.chance.random() < 0.5 else None
    time.sleep(scene.chance.random() * MAX_WAIT_S)
    if scene.chance.random() < 0.15:
        shutil.rmtree(scene.root / "state/heads", ignore_errors=True)
        time.sleep(scene.chance.random() * MAX_WAIT_S)
    for pid in [child, *([follower[0]] if follower else [])]:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        expect(os.WIFSIGNALED(status), f"round {number}: a {work.__name__} ended by itself")
    scene.promised.update(read_promises(pipe))
    _check_log(scene, number)
    if follower:
        _check_tail(scene, read_promises(follower[1]), start_seq, number)
    _disturb_state(scene)
    if number % 10 == 0:
        damages = verify(scene.root).damages
        expect(not damages, f"round {number}: {damages[:1]}")


def _cursor_seq(scene: Scene) -> int:
    cursor_file = scene.root / "cursor"
    if not cursor_file.exists():
        return 0
    return cursors.from_text(cursor_file.read_text())[SOURCE, WRITER].seq


def _whole_lines(scene: Scene) -> dict[int, bytes]:
    """Returns every complete line in the segment files by seq, without using `state/`."""
    lines: dict[int, bytes] = {}
    for segment in list_segments(scene.root, SOURCE, WRITER):
        if segment.is_sealed:
            data = b"".join(segment_blocks(scene.root, segment.name))
        else:
            data = open_path(scene.root, segment.name).read_bytes()
        for line in data.split(b"\n")[:-1]:
            seq = int(line.split(b'"seq":', 1)[1].split(b",", 1)[0])
            expect(seq not in lines, f"seq {seq} occurs twice")
            lines[seq] = line
    return lines


def _check_log(scene: Scene, number: int) -> None:
    lines = _whole_lines(scene)
    expect(sorted(lines) == list(range(1, len(lines) + 1)), f"round {number}: seqs have holes")
    for seq, digest in scene.promised.items():
        kept = seq in lines and sha256(lines[seq]).hexdigest() == digest
        expect(kept, f"round {number}: seq {seq} was acknowledged but is not in the log")


def _check_tail(scene: Scene, shown: list[tuple[int, str]], start_seq: int, number: int) -> None:
    """The tail showed the lines after the cursor, once each, and the cursor is not past them."""
    seqs = [seq for seq, _ in shown]
    expect(
        seqs == list(range(start_seq + 1, start_seq + 1 + len(seqs))),
        f"round {number}: the tail showed {seqs[:3]}… after {start_seq}",
    )
    lines = _whole_lines(scene)
    for seq, digest in shown:
        same = seq in lines and sha256(lines[seq]).hexdigest() == digest
        expect(same, f"round {number}: the tail showed seq {seq}, which is not in the log")
    expect(
        start_seq <= _cursor_seq(scene) <= start_seq + len(seqs),
        f"round {number}: the cursor is past the shown lines",
    )


def _disturb_state(scene: Scene) -> None:
    """Deletes `state/`, copies it, or restores an older copy; does nothing in most rounds."""
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
    """Runs the rounds, with a new archive every fifty rounds."""
    chance = random.Random(int(seed))
    scene = Scene(Path(folder) / "0", chance)
    promised = 0
    for number in range(int(rounds)):
        if number % 50 == 0:
            promised += len(scene.promised)
            scene = Scene(Path(folder) / str(number), chance)
            scene.root.mkdir()
        run_round(scene, number)
    stream = open_stream(scene.root, SOURCE, WRITER, clock=now_us)
    close_stream(stream, seal_open=True)
    _check_log(scene, int(rounds))
    expect(not verify(scene.root).damages, "damage at the end")
    sys.stdout.write(f"{rounds} kills, {promised + len(scene.promised)} batches acknowledged\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
