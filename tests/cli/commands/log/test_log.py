"""`log`: selection, order and format of events; exit code 4 if a segment is damaged."""

import json
from pathlib import Path

import orjson
import pytest

from tests.cli.conftest import WRITER
from tests.cli.making import damage, events, hindlog, spelled

SEGMENT = f"openrouter/2026-11-01/01-{WRITER}-000"


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ((), 14),
        (("--since", "2026-11-01T02"), 5 - 1),
        (("--since", "2026-11-01T02:01"), 1),
        (("--since", "2026-11-01T02:01:00.000001Z"), 0),
        (("--until", "2026-11-01T01"), 6),
        (("--until", "2026-11-01T02:01"), 13),
        (("--since", "2026-11-01T01", "--until", "2026-11-01T02"), 4),
        (("--kind", "gone"), 1),
        (("--kind", "gone", "--kind", "entity"), 8),
        (("-n", "3"), 3),
        (("--lines", "99"), 14),
        (("openrouter/model/x/a",), 2),
        (("openrouter/model/x/a", "civitai/model/*"), 5),
    ],
    ids=spelled,
)
def test_each_option_of_log_filters_events(
    shared: Path, arguments: tuple[str, ...], count: int
) -> None:
    done = hindlog("log", *arguments, at=shared)

    assert (done.code, len(events(done))) == (0, count)


def test_reverse_prints_the_latest_event_first_and_lines_limits_it(shared: Path) -> None:
    forwards, backwards = hindlog("log", at=shared), hindlog("log", "--reverse", at=shared)
    last = hindlog("log", "--reverse", "-n", "2", at=shared)

    assert backwards.raw.splitlines() == forwards.raw.splitlines()[::-1]
    assert last.raw.splitlines() == backwards.raw.splitlines()[:2]


def test_events_are_unmodified_lines_of_the_log_unless_another_format_is_named(
    shared: Path,
) -> None:
    plain = hindlog("log", "openrouter", at=shared)
    lines = b"".join(
        hindlog("segment", "cat", f"openrouter/2026-11-01/0{hour}-{WRITER}-000", at=shared).raw
        for hour in range(3)
    )
    array = hindlog("log", "openrouter", "--json", at=shared)

    assert plain.raw == lines
    assert hindlog("log", "openrouter", "-F", "ndjson", at=shared).raw == plain.raw
    assert array.raw == b"[\n" + b",\n".join(plain.raw.splitlines()) + b"\n]\n"
    assert hindlog("log", "--kind", "beat", "--json", at=shared).code == 2
    assert hindlog("log", "openrouter/model/nosuch", "--json", at=shared).json() == []


def test_a_table_of_events_has_one_readable_line_per_event(shared: Path) -> None:
    piped = hindlog("log", "-F", "table", "--kind", "gone", at=shared)
    shown = hindlog("log", "--kind", "gone", "--color", "never", at=shared, terminals=["stdout"])
    colored = hindlog("log", "--kind", "gone", at=shared, terminals=["stdout"])

    assert piped.out.split() == [*("2026-11-01", "02:01:00", "openrouter", "gone", "model/x/c")]
    assert shown.out == piped.out
    assert "\x1b[33m" in colored.out


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("e.ndjson", "{"),
        ("e.jsonl", "{"),
        ("e.log", "{"),
        ("e", "{"),
        ("e.json", "["),
        ("e.txt", "2"),
    ],
)
def test_the_suffix_of_a_file_of_events_decides_its_format(
    shared: Path, tmp_path: Path, name: str, first: str
) -> None:
    file = tmp_path / name
    done = hindlog("log", "-n", "2", "-o", file, at=shared, terminals=["stdout"])

    assert (done.code, done.raw) == (0, b"")
    assert file.read_text().startswith(first)


@pytest.mark.parametrize("format_", ["csv", "tsv", "markdown"])
def test_a_format_for_rows_is_refused_for_events_with_an_alternative(
    shared: Path, format_: str
) -> None:
    done = hindlog("log", "-F", format_, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"events as {format_}: expected ndjson, json or table" in done.err
    assert "hindlog sql 'FROM log.events' prints events as rows" in done.err


def test_statistics_count_events_and_bytes_by_source_kind_and_type(shared: Path) -> None:
    rows = hindlog("log", "--stats", "--json", at=shared).json()
    size = len(hindlog("log", at=shared).raw)

    assert [tuple(row.values())[:4] for row in rows] == [
        ("civitai", "entity", "model", 3),
        ("civitai", "page", "", 3),
        ("openrouter", "entity", "model", 4),
        ("openrouter", "gone", "model", 1),
        ("openrouter", "page", "", 3),
    ]
    assert sum(row["bytes"] for row in rows) == size
    late = hindlog("log", "--stats", "--since", "2026-11-01T02:01", at=shared).rows
    assert late[1:] == [["openrouter", "gone", "model", "1", late[1][4]]]


def test_a_damaged_segment_is_skipped_and_named_and_the_exit_code_is_4(
    archive: Path, tmp_path: Path
) -> None:
    damage(archive / "log" / f"{SEGMENT}.ndjson.zst")
    done = hindlog("log", at=archive)
    stats = hindlog("log", "--stats", at=archive)
    file = hindlog("log", "-o", tmp_path / "e.ndjson", at=archive)

    assert (done.code, stats.code, file.code) == (4, 4, 4)
    assert len(events(done)) == 12
    assert (tmp_path / "e.ndjson").read_bytes() == done.raw
    assert done.err.startswith(f"skipped, damaged: {archive}/log/{SEGMENT}")
    assert stats.err == file.err == done.err


@pytest.mark.parametrize("kind", ["entities", "", "Page"])
def test_log_refuses_an_unknown_kind(shared: Path, kind: str) -> None:
    done = hindlog("log", "--kind", kind, "--json", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"--kind {kind}: expected one of entity" in done.err
    assert json.loads(done.err.splitlines()[-1])["code"] == 2
    assert orjson.loads(done.err.splitlines()[-1])["hint"] is None
