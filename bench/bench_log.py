"""The event log against what the machine can do, in the same run.

    python bench/bench_log.py [--megabytes 64]

Each line: the figure, its baseline, the ratio of the two, and what is asked of it.
Medians of several rounds; machines are noisy, ratios less so.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF
from statistics import median, quantiles
from typing import NamedTuple

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))

from eventlog.format.event import ENTITY, Draft, EntityBatch
from eventlog.format.event_codec import encode, encode_entity_batch
from eventlog.format.paths import SegmentName, open_path, sealed_path
from eventlog.read.event_filter import Select
from eventlog.read.reader import extents, read_at, read_events
from eventlog.read.segment_lines import segment_blocks
from eventlog.read.tail import end_of, follow
from eventlog.write.group_commit import Committer, start_commits, stop_commits, submit
from eventlog.write.seal import seal
from eventlog.write.writer import append, close_stream, open_stream

SOURCE, WRITER = "openrouter", "1a2b3c4d"
WORDS = [f"{random.Random(n).getrandbits(40):x}" for n in range(4000)]


def draft(number: int) -> Draft:
    """An entity like those that APIs give: 600 bytes, of which zstd makes a fifth."""
    chance = random.Random(number)
    text = " ".join(chance.choice(WORDS) for _ in range(25))
    body = b'{"id":%d,"name":"%s","stats":{"downloads":%d,"rating":%.2f},"text":"%s"}' % (
        number % 5000,
        WORDS[number % 4000].encode(),
        number,
        number % 500 / 100,
        text.encode(),
    )
    kind = {"kind": ENTITY, "run": "r1", "epoch": "2026-11-21T05", "type": "model"}
    return Draft(**kind, id=str(number % 5000), shape="list", hash="c1:" + "0" * 32, body=body)


class Took(NamedTuple):
    """Median seconds of a piece of work."""

    wall: float
    cpu: float
    """Of this process, its threads and children: steadier on a busy machine."""


def rounds(work: Callable[[], object], count: int = 5) -> Took:
    """How long a piece of work takes."""
    walls, cpus = [], []
    for _ in range(count):
        begin, used = time.perf_counter(), cpu_seconds()
        work()
        walls.append(time.perf_counter() - begin)
        cpus.append(cpu_seconds() - used)
    return Took(median(walls), median(cpus))


def cpu_seconds() -> float:
    """What this process, its threads and the children it waited for have used."""
    own, children = (resource.getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def say(what: str, figure: str, against: str, ratio: float | None, asked: str) -> None:
    """One line of the report."""
    told = "" if ratio is None else f"{ratio:6.2f}"
    print(f"{what:34} {figure:>26}  {against:46} {told:6}  asked {asked or '-'}", flush=True)


def bench_append(root: Path) -> None:
    """Batches of 200, each durable before the next, against the bare system calls.

    `a page's`: as the crawler hands them over, entities that differ in id, hash and body: so
    batches of 200 come about. `one by one`: each event with an envelope of its own, as the few
    are that are no entities. The bare write is given the bytes; what is between is mostly their
    making, said in microseconds of this process.
    """
    batches = [[draft(n * 200 + k) for k in range(200)] for n in range(40)]
    alike = [[_alike(batch)] for batch in batches]
    stream = open_stream(root, SOURCE, WRITER)
    append(stream, [lambda _seq, _at: batches[0]])
    at = {"source": SOURCE, "writer": WRITER, "observed_at": "2026-11-21T05:00:00.000000Z"}
    handle = os.open(root / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for what, events in (("a page's", alike), ("one by one", batches)):
        ours, bare, making = [], [], []
        for given, (page,) in [*zip(events, alike, strict=True)] * 5:
            data = b"".join(_made([page], at))
            making.append(rounds(lambda given=given: _made(given, at), 1).cpu)
            ours.append(rounds(lambda given=given: append(stream, [lambda _s, _a: given]), 1).wall)
            bare.append(
                rounds(lambda data=data: (os.write(handle, data), os.fsync(handle)), 1).wall
            )
        rate, size = 200 / median(ours), len(data) / median(ours) / 1e6
        base = (
            f"write+fsync {median(bare) * 1e6:.0f} us, of ours {median(making) * 1e6:.0f} us making"
        )
        figure = f"{rate:,.0f} events/s, {size:.0f} MB/s"
        asked = ">= 0.6" if events is alike else ""
        say(f"append 200, {what}, fsynced", figure, base, median(bare) / median(ours), asked)
    close_stream(stream)


def bench_commit(root: Path) -> None:
    """Producers that each wait until their batch of 200 is durable before the next one.

    Against one bare write and fsync for each batch, of the same bytes: producers share fsyncs.
    """
    pages = [_alike([draft(n * 200 + k) for k in range(200)]) for n in range(80)]
    at = {"source": SOURCE, "writer": WRITER, "observed_at": "2026-11-21T05:00:00.000000Z"}
    pieces = [b"".join(_made([page], at)) for page in pages]
    handle = os.open(root / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write_bare() -> None:
        for piece in pieces:
            os.write(handle, piece)
            os.fsync(handle)

    stream = open_stream(root, SOURCE, WRITER)
    committer = start_commits(stream)
    for producers in (1, 8):
        took = [
            (rounds(write_bare, 1).wall, *_produce(committer, pages, producers)) for _ in range(7)
        ]
        bare, ours = median(each[0] for each in took), median(each[1] for each in took)
        late = [each for _, _, some in took for each in some]
        rate, size = 200 * len(pages) / ours, sum(map(len, pieces)) / ours / 1e6
        p99 = quantiles(late, n=100)[98]
        base = f"write+fsync each {bare / len(pages) * 1e6:.0f} us;"
        base += f" of ours p50 {median(late) * 1e3:.2f}, p99 {p99 * 1e3:.2f} ms"
        what = f"group commit, {producers} producer{'s' * (producers > 1)}"
        figure = f"{rate:,.0f} events/s, {size:.0f} MB/s"
        say(what, figure, base, bare / ours, ">= 0.6" if producers > 1 else "")
    stop_commits(committer)
    close_stream(stream)


def _produce(
    committer: Committer, pages: list[EntityBatch], producers: int
) -> tuple[float, list[float]]:
    """Seconds for all pages, and of each from submitted to durable."""

    def one_by_one(own: list[EntityBatch]) -> list[float]:
        took = []
        for page in own:
            begin = time.perf_counter()
            submit(committer, lambda _seq, _at, page=page: [page]).result()
            took.append(time.perf_counter() - begin)
        return took

    with ThreadPoolExecutor(producers) as pool:
        shares = [pages[number::producers] for number in range(producers)]
        begin = time.perf_counter()
        late = [each for took in pool.map(one_by_one, shares) for each in took]
        return time.perf_counter() - begin, late


def _alike(batch: list[Draft]) -> EntityBatch:
    """The same events, as a page gives them."""
    held = [(each.id or "", each.hash or "", each.body or b"") for each in batch]
    form = attrs.evolve(batch[0], id=None, hash=None, body=None)
    return EntityBatch(form, *(list(part) for part in zip(*held, strict=True)))


def _made(events: list[Draft] | list[EntityBatch], at: dict[str, str]) -> list[bytes]:
    """The lines of a batch."""
    lines: list[bytes] = []
    for each in events:
        if isinstance(each, EntityBatch):
            lines.append(encode_entity_batch(each, first_seq=1000000, **at))
        else:
            lines.append(encode(each, seq=1000000, **at))
    return lines


def make_segment(root: Path, megabytes: int) -> tuple[SegmentName, Path]:
    """An open segment of about so many megabytes, and a copy of it aside."""
    stream = open_stream(root, SOURCE, WRITER, segment_bytes=1 << 40)
    number = 0
    while stream.segment is None or stream.segment.size < megabytes * 1_000_000:
        batch = [draft(number + k) for k in range(2000)]
        number += 2000
        append(stream, [lambda _seq, _at, batch=batch: batch])
    name = stream.segment.name
    close_stream(stream)
    copy = root / "copy.ndjson"
    copy.write_bytes(open_path(root, name).read_bytes())
    return name, copy


def bench_seal(root: Path, name: SegmentName, copy: Path) -> None:
    """Sealing (compress, read back, manifest, fsyncs) against the zstd program."""
    size = copy.stat().st_size / 1e6
    ours, theirs, tools = [], [], []
    for number in range(5):
        if number:
            open_path(root, name).write_bytes(copy.read_bytes())
            for path in (
                sealed_path(root, name),
                *root.glob(f"log/**/{name.hour}-*.manifest.json"),
            ):
                path.unlink()
        ours.append(rounds(lambda: seal(root, name, None), 1))
        packed = root / "copy.zst"
        command = ["zstd", "-3", "-q", "-f", str(copy), "-o", str(packed)]
        theirs.append(rounds(lambda command=command: subprocess.run(command, check=True), 1))
        same = f"zstd -3qf '{copy}' -o '{packed}' && zstd -dcq '{packed}' | sha256sum"
        same += f" && sha256sum '{packed}' && wc -l '{copy}'"
        shell = ["sh", "-c", same]
        tools.append(
            rounds(lambda shell=shell: subprocess.run(shell, check=True, capture_output=True), 1)
        )
    mine, other, those = (
        Took(median(each.wall for each in took), median(each.cpu for each in took))
        for took in (ours, theirs, tools)
    )
    base = f"zstd -3 {size / other.wall:.0f} MB/s (cpu ratio {other.cpu / mine.cpu:.2f})"
    say("seal", f"{size / mine.wall:.0f} MB/s", base, other.wall / mine.wall, ">= 0.8")
    base = f"the same by tools {size / those.wall:.0f} MB/s (cpu ratio {those.cpu / mine.cpu:.2f})"
    say("  and read back, hashed, counted", "", base, those.wall / mine.wall, "")


def bench_read(root: Path, name: SegmentName, copy: Path) -> None:
    """Scanning sealed frames, and records through log and tail."""
    size = copy.stat().st_size / 1e6
    path = sealed_path(root, name)
    rows = sum(block.count(b"\n") for block in segment_blocks(root, name))
    pipe = ["sh", "-c", f"zstd -dcq '{path}' | wc -l"]
    theirs = rounds(lambda: subprocess.run(pipe, check=True, capture_output=True))
    # Lines are counted once on either side: a block was counted when it was checked.
    ours = rounds(lambda: sum(len(block) for block in segment_blocks(root, name)))
    base = f"zstd -dc | wc -l {size / theirs.wall:.0f} MB/s (cpu ratio {theirs.cpu / ours.cpu:.2f})"
    ratio = theirs.wall / ours.wall
    say("scan a sealed segment", f"{size / ours.wall:.0f} MB/s", base, ratio, ">= 0.7")
    seconds = rounds(lambda: sum(1 for _ in read_events(root)), 3).wall
    say("records through log", f"{rows / seconds:,.0f} lines/s", "", None, ">= 300,000")
    wanted = Select(types=frozenset({"none"}))
    seconds = rounds(lambda: sum(1 for _ in read_events(root, wanted)), 3).wall
    say("log --type none (frames skipped)", f"{rows / seconds:,.0f} lines/s", "", None, "")
    wanted = Select(patterns=("openrouter/model/12*",))
    seconds = rounds(lambda: sum(1 for _ in read_events(root, wanted)), 1).wall
    say("log with a glob over ids", f"{rows / seconds:,.0f} lines/s", "", None, "")
    seconds = rounds(lambda: sum(1 for _ in follow(root, {}, idle=lambda: False)), 3).wall
    say("records through tail", f"{rows / seconds:,.0f} lines/s", "", None, ">= 300,000")
    (extent,) = extents(root, SOURCE, WRITER)
    places = [random.Random(n).randrange(1, extent.last_seq or 1) for n in range(30)]
    times = [rounds(lambda seq=seq: read_at(root, name, seq), 1).wall for seq in places]
    worst = f"{median(times) * 1e3:.1f} ms, worst {max(times) * 1e3:.1f} ms"
    say(f"one event of a {size:.0f} MB segment", worst, "", None, "< 10 ms")


def bench_tail(root: Path) -> None:
    """From durable append to the tail's hands."""
    stream = open_stream(root, SOURCE, WRITER)
    append(stream, [lambda _seq, _at: [draft(0)]])
    durable: dict[int, float] = {}
    late: list[float] = []
    done = threading.Event()

    def show() -> None:
        for record in follow(root, end_of(root), idle=lambda: not done.is_set()):
            late.append(time.perf_counter() - durable.get(record.seq, time.perf_counter()))

    reader = threading.Thread(target=show)
    reader.start()
    time.sleep(0.3)
    for number in range(200):
        (made,) = append(stream, [lambda _seq, _at, number=number: [draft(number)]])
        durable[made.last.seq] = time.perf_counter()
        time.sleep(0.005)
    time.sleep(0.2)
    done.set()
    reader.join()
    close_stream(stream)
    p99 = quantiles(late, n=100)[98]
    say(
        "tail, durable to shown",
        f"p50 {median(late) * 1e3:.1f}, p99 {p99 * 1e3:.1f} ms",
        "",
        None,
        "p99 < 50 ms",
    )


