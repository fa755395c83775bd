"""Made-up archives for the benchmark of the mirror, and a bucket with the records of 105,120.

Nothing is fsynced. Bodies are like those of real APIs: zstd compresses them to a quarter.
"""

import random
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import synthetic
from synthetic import FAST, T0

from eventlog.clock import HOUR, SECOND, format_us
from eventlog.files.writer_ids import FETCH
from eventlog.format.event import ENTITY, Draft
from eventlog.format.manifest import Content, Frame, Manifest, digest, encode_manifest
from eventlog.format.paths import SegmentName, manifest_path, sealed_path, segment_at
from eventlog.mirror.bucket.names import RecordObject, RollUpObject
from eventlog.mirror.bucket.record import SEALED_LINK, CommitRecord, Link, encode_record
from eventlog.mirror.bucket.rollup import join_records
from eventlog.write.writer import append, close_stream, open_stream, roll

POOL = 2_000
"""Number of different images. A frame has at most 500 of them, so that none repeats in it."""
IMAGES_PER_BODY = 50
RATIO = 4.4
"""Bytes of events for each byte of a sealed file, about."""
ARCHIVE_ID = "0123456789abcdef"
STREAMS = tuple((source, writer) for source in ("a", "b") for writer in ("1a2b3c4d", "feedbee5"))
PUSHER = "aa000001"


def make_archive(root: Path, segments: int, size: int) -> None:
    """Writes a stream with sealed segments of about `size` bytes each, one an hour."""
    (root / "log").mkdir(parents=True)
    bodies, instant = _bodies(), [T0]
    stream = open_stream(
        root, "civitai", "c1c1c1c1", clock=lambda: instant[0], disk=FAST, segment_bytes=1 << 40
    )
    for hour in range(segments):
        instant[0] = T0 + hour * HOUR
        left = int(size * RATIO)
        while left > 0:
            batch = [next(bodies) for _ in range(min(10, left // 100_000 + 1))]
            append(stream, [lambda _seq, _at, batch=batch: batch])
            left -= sum(len(draft.body or b"") for draft in batch)
        roll(stream)
    close_stream(stream)


def _bodies() -> Iterator[Draft]:
    """Yields entities of 100 kB, for ever."""
    chance = random.Random(1)
    images = [synthetic.image(number, chance)[1] for number in range(POOL)]
    drafts = [
        Draft(
            kind=ENTITY,
            run="r1",
            type="image",
            shape="list",
            id=str(start),
            hash="c1:" + "0" * 32,
            body=b"[" + b",".join(images[start : start + IMAGES_PER_BODY]) + b"]",
        )
        for start in range(0, POOL, IMAGES_PER_BODY)
    ]
    return cycle(drafts)


def make_large_archive(root: Path, bucket: Path, segments: int) -> None:
    """Writes manifests of four streams with empty sealed files, and the records of all of them.

    `bucket`: folder of the store, which gets its id, the records and the roll-ups only. One
    record an hour. The archive does not know that everything is committed.
    """
    root.mkdir(parents=True)
    records: list[bytes] = []
    previous: dict[tuple[str, str], str] = {}
    for hour in range(segments // len(STREAMS)):
        links = []
        for source, writer in STREAMS:
            name = segment_at(source, writer, T0 + hour * HOUR, 0)
            data = encode_manifest(_manifest(name, hour, previous.get((source, writer))))
            previous[source, writer] = digest(data)
            links.append(Link(SEALED_LINK, FETCH, "0" * 16, data.decode()))
            _write(manifest_path(root, name), data)
            _write(sealed_path(root, name), b"")
        last = digest(records[-1]) if records else None
        records.append(_record(hour, last, tuple(links)))
    _write(root / "log" / "archive.json", b'{"archive":"%s"}\n' % ARCHIVE_ID.encode())
    _write_records(bucket, records)


def _manifest(name: SegmentName, hour: int, previous: str | None) -> Manifest:
    first = format_us(T0 + hour * HOUR + SECOND)
    counts = {"entity": 100}
    return Manifest(
        format=1,
        segment=str(name),
        rows=100,
        first_seq=hour * 100 + 1,
        last_seq=hour * 100 + 100,
        first_observed_at=first,
        last_observed_at=first,
        raw=Content(200_000, digest(f"raw {name}".encode())),
        zst=Content(50_000, digest(f"zst {name}".encode())),
        longest_line_bytes=2_000,
        kinds=counts,
        types={"image": 100},
        frames=(Frame(0, 50_000, 200_000, 100, counts, {"image": 100}),),
        previous=previous,
    )


def _record(number: int, previous: str | None, links: tuple[Link, ...]) -> bytes:
    at = format_us(T0 + (number + 1) * HOUR)
    return encode_record(
        CommitRecord(1, ARCHIVE_ID, PUSHER, number, previous, at, "host:/archive", links, ())
    )


def _write_records(bucket: Path, records: list[bytes]) -> None:
    created = format_us(T0).encode()
    content = b'{"format":1,"archive":"%s","created":"%s"}\n' % (ARCHIVE_ID.encode(), created)
    _write(bucket / "hindlog.json", content)
    for number, data in enumerate(records):
        _write(bucket / str(RecordObject(PUSHER, number)), data)
    frames = []
    for first in range(0, len(records) // 64 * 64, 64):
        frames.append(join_records(records[first : first + 64]) or b"")
        _write(bucket / str(RollUpObject(PUSHER, first, 64)), frames[-1])
    for first in range(0, len(records) // 4096 * 4096, 4096):
        joined = b"".join(frames[first // 64 : (first + 4096) // 64])
        _write(bucket / str(RollUpObject(PUSHER, first, 4096)), joined)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
