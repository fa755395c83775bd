"""`tail` prints every event once, and its cursor never covers an event that is not printed."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.program import run
from eventlog.read.cursor import from_text
from eventlog.read.tail import end_of
from tests.cli.conftest import WRITER
from tests.cli.making import events, hindlog, new_archive, replaced, spelled, stream
from tests.projector.logs import Gone, hours, write_log

MANY = 600
"""Number of events: more than twice the number after which `tail` writes its cursor."""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of one stream of `MANY` events."""
    root = new_archive(tmp_path_factory.mktemp("long") / "archive")
    gone = [Gone(hours(0), "model", str(number)) for number in range(MANY)]
    write_log(root, "civitai", WRITER, gone)
    return root


class Reader(io.RawIOBase):
    """The reading end of a pipe; records the cursor file each time lines arrive."""

    def __init__(self, cursor: Path, leaves_after: int = MANY) -> None:
        self.cursor = cursor
        self.leaves_after = leaves_after
        self.lines = 0
        self.arrivals: list[tuple[int, int]] = []
        """For each arrival: the number of lines before it, and the seq in the cursor file."""

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        self.arrivals.append((self.lines, seq_in(self.cursor)))
        if self.leaves_after <= self.lines < MANY:
            raise BrokenPipeError
        self.lines += bytes(data).count(b"\n")
        return len(data)

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


def seq_in(cursor: Path) -> int:
    """Returns the seq up to which a cursor file covers the only stream; 0: no event."""
    marks = from_text(cursor.read_text().strip())
    return marks["civitai", WRITER].seq if marks else 0


def read_by(reader: Reader, *arguments: str | Path) -> int:
    """Runs `tail` with a stdout that reaches the reader only when it is flushed."""
    out = io.TextIOWrapper(io.BufferedWriter(reader, 1 << 20), encoding="utf-8")
    with replaced(stream(), out, stream()):
        code = run(["tail", *map(str, arguments), "--cursor-file", str(reader.cursor)])
    reader.leaves_after = MANY  # so that closing the buffer does not raise
    return code


@pytest.mark.parametrize("options", [(), ("--count", "300"), ("--count", "512")])
def test_the_cursor_is_written_after_the_lines_it_covers_and_before_the_next(
    long: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    reader = Reader(tmp_path / "cursor")
    code = read_by(reader, "-C", long, "--from", "beginning", *options)

    expected = int(options[1]) if options else MANY
    assert (code, reader.lines) == (0, expected)
    assert reader.arrivals == [(lines, lines) for lines in range(0, expected, 256)]
    assert seq_in(reader.cursor) == expected


def test_after_the_reader_closes_the_pipe_the_cursor_covers_only_delivered_lines(
    long: Path, tmp_path: Path
) -> None:
    reader = Reader(tmp_path / "cursor", leaves_after=256)
    code = read_by(reader, "-C", long, "--from", "beginning")

    assert (code, set(reader.arrivals)) == (0, {(0, 0), (256, 256)})
    assert seq_in(reader.cursor) == 256


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_stdout_is_named_also_before_a_flush(long: Path, tmp_path: Path) -> None:
    err = stream()
    with open("/dev/full", "w") as out, replaced(stream(), out, err):  # noqa: PTH123
        code = run(["-C", str(long), "tail", "-n", "600"])

    assert code == 8
    assert err.buffer.getvalue().startswith(b"hindlog: stdout: ")  # type: ignore[attr-defined]


def test_without_options_the_last_ten_events_are_printed(long: Path, shared: Path) -> None:
    assert [event["seq"] for event in events(hindlog("tail", at=long))] == list(range(591, 601))
    assert [event["seq"] for event in events(hindlog("tail", "-n", "2", at=long))] == [599, 600]
    assert hindlog("tail", "-n", "0", at=long).raw == b""
    assert len(events(hindlog("tail", "--lines", "99", at=shared))) == 14


def test_the_last_lines_are_unmodified_lines_of_the_log(shared: Path) -> None:
    tailed = hindlog("tail", "-n", "99", at=shared)
    logged = hindlog("log", at=shared)

    assert tailed.raw == logged.raw
    assert tailed.err == ""


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("--from", "beginning", "--count", "3"), 3),
        (("--count", "3"), 3),
        (("--count", "12"), 10),
        (("-n", "2", "--count", "12"), 2),
        (("-n", "5", "--count", "1"), 1),
        (("--from", "end"), 0),
        (("--from", "beginning"), 14),
        (("--from", "2026-11-01T02"), 4),
        (("--from", "2026-11-01T02:00:00.000001Z"), 1),
        (("--from", "2026-11-01T02", "--kind", "page"), 2),
        (("--from", "beginning", "--kind", "page", "--kind", "gone"), 7),
        (("--from", "beginning", "--kind", "page", "--count", "2"), 2),
        (("--from", "beginning", "openrouter/model/x/c"), 2),
        (("--from", "beginning", "--kind", "entity", "openrouter/model/x/a", "civitai/*"), 5),
        (("-n", "2", "--kind", "entity"), 2),
    ],
    ids=spelled,
)
def test_each_option_of_tail_filters_events(
    shared: Path, arguments: tuple[str, ...], count: int
) -> None:
    done = hindlog("tail", *arguments, at=shared)

    assert (done.code, len(events(done))) == (0, count)


