"""`segment`: lists, prints and seals segments."""

from pathlib import Path

import pytest

from eventlog.clock import now_us
from eventlog.write.writer import close_stream, open_stream
from tests.cli.conftest import WRITER
from tests.cli.making import hindlog, new_archive
from tests.projector.logs import Gone, hours, write_log

OPEN = f"civitai/2026-11-01/02-{WRITER}-000"
SEALED = f"openrouter/2026-11-01/02-{WRITER}-000"


def listed(at: Path, *arguments: str) -> dict[str, dict[str, object]]:
    """Returns the rows of `segment list` by the name of the segment."""
    rows = hindlog("segment", "list", "--json", *arguments, at=at).json()
    return {row["segment"]: row for row in rows}


def test_list_prints_rows_seqs_times_and_sizes_of_open_and_sealed_segments(shared: Path) -> None:
    segments = listed(shared)

    assert list(segments) == sorted(segments)
    assert len(segments) == 6
    keys = ("state", "rows", "first_seq", "last_seq", "first_observed_at", "last_observed_at")
    first, last = "2026-11-01T02:00:00.000000Z", "2026-11-01T02:01:00.000000Z"
    assert [segments[OPEN][key] for key in keys] == ["open", 2, 5, 6, first, first]
    assert [segments[SEALED][key] for key in keys] == ["sealed", 2, 7, 8, first, last]
    assert segments[OPEN]["raw_bytes"] == (shared / "log" / f"{OPEN}.ndjson").stat().st_size
    assert segments[SEALED]["zst_bytes"] == (shared / "log" / f"{SEALED}.ndjson.zst").stat().st_size
    assert segments[OPEN]["zst_bytes"] is None


def test_list_with_source_prints_only_its_segments(shared: Path) -> None:
    assert {row["segment"][:7] for row in listed(shared, "--source", "civitai").values()} == {  # type: ignore[index]
        "civitai"
    }
    done = hindlog("segment", "list", "--source", "nosuch", at=shared)
    assert (done.code, done.raw) == (2, b"")
    assert "--source nosuch: expected one of civitai, openrouter" in done.err


def test_list_tells_missing_and_lost_segments_apart(archive: Path) -> None:
    (archive / "log" / f"{SEALED}.ndjson.zst").unlink()
    missing = listed(archive)[SEALED]["state"]
    (archive / "log" / f"{SEALED}.manifest.json").unlink()
    hindlog("repair", SEALED, "--accept-loss", at=archive)
    lost = listed(archive)

    assert missing == "missing"
    assert lost[SEALED]["state"] == "lost"
    assert (lost[SEALED]["first_seq"], lost[SEALED]["rows"]) == (7, None)
    assert SEALED not in listed(archive, "--source", "civitai")


def test_cat_prints_segments_unmodified_in_the_given_order(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared / "log")
    both = hindlog("segment", "cat", SEALED, OPEN)
    by_path = hindlog("segment", "cat", f"{SEALED}.ndjson.zst", shared / "log" / f"{OPEN}.ndjson")

    assert (both.code, both.err) == (0, "")
    assert both.raw.count(b"\n") == 4
    assert both.raw.endswith((shared / "log" / f"{OPEN}.ndjson").read_bytes())
    assert by_path.raw == both.raw


@pytest.mark.parametrize("name", ["no/such", "../x", "log"])
def test_cat_refuses_an_invalid_segment_name(shared: Path, name: str) -> None:
    done = hindlog("segment", "cat", name, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"segment {name!r}: expected a name as openrouter/" in done.err


def test_seal_seals_open_segments_and_a_second_call_none(archive: Path) -> None:
    first, second = (hindlog("segment", "seal", at=archive) for _ in range(2))

    assert (first.code, first.raw, second.code) == (0, b"", 0)
    assert first.err == "sealed 1 segment; 0 left open: their hour is not over\n"
    assert second.err == "sealed 0 segments; 0 left open: their hour is not over\n"
    assert listed(archive)[OPEN]["state"] == "sealed"


def test_seal_leaves_the_current_hour_open_without_all(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive")
    write_log(root, "civitai", WRITER, [Gone(now_us(), "model", "1")], seal=False)
    plain, every = hindlog("segment", "seal", at=root), hindlog("segment", "seal", "--all", at=root)

    assert plain.err == "sealed 0 segments; 1 left open: their hour is not over\n"
    assert every.err == "sealed 1 segment; 0 left open: their hour is not over\n"


def test_seal_skips_a_stream_that_is_being_written_and_exits_with_3(archive: Path) -> None:
    stream = open_stream(archive, "civitai", WRITER, clock=lambda: hours(2))
    try:
        done = hindlog("segment", "seal", "--all", at=archive)
    finally:
        close_stream(stream)

    assert (done.code, done.raw) == (3, b"")
    assert done.err.splitlines() == [
        "sealed 0 segments; 0 left open: their hour is not over",
        f"left open, a process is writing it: civitai, writer {WRITER}",
    ]