_PEAK = (
    "import re,sys;from pathlib import Path;"
    "peak=lambda:int(re.search(r'VmHWM:\\s+(\\d+)',Path('/proc/self/status').read_text())[1])//1024;"
    "root=Path(sys.argv[1]);"
)
_READING = (
    _PEAK + "from eventlog.read.reader import read_events;n=sum(1 for r in read_events(root));"
    "print(peak())"
)
_SEALING = (
    _PEAK + "from eventlog.write.seal import seal;from eventlog.format.paths import parse_segment;"
    "before=peak();seal(root,parse_segment(sys.argv[2]),None);print(before,peak())"
)


def _told(code: str, *given: object) -> list[str]:
    """What a process of its own says."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", code, *map(str, given)]
    found = subprocess.run(command, env=env, capture_output=True, check=True, text=True)
    return found.stdout.split()


def bench_memory(root: Path, name: SegmentName, copy: Path) -> None:
    """Reading all of it, in a process of its own, against reading nothing; sealing it."""
    (empty,), (full,) = _told(_READING, root / "nothing"), _told(_READING, root)
    say("memory of reading it all", f"{full} MiB", f"reading nothing {empty} MiB", None, "constant")
    aside = root / "again"
    open_path(aside, name).parent.mkdir(parents=True)
    open_path(aside, name).write_bytes(copy.read_bytes())
    before, peak = _told(_SEALING, aside, name)
    size = copy.stat().st_size // 1_000_000
    say(f"memory of sealing {size} MB", f"{peak} MiB", f"before {before} MiB", None, "constant")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=64, help="size of the segment read")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in ("append", "commit", "big", "tail"):
            (root / part).mkdir()
        bench_append(root / "append")
        bench_commit(root / "commit")
        name, copy = make_segment(root / "big", given.megabytes)
        bench_seal(root / "big", name, copy)
        bench_read(root / "big", name, copy)
        bench_memory(root / "big", name, copy)
        bench_tail(root / "tail")


if __name__ == "__main__":
    main()
