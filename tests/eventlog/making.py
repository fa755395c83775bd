"""Helpers of the tests of the log: a clock that is set by hand, drafts, small logs."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs
import duckdb
from hypothesis import strategies as st

from eventlog.body.encode_body import embed
from eventlog.catalog.day import FolderStamp, FolderTimes, folder_stamp
from eventlog.clock import HOUR, MINUTE, SECOND, parse_us
from eventlog.files.disk import REAL, Disk
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.format.paths import SegmentName
from eventlog.read.cursor import Cursor
from eventlog.read.reader import read_events
from eventlog.read.tail import follow
from eventlog.write.writer import Stream, append, close_stream, open_stream, roll, wait_sealed

SOURCE = "openrouter"
WRITER = "1a2b3c4d"
OTHER = "feedbee5"
START = parse_us("2026-11-21T05:00:00Z")

__all__ = ["HOUR", "MINUTE", "SECOND"]


@attrs.define
class ManualClock:
    """A clock that is set by hand."""

    at: int = START

    def __call__(self) -> int:
        return self.at


def settle(root: Path, second: int = 1) -> None:
    """Makes all folders of a log look unchanged since that second of 1970, for `MTIMES`."""
    for folder in [root / "log", *(root / "log").glob("*"), *(root / "log").glob("*/*-*-*")]:
        if folder.is_dir():
            os.utime(folder, (second, second))


def _stamp_of_mtime(folder: str) -> FolderStamp | None:
    stamp = folder_stamp(folder)
    return FolderStamp(stamp.mtime_ns, stamp.mtime_ns) if stamp else None


MTIMES = FolderTimes(stamp=_stamp_of_mtime)
"""Timestamps that can be set to any instant, unlike `ctime`."""


def disk_with(**functions: object) -> Disk:
    """Returns the real disk with some of its functions replaced."""
    return attrs.evolve(REAL, **functions)  # type: ignore[arg-type]


def recording_disk(steps: list[str]) -> Disk:
    """Returns the real disk; each change adds an operation and the name of a file to `steps`."""
    names: dict[int, str] = {}

    def recorded(operation: str) -> Callable[..., object]:
        def call(subject: int | Path, *rest: object) -> object:
            done = getattr(REAL, operation)(subject, *rest)
            if operation == "open_append":
                names[done] = subject.name if isinstance(subject, Path) else ""
            target = rest[0] if rest and isinstance(rest[0], Path) else subject
            name = target.name if isinstance(target, Path) else names[target]  # type: ignore[index]
            steps.append(f"{operation} {name}")
            return done

        return call

    changes = ("open_append", "write", "fsync", "truncate", "close")
    names_changed = ("rename", "link", "unlink", "sync_dir")
    return disk_with(**{each: recorded(each) for each in (*changes, *names_changed)})


def entity(number: int, size: int = 20, type_: str = "model") -> Draft:
    """Returns an entity with a body of about `size` bytes."""
    body = b'{"id":%d,"text":"%s"}' % (number, b"x" * size)
    return Draft(kind=ENTITY, type=type_, id=str(number), shape="list", hash="c1:0", body=body)


def body_of(raw: bytes, name: str = "1") -> Draft:
    """Returns an entity with this body, embedded as the fetcher does."""
    embedded = embed(raw)
    return Draft(
        kind=ENTITY,
        type="model",
        id=name,
        shape="list",
        repaired=embedded.repaired,
        body_raw=embedded.body_raw,
        body=embedded.body,
    )


def page(**members: object) -> Draft:
    """Returns a page without roster."""
    return Draft(
        kind=PAGE, endpoint="/models", members={"url": "http://x/", "status": 200} | members
    )


def put(stream: Stream, *drafts: Draft, at: int | None = None) -> None:
    """Appends a batch of these drafts."""
    append(stream, [lambda _seq, _at: list(drafts)], observed_at=at)


def opened(
    root: Path,
    clock: ManualClock | None = None,
    *,
    writer: str = WRITER,
    source: str = SOURCE,
    disk: Disk = REAL,
    segment_bytes: int = 1 << 28,
) -> Stream:
    """Opens a stream with a clock that is set by hand."""
    return open_stream(
        root, source, writer, clock=clock or ManualClock(), disk=disk, segment_bytes=segment_bytes
    )


def write_log(
    root: Path,
    batches: Iterable[Sequence[Draft]],
    *,
    writer: str = WRITER,
    source: str = SOURCE,
    seal: bool = True,
    clock: ManualClock | None = None,
    step: int = SECOND,
) -> SegmentName:
    """Writes a segment of these batches, `step` apart; sealed by default. Returns its name."""
    clock = clock or ManualClock()
    stream = opened(root, clock, writer=writer, source=source)
    for drafts in batches:
        put(stream, *drafts)
        clock.at += step
    assert stream.segment is not None
    name = stream.segment.name
    close_stream(stream, seal_open=seal)
    return name


def write_hours(root: Path, hours: int, rows: int, **kind: str) -> list[SegmentName]:
    """Writes `hours` sealed hours with `rows` entities each. Returns the names of the segments."""
    clock = ManualClock()
    stream = opened(root, clock, **kind)
    for hour in range(hours):
        for row in range(rows):
            put(stream, entity(hour * rows + row))
            clock.at += SECOND
        clock.at = START + (hour + 1) * HOUR
        roll(stream)
        wait_sealed(stream)
    close_stream(stream)
    return [each.name for each in list_segments(root)]


def files_of(root: Path) -> dict[str, bytes]:
    """Returns the content of every visible file of the log, by name."""
    log = root / "log"
    return {
        path.relative_to(log).as_posix(): path.read_bytes()
        for path in sorted(log.rglob("*"))
        if path.is_file() and "/." not in path.as_posix().removeprefix(log.as_posix())
    }


def logged_seqs(root: Path) -> list[int]:
    """Returns the seqs of all events, in the total order."""
    return [record.seq for record in read_events(root)]


def duckdb_rows(path: Path) -> list[tuple[int, str | None]]:
    """Returns the seq and the body of each line of a segment, as DuckDB reads them."""
    columns = "{seq: 'BIGINT', kind: 'VARCHAR', body_raw: 'VARCHAR', body: 'JSON'}"
    with duckdb.connect() as db:
        return db.execute(
            f"SELECT seq, body FROM read_json(?, format = 'newline_delimited', "
            f"columns = {columns}, maximum_object_size = 33554432) ORDER BY seq",
            [str(path)],
        ).fetchall()


HOSTILE = [
    b'"\\ud800"',
    b'{"a":"\\ude00x"}',
    b'{"a":"\xff\xfe"}',
    b'{"a":NaN,"b":-Infinity}',
    b'{"a":"\x00\x01\x1f"}',
    b"[" * 3000 + b"]" * 3000,
    b"[" * 256 + b"]" * 256,
    b"[" * 257 + b"]" * 257,
    b'{"a":' * 300 + b"1" + b"}" * 300,
    b'{"a":1,"a":2}',
    b'{"n":1234567890123456789012345}',
    b'{"n":-0,"m":1e400,"k":1.10}',
    b'\xef\xbb\xbf{"a":1}',
    b'{\r\n  "a": [\n1,\n2]\n}',
    b"<html>\n<body>502</body></html>\n",
    b'{"a":"torn',
    b"",
    b" ",
    b"null",
    b"\t0",
    b'{"a":1} ',
    b"\n",
    b"\x00" * 512,
    '{"line":"\u2028\u2029\x85 é😀"}'.encode(),
    b'{"a":"\\u0000"}',
    b'{"a":"\\/"}',
]
"""Bodies that break a careless archive, one defect each."""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
blanks = st.text(alphabet=" \t\r\n", max_size=2)


@st.composite
def spelled(draw: st.DrawFn, value: object) -> str:
    """Draws a JSON spelling of a value: white space, escapes and the order of members vary."""
    blank = draw(blanks)
    match value:
        case dict():
            items = draw(st.permutations(list(value.items())))
            inner = ",".join(
                f"{draw(blanks)}{draw(spelled(key))}:{draw(spelled(member))}"
                for key, member in items
            )
            return f"{blank}{{{inner}}}{blank}"
        case list():
            inner = ",".join(draw(spelled(member)) for member in value)
            return f"{blank}[{inner}]{blank}"
        case str():
            text = "".join(_escaped(char, draw(st.booleans())) for char in value)
            return f'{blank}"{text}"{blank}'
        case True | False | None:
            return {True: "true", False: "false", None: "null"}[value]
        case _:
            return f"{blank}{value!r}{blank}"


def _escaped(char: str, escape: bool) -> str:
    if not escape and char not in '"\\' and ord(char) >= 0x20:
        return char
    pairs = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[n] << 8 | pairs[n + 1]:04x}" for n in range(0, len(pairs), 2))


def tail_seqs(root: Path, start: Cursor | None = None, since: int | None = None) -> list[int]:
    """Returns the seqs that a tail yields until it is idle."""
    return [r.seq for r in follow(root, start or {}, since=since, idle=lambda: False)]
