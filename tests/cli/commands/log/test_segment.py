"""`segment`: what is listed, printed and sealed."""

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
    rows = hindlog("segment", "list", "--json", *arguments, at=at).json()
    return {row["segment"]: row for row in rows}


def test_list_gives_rows_seqs_times_and_sizes_of_open_and_sealed_segments(shared: Path) -> None:
    found = listed(shared)

    assert list(found) == sorted(found)
    assert len(found) == 6
    keys = ("state", "rows", "first_seq", "last_seq", "first_observed_at", "last_observed_at")
    first, last = "2026-11-01T02:00:00.000000Z", "2026-11-01T02:01:00.000000Z"
    assert [found[OPEN][key] for key in keys] == ["open", 2, 5, 6, first, first]
    assert [found[SEALED][key] for key in keys] == ["sealed", 2, 7, 8, first, last]
    assert found[OPEN]["raw_bytes"] == (shared / "log" / f"{OPEN}.ndjson").stat().st_size
    assert found[SEALED]["zst_bytes"] == (shared / "log" / f"{SEALED}.ndjson.zst").stat().st_size
    assert found[OPEN]["zst_bytes"] is None


def test_list_of_one_source_leaves_the_others_out(shared: Path) -> None:
    assert {row["segment"][:7] for row in listed(shared, "--source", "civitai").values()} == {  # type: ignore[index]
        "civitai"
    }
    done = hindlog("segment", "list", "--source", "nosuch", at=shared)
    assert (done.code, done.raw) == (2, b"")
    assert "--source nosuch: expected one of civitai, openrouter" in done.err


def test_list_says_what_is_missing_and_what_is_lost(archive: Path) -> None:
    (archive / "log" / f"{SEALED}.ndjson.zst").unlink()
    missing = listed(archive)[SEALED]["state"]
    (archive / "log" / f"{SEALED}.manifest.json").unlink()
    hindlog("repair", SEALED, "--accept-loss", at=archive)
    lost = listed(archive)

    assert missing == "missing"
    assert lost[SEALED]["state"] == "lost"
    assert (lost[SEALED]["first_seq"], lost[SEALED]["rows"]) == (7, None)
    assert SEALED not in listed(archive, "--source", "civitai")


def test_cat_prints_segments_as_written_one_after_the_other(
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
def test_cat_refuses_what_is_no_name_of_a_segment(shared: Path, name: str) -> None:
    done = hindlog("segment", "cat", name, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"segment {name!r}: expected a name as openrouter/" in done.err


def test_seal_closes_what_is_open_and_a_second_time_nothing(archive: Path) -> None:
    first, second = (hindlog("segment", "seal", at=archive) for _ in range(2))

    assert (first.code, first.raw, second.code) == (0, b"", 0)
    assert first.err == "1 sealed, 0 whose hour is not over left open\n"
    assert second.err == "0 sealed, 0 whose hour is not over left open\n"
    assert listed(archive)[OPEN]["state"] == "sealed"


def test_seal_leaves_the_present_hour_open_unless_all_is_requested(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive")
    write_log(root, "civitai", WRITER, [Gone(now_us(), "model", "1")], seal=False)
    plain, every = hindlog("segment", "seal", at=root), hindlog("segment", "seal", "--all", at=root)

    assert plain.err == "0 sealed, 1 whose hour is not over left open\n"
    assert every.err == "1 sealed, 0 whose hour is not over left open\n"


def test_seal_leaves_alone_what_a_process_writes_and_exits_with_3(archive: Path) -> None:
    stream = open_stream(archive, "civitai", WRITER, clock=lambda: hours(2))
    try:
        done = hindlog("segment", "seal", "--all", at=archive)
    finally:
        close_stream(stream)

    assert (done.code, done.raw) == (3, b"")
    assert done.err.splitlines() == [
        "0 sealed, 0 whose hour is not over left open",
        f"left alone, a process writes it: civitai, writer {WRITER}",
    ]