def test_lines_counts_only_matching_events_and_count_alone_limits_them(shared: Path) -> None:
    last = events(hindlog("tail", "-n", "1", "--kind", "entity", "openrouter/*", at=shared))
    bounded = events(hindlog("tail", "--count", "2", at=shared))

    assert [event["id"] for event in last] == ["x/a"]
    assert [event["kind"] for event in bounded] == ["page", "gone"]


def test_a_cursor_as_text_continues_after_its_event(long: Path, tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    hindlog("tail", "--from", "beginning", "--count", "590", "--cursor-file", file, at=long)
    text = file.read_text().strip()

    assert text.startswith("h1.")
    assert [e["seq"] for e in events(hindlog("tail", "--from", text, at=long))] == list(
        range(591, 601)
    )
    assert events(hindlog("tail", "-n", "3", "--cursor-file", file, at=long))[0]["seq"] == 591
    assert from_text(file.read_text().strip()) == end_of(long)


def test_tail_without_a_start_writes_the_end_of_the_log_as_its_cursor(
    long: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cursor"
    done = hindlog("tail", "-n", "3", "--cursor-file", file, at=long)

    assert len(events(done)) == 3
    assert from_text(file.read_text().strip()) == end_of(long)
    assert [path.name for path in tmp_path.iterdir()] == ["cursor"]
    assert hindlog("tail", "--cursor-file", file, at=long).raw == b""


def test_events_that_do_not_match_move_the_cursor_too(long: Path, tmp_path: Path) -> None:
    file = tmp_path / "cursor"
    done = hindlog("tail", "--from", "beginning", "--kind", "page", "--cursor-file", file, at=long)

    assert (done.code, done.raw) == (0, b"")
    assert from_text(file.read_text().strip()) == end_of(long)


def test_a_cursor_of_another_log_is_refused_with_its_file(
    long: Path, shared: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cursor"
    hindlog("tail", "--from", "end", "--cursor-file", file, at=long)
    text = file.read_text()
    done = hindlog("tail", "--cursor-file", file, at=shared)
    by_option = hindlog("tail", "--from", text.strip(), at=shared)

    assert (done.code, done.raw, file.read_text()) == (2, b"", text)
    assert done.err.startswith(f"hindlog: {file}: cursor of civitai")
    assert "; to start over, remove the file\n" in done.err
    assert (by_option.code, by_option.raw) == (2, b"")
    assert by_option.err.startswith("hindlog: cursor of civitai")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "h1.x"), "cursor"),
        (("--from", "2026-13-01"), "2026-13-01"),
        (("--count", "0"), "--count"),
        (("--kind", "nothing"), "expected one of entity"),
    ],
)
def test_tail_refuses_invalid_arguments(
    shared: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = hindlog("tail", *arguments, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err


def test_on_a_terminal_an_event_is_one_readable_line(shared: Path) -> None:
    plain = hindlog("tail", "-n", "2", "--color", "never", at=shared, terminals=["stdout"])
    colored = hindlog("tail", "-n", "2", at=shared, terminals=["stdout"])
    piped = hindlog("tail", "-n", "2", "--color", "always", at=shared)

    assert plain.out.splitlines()[1].split() == [
        *("2026-11-01", "02:01:00", "openrouter", "gone", "model/x/c")
    ]
    assert "\x1b" not in plain.out
    assert "\x1b[33m" in colored.out
    assert b"\x1b" not in piped.raw


@pytest.mark.parametrize("options", [("-f",), ("--follow", "--count", "2")], ids=spelled)
def test_tail_with_follow_prints_appended_events_and_exits_with_0(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    root = new_archive(tmp_path / "archive")
    write_log(root, "civitai", WRITER, [Gone(hours(0), "model", "1")], seal=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "-C", str(root), "tail", *options],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    write_log(root, "civitai", WRITER, [Gone(hours(0), "model", "2")], seal=False)
    second = process.stdout.readline()
    if "--count" not in options:
        process.send_signal(signal.SIGTERM)

    assert (b'"id":"1"' in first, b'"id":"2"' in second) == (True, True)
    assert process.wait(60) == 0
    process.stdout.close()


def test_a_cursor_file_takes_precedence_over_from_with_a_message(
    long: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cursor"
    fresh = hindlog("tail", "--from", "end", "--cursor-file", file, at=long)
    again = hindlog("tail", "--from", "beginning", "--cursor-file", file, at=long)

    assert (fresh.raw, again.raw, fresh.err) == (b"", b"", "")
    assert again.err == f"continuing from the cursor in {file}; --from is ignored\n"
    assert hindlog("tail", "--cursor-file", file, at=long).err == ""


def test_the_last_of_follow_and_no_follow_wins(shared: Path) -> None:
    assert hindlog("tail", "--follow", "--no-follow", at=shared).code == 0
