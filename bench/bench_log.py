"""The event log against what the machine can do, in the same run.

    python bench/bench_log.py [--megabytes 64]

Each line shows a figure, its baseline, the ratio of the two, and the target. Figures are
medians of several rounds: machines are noisy, ratios within one run less so.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from measuring import READ_PEAK, Elapsed, measure, report, run_python, sized
from synthetic import PER_PAGE, make_batches, make_draft, to_entity_batch

from eventlog.format.event import Draft, EntityBatch
from eventlog.format.event_codec import encode, encode_entity_batch
from eventlog.format.paths import SegmentName, open_path, sealed_path
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_event_in, read_events
from eventlog.read.segment_lines import segment_blocks
from eventlog.read.seq_ranges import seq_ranges
from eventlog.read.tail import end_of, follow
from eventlog.write.seal import seal
from eventlog.write.writer import append, close_stream, open_stream
from fetcher.record.journal import Journal, append_batch, close_journal, open_journal

SOURCE, WRITER = "openrouter", "1a2b3c4d"
ENVELOPE = {"source": SOURCE, "writer": WRITER, "observed_at": "2026-11-21T05:00:00.000000Z"}
READ_ALL = (
    READ_PEAK
    + """
import sys
from eventlog.read.reader import read_events

sum(1 for _ in read_events(Path(sys.argv[1])))
print(peak())
"""
)
"""Program text that reads a log, then prints its peak memory in MiB."""
SEAL = (
    READ_PEAK
    + """
import sys
from eventlog.format.paths import parse_segment
from eventlog.write.seal import seal

before = peak()
seal(Path(sys.argv[1]), parse_segment(sys.argv[2]), None)
print(before, peak())
"""
)
"""Program text that seals a segment, then prints its peak memory before and after, in MiB."""


def encode_all(events: list[Draft] | list[EntityBatch]) -> list[bytes]:
    """Returns the lines of a batch."""
    return [
        encode_entity_batch(event, first_seq=1000000, **ENVELOPE)
        if isinstance(event, EntityBatch)
        else encode(event, seq=1000000, **ENVELOPE)
        for event in events
    ]


def bench_append(root: Path) -> None:
    """Batches of 200, each durable before the next, against the bare system calls.

    `one page` is what the crawler appends: entities that differ only in id, hash and body.
    In `one by one` each event has an envelope of its own. The baseline writes the same bytes;
    the difference is mostly the encoding, which is reported in µs of CPU time.
    """
    batches = make_batches(sized(40, 2))
    pages = [[to_entity_batch(batch)] for batch in batches]
    stream = open_stream(root, SOURCE, WRITER)
    append(stream, [lambda _seq, _at: batches[0]])
    handle = os.open(root / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for name, forms, target in (("one page", pages, ">= 0.6"), ("one by one", batches, "-")):
        ours, bare, encoding = [], [], []
        for events, page in [*zip(forms, pages, strict=True)] * sized(5, 1):
            data = b"".join(encode_all(page))
            encoding.append(measure(lambda events=events: encode_all(events), 1).cpu)
            work = measure(lambda events=events: append(stream, [lambda _s, _a: events]), 1)
            ours.append(work.wall)
            bare.append(measure(lambda data=data: _write_durably(handle, data), 1).wall)
        rate, speed = PER_PAGE / median(ours), len(data) / median(ours) / 1e6
        baseline = f"write+fsync {median(bare) * 1e6:.0f} µs; encoding {median(encoding) * 1e6:.0f}"
        figure = f"{rate:,.0f} events/s, {speed:.0f} MB/s"
        ratio = median(bare) / median(ours)
        report(f"append 200, {name}, fsynced", figure, baseline, ratio, target)
    close_stream(stream)


def _write_durably(handle: int, data: bytes) -> None:
    os.write(handle, data)
    os.fsync(handle)


def bench_commit(root: Path) -> None:
    """Group commit: each producer waits until its batch of 200 is durable before the next one.

    The baseline writes and fsyncs each batch by itself, with the same bytes.
    """
    pages = [to_entity_batch(batch) for batch in make_batches(sized(80, 8))]
    data = [b"".join(encode_all([page])) for page in pages]
    handle = os.open(root / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    journal, runner = open_journal(root, SOURCE, WRITER), asyncio.Runner()
    for producers, target in ((1, "-"), (8, ">= 0.6")):
        bare, ours, delays = [], [], []
        for _ in range(sized(7, 1)):
            work = measure(lambda: [_write_durably(handle, lines) for lines in data], 1)
            bare.append(work.wall)
            seconds, some_delays = runner.run(_produce(journal, pages, producers))
            ours.append(seconds)
            delays += some_delays
        rate = PER_PAGE * len(pages) / median(ours)
        speed = sum(map(len, data)) / median(ours) / 1e6
        p50, p99 = median(delays) * 1e3, quantiles(delays, n=100)[98] * 1e3
        baseline = f"write+fsync each {median(bare) / len(pages) * 1e6:.0f} µs;"
        baseline += f" ours p50 {p50:.2f}, p99 {p99:.2f} ms"
        name = f"group commit, {producers} producer{'s' * (producers > 1)}"
        figure = f"{rate:,.0f} events/s, {speed:.0f} MB/s"
        report(name, figure, baseline, median(bare) / median(ours), target)
    runner.close()
    close_journal(journal)


async def _produce(
    journal: Journal, pages: list[EntityBatch], producers: int
) -> tuple[float, list[float]]:
    """Returns the seconds for all pages, and for each page from submitted to durable."""

    delays: list[float] = []

    async def record_in_turn(share: list[EntityBatch]) -> None:
        for page in share:
            begin = time.perf_counter()
            await append_batch(journal, lambda _seq, _at, page=page: [page])
            delays.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    await asyncio.gather(*(record_in_turn(pages[number::producers]) for number in range(producers)))
    return time.perf_counter() - begin, delays


def make_segment(root: Path, megabytes: int) -> tuple[SegmentName, Path]:
    """Makes an open segment of about that size; returns its name and a copy of its file."""
    stream = open_stream(root, SOURCE, WRITER, segment_bytes=1 << 40)
    number = 0
    while stream.segment is None or stream.segment.size < megabytes * 1_000_000:
        batch = [make_draft(number + k) for k in range(2000)]
        number += 2000
        append(stream, [lambda _seq, _at, batch=batch: batch])
    name = stream.segment.name
    close_stream(stream)
    copy = root / "copy.ndjson"
    copy.write_bytes(open_path(root, name).read_bytes())
    return name, copy


def bench_seal(root: Path, name: SegmentName, copy: Path) -> None:
    """Sealing (compress, read back, manifest, fsyncs) against the zstd program."""
    size, packed = copy.stat().st_size / 1e6, root / "copy.zst"
    zstd = ["zstd", "-3", "-q", "-f", str(copy), "-o", str(packed)]
    script = f"zstd -3qf '{copy}' -o '{packed}' && zstd -dcq '{packed}' | sha256sum"
    script += f" && sha256sum '{packed}' && wc -l '{copy}'"
    ours, theirs, tools = [], [], []
    for number in range(sized(5, 2)):
        if number:
            open_path(root, name).write_bytes(copy.read_bytes())
            manifests = root.glob(f"log/**/{name.hour}-*.manifest.json")
            for path in (sealed_path(root, name), *manifests):
                path.unlink()
        ours.append(measure(lambda: seal(root, name, None), 1))
        theirs.append(measure(lambda: subprocess.run(zstd, check=True), 1))
        tools.append(measure(lambda: _run_shell(script), 1))
    own, other, same_work = (
        Elapsed(median(work.wall for work in works), median(work.cpu for work in works))
        for works in (ours, theirs, tools)
    )
    baseline = f"zstd -3 {size / other.wall:.0f} MB/s (cpu ratio {other.cpu / own.cpu:.2f})"
    figure = f"{size / own.wall:.0f} MB/s"
    report("seal", figure, baseline, other.wall / own.wall, ">= 0.8")
    cpu_ratio = same_work.cpu / own.cpu
    baseline = f"zstd, sha256sum, wc {size / same_work.wall:.0f} MB/s (cpu ratio {cpu_ratio:.2f})"
    report("  against the same work by tools", figure, baseline, same_work.wall / own.wall)


def _run_shell(script: str) -> None:
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)


def bench_read(root: Path, name: SegmentName, copy: Path) -> None:
    """Scan of a sealed segment, and lines through `log` and `tail`."""
    size = copy.stat().st_size / 1e6
    rows = sum(block.count(b"\n") for block in segment_blocks(root, name))
    script = f"zstd -dcq '{sealed_path(root, name)}' | wc -l"
    theirs = measure(lambda: _run_shell(script), 5)
    # Both sides count lines once: `segment_blocks` counts those of a block to check it.
    ours = measure(lambda: sum(len(block) for block in segment_blocks(root, name)), 5)
    speed, cpu_ratio = size / theirs.wall, theirs.cpu / ours.cpu
    baseline = f"zstd -dc | wc -l {speed:.0f} MB/s (cpu ratio {cpu_ratio:.2f})"
    ratio = theirs.wall / ours.wall
    report("scan a sealed segment", f"{size / ours.wall:.0f} MB/s", baseline, ratio, ">= 0.7")
    no_type, ids = Select(types=frozenset({"none"})), Select(patterns=("openrouter/model/12*",))
    for label, read, target in (
        ("lines through log", lambda: read_events(root), ">= 300,000"),
        ("log --type none (frames skipped)", lambda: read_events(root, no_type), "-"),
        ("log with a glob over ids", lambda: read_events(root, ids), "-"),
        ("lines through tail", lambda: follow(root, {}, idle=lambda: False), ">= 300,000"),
    ):
        seconds = measure(lambda read=read: sum(1 for _ in read()), 3).wall
        report(label, f"{rows / seconds:,.0f} lines/s", target=target)
    (extent,) = seq_ranges(root, SOURCE, WRITER)
    seqs = [random.Random(n).randrange(1, extent.last_seq or 1) for n in range(30)]
    times = [measure(lambda seq=seq: read_event_in(root, name, seq), 1).wall for seq in seqs]
    figure = f"{median(times) * 1e3:.1f} ms, worst {max(times) * 1e3:.1f} ms"
    report(f"one event of a {size:.0f} MB segment", figure, target="< 10 ms")


def bench_tail(root: Path) -> None:
    """Time from a durable append until `tail -f` yields the line."""
    for label, count, pause_s in (
        ("tail, durable to shown", sized(200, 20), 0.005),
        ("  if nothing happened for a second", sized(20, 2), 1.0),
    ):
        ms = [delay * 1e3 for delay in _delays(root / f"{count}", count, pause_s)]
        figure = f"p50 {median(ms):.1f}, p99 {quantiles(ms, n=100)[98]:.1f} ms"
        report(label, figure, target="p99 < 50 ms")


def _delays(root: Path, count: int, pause_s: float) -> list[float]:
    """Returns the seconds until each of `count` events is shown, appended with pauses."""
    stream = open_stream(root, SOURCE, WRITER)
    append(stream, [lambda _seq, _at: [make_draft(0)]])
    durable_at: dict[int, float] = {}
    delays: list[float] = []
    is_done = threading.Event()

    def read() -> None:
        for event in follow(root, end_of(root), idle=lambda: not is_done.is_set()):
            delays.append(time.perf_counter() - durable_at.get(event.seq, time.perf_counter()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(count):
        time.sleep(pause_s if number else max(0.3, pause_s))
        (appended,) = append(stream, [lambda _seq, _at, number=number: [make_draft(number)]])
        durable_at[appended.last.seq] = time.perf_counter()
    time.sleep(0.2)
    is_done.set()
    reader.join()
    close_stream(stream)
    return delays


def bench_memory(root: Path, name: SegmentName, copy: Path) -> None:
    """Peak memory of reading all events against reading none, and of sealing a segment."""
    (empty,), (full,) = run_python(READ_ALL, root / "nothing"), run_python(READ_ALL, root)
    report("memory of reading all events", f"{full} MiB", f"reading nothing {empty} MiB")
    unsealed = root / "unsealed"
    open_path(unsealed, name).parent.mkdir(parents=True)
    open_path(unsealed, name).write_bytes(copy.read_bytes())
    before, after = run_python(SEAL, unsealed, name)
    label = f"memory of sealing {copy.stat().st_size // 1_000_000} MB"
    report(label, f"{after} MiB", f"before {before} MiB", target="constant")


def main() -> None:
    """Runs all measurements in one temporary folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--megabytes", type=int, default=sized(64, 2), help="size of the segment that is read"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in ("append", "commit", "big", "tail"):
            (root / part).mkdir()
        bench_append(root / "append")
        bench_commit(root / "commit")
        name, copy = make_segment(root / "big", options.megabytes)
        bench_seal(root / "big", name, copy)
        bench_read(root / "big", name, copy)
        bench_memory(root / "big", name, copy)
        bench_tail(root / "tail")


if __name__ == "__main__":
    main()
