"""`status`: the state of each source and of the views, schema drift, the output on a terminal."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.commands.archive.status import collect_status
from cli.commands.archive.status_screen import screen_lines, views_text
from cli.program import cli
from eventlog.clock import DAY, HOUR, format_short, now_us, parse_us
from eventlog.files.writer_ids import FETCH, writer_id
from eventlog.format.event import Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.update.update import update
from tests.cli.making import hindlog as in_process
from tests.cli.making import new_archive
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

FACTS = ("now", "success", "events", "errors", "log")


def hindlog(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "cli.main", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_recent_drift_is_counted_with_the_command_that_shows_it(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text("")
    now = now_us()
    pages = [
        Page(at, [Seen("model", "a", body)], f"r{at}", "/models", 1, True)
        for at, body in (
            (now - 20 * DAY, {"name": "A"}),
            (now - 10 * DAY, {"name": "A", "old": 1}),
            (now - HOUR, {"name": "A", "old": 1, "links": {}}),
        )
    ]
    write_log(tmp_path, "openrouter", "0a0b0c0d", pages)
    update(tmp_path, definitions=chosen("openrouter.models", "log.drift"))
    output = hindlog(tmp_path, "status")

    (line,) = [text for text in output.splitlines() if text.startswith("drift\t")]
    count, _, command = line.removeprefix("drift\t").partition(": ")
    assert count == "1 path in 7 days"
    assert "/links" in hindlog(tmp_path, *shlex.split(command)[1:]).splitlines()[1]
    (drift,) = json.loads(hindlog(tmp_path, "status", "--json"))["views"]["drift"]
    assert (drift["path"], drift["change"], drift["types"]) == ("/links", "new", ["object"])


def state_at(root: Path, now: int) -> dict[str, Any]:
    """Returns what `status` prints at an instant, as a value."""
    with cli.make_context("hindlog", ["status"]):
        return collect_status(root, now)


def test_status_shows_segments_events_and_next_run_of_each_source(shared: Path) -> None:
    now = parse_us("2026-11-01T02:10:00Z")
    civitai, openrouter = state_at(shared, now)["sources"]

    assert [civitai[key] for key in ("source", "open", "sealed", "missing", "lost")] == [
        *("civitai", 1, 2, 0, 0)
    ]
    assert [openrouter[key] for key in ("source", "open", "sealed")] == ["openrouter", 0, 3]
    assert (civitai["events_24h"], openrouter["events_24h"]) == (6, 8)
    assert (civitai["events_per_hour"], openrouter["events_per_hour"]) == (2.8, 3.7)
    assert (openrouter["last_event"], openrouter["ago"]) == (
        *("2026-11-01T02:01:00Z", "9 minutes ago"),
    )
    assert (civitai["next_run"], openrouter["next_run"]) == (
        *("2026-11-01T03:05:00Z", "2026-11-01T02:30:00Z"),
    )
    sizes = [path.stat().st_size for path in (shared / "log/openrouter").rglob("*.zst")]
    assert openrouter["bytes"] == sum(sizes)


def test_status_counts_only_the_events_of_the_last_day(shared: Path) -> None:
    later = parse_us("2026-11-02T01:30:00Z")

    assert [source["events_24h"] for source in state_at(shared, later)["sources"]] == [2, 2]


def test_status_shows_position_and_lag_of_the_views(shared: Path, empty: Path) -> None:
    now = parse_us("2026-11-01T04:02:00Z")

    assert state_at(shared, now)["views"] == {
        "position": "2026-11-01T02:01:00Z",
        "lag": "2 hours ago",
        "behind": None,
        "drift": [],
    }
    nothing = {"position": None, "lag": None, "behind": None, "drift": []}
    assert state_at(empty, now)["views"] == nothing
    assert in_process("status", at=empty).out.splitlines()[-3:-1] == [
        "views\tnot built yet: hindlog view update",
        "drift\t0 paths in 7 days",
    ]


def test_status_counts_failed_pages_and_shows_the_last_run(empty: Path) -> None:
    now = now_us()
    stream = open_stream(empty, "civitai", "0a0b0c0d", clock=lambda: now)
    drafts = [
        Draft(kind="run", run="r1", members={"state": "created"}),
        Draft(kind="page_failed", run="r1", members={"status": 500}),
        Draft(kind="anomaly", run="r1", members={"why": "odd"}),
        Draft(kind="run", run="r1", members={"state": "failed"}),
    ]
    append(stream, [lambda _seq, _at: drafts], now)
    close_stream(stream)
    civitai = state_at(empty, now)["sources"][0]

    assert civitai["errors_24h"] == 2
    assert civitai["last_run_state"] == "r1: failed"
    assert state_at(empty, now + 2 * DAY)["sources"][0]["errors_24h"] == 0


def test_notes_of_a_segment_that_cannot_be_read_do_not_end_status(empty: Path) -> None:
    now = now_us()
    for hour in (now - 2 * HOUR, now):
        stream = open_stream(empty, "civitai", "0a0b0c0d", clock=lambda hour=hour: hour)
        ended = Draft(kind="run", run=f"r{hour}", members={"state": "partial", "why": "it rained"})
        append(stream, [lambda _seq, _at, ended=ended: [ended]], hour)
        close_stream(stream, seal_open=True)
    first, _ = sorted((empty / "log" / "civitai").rglob("*.zst"))
    first.unlink()
    notes = state_at(empty, now)["sources"][0]["notes_24h"]

    assert notes[0] == f"r{now}: it rained"
    assert notes[1].startswith("earlier notes cannot be read: ")
    assert len(notes) == 2


def test_a_disabled_source_has_no_next_run(archive: Path) -> None:
    (archive / "hindlog.toml").write_text("[source.civitai]\nenabled = false\n")
    done = in_process("status", "--json", at=archive)

    assert [source["next_run"] is None for source in done.json()["sources"]] == [True, False]
    assert done.json()["archive"] == str(archive)


def test_averages_are_over_the_time_for_which_there_are_events(shared: Path) -> None:
    _, openrouter = state_at(shared, parse_us("2026-11-01T04:00:00Z"))["sources"]
    _, later = state_at(shared, parse_us("2026-11-05T00:00:00Z"))["sources"]

    assert (openrouter["events_24h"], openrouter["events_per_hour"]) == (8, 2.0)
    assert openrouter["bytes_per_day"] == openrouter["bytes"], "a day that has just begun"
    assert later["bytes_per_day"] == openrouter["bytes"] // 4
    assert (later["events_24h"], later["events_per_hour"]) == (0, 0.0)


def test_hours_without_data_are_counted_from_the_first_one_on(shared: Path) -> None:
    def missing(at: str) -> list[int]:
        sources = state_at(shared, parse_us(at))["sources"]
        return [source["hours_without_data_24h"] for source in sources]

    assert missing("2026-11-01T03:10:00Z") == [0, 0]
    assert missing("2026-11-01T05:10:00Z") == [2, 2]
    assert missing("2026-11-03T00:10:00Z") == [24, 24]


def test_status_names_what_runs_what_is_queued_and_what_is_left_of_a_backfill(empty: Path) -> None:
    now = now_us()
    stream = open_stream(empty, "civitai", writer_id(empty, FETCH, "here"), clock=lambda: now)
    drafts = [
        Draft(kind="run", run="r0", members={"state": "completed"}),
        Draft(kind="run", run="r1", members={"state": "created", "listing": "models"}),
        Draft(
            kind="run",
            run="r2",
            members={
                "state": "created",
                "listing": "images",
                "priority": -1000,
                "entities_before": 20000,
            },
        ),
    ]
    append(stream, [lambda _seq, _at: drafts], now)
    in_process("fetch", "list", at=empty)
    running = state_at(empty, now)
    close_stream(stream)
    civitai = running["sources"][0]

    assert (civitai["queued"], civitai["backfill"]) == (1, {"images": 20000})
    assert civitai["service"]["pid"] == os.getpid()
    assert civitai["last_success"] == format_short(now)
    assert f"(process {os.getpid()}), 1 queued, backfill of images at 20,000" in "\n".join(
        screen_lines(running, 200, now)
    )
    assert state_at(empty, now)["sources"][0]["service"] is None


def test_a_source_that_is_disabled_and_not_in_the_log_is_one_fact(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "a", "[source.civitai]\nenabled = false\n")

    lines = in_process("status", at=root, terminals=["stdout"]).out.splitlines()

    assert lines[:3] == ["civitai", "  unused   not scheduled", ""]
    assert [line.split()[0] for line in lines[3:9]] == ["openrouter", *FACTS]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_status_is_one_screen_of_any_width(
    shared: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    lines = in_process("status", at=shared, terminals=["stdout"]).out.splitlines()

    assert len(lines) <= 24
    assert max(map(len, lines)) <= width
    assert [line.split()[0] for line in lines if line] == [
        *(word for name in ("civitai", "openrouter") for word in (name, *FACTS)),
        *("views", "drift", "disk"),
    ]


def test_status_says_how_far_the_views_are_behind_the_log(archive: Path) -> None:
    write_log(archive, "openrouter", "0c0c0c0c", [Page(hours(5), [], "r5", "/models", 1, True)])
    now = parse_us("2026-11-01T05:10:00Z")
    views = state_at(archive, now)["views"]

    assert (views["position"], views["behind"]) == ("2026-11-01T02:01:00Z", "3 h")
    assert views_text(views) == ("3 h behind, up to 2026-11-01T02:01:00Z: hindlog view update")


def test_json_is_one_object_and_other_formats_have_a_row_per_source(
    shared: Path, tmp_path: Path
) -> None:
    by_flag, by_format = (
        in_process("status", *words, at=shared).json() for words in (("--json",), ("-F", "json"))
    )
    rows = in_process("status", "-F", "csv", at=shared).out.splitlines()
    file = tmp_path / "status.csv"

    assert set(by_flag) == set(by_format) == {"archive", "sources", "mirror", "views", "disk"}
    assert (len(rows), rows[0].split(",")[0]) == (3, "source")
    assert in_process("status", "-o", file, at=shared).raw == b""
    assert len(file.read_text().splitlines()) == 3


def test_watching_needs_a_terminal(shared: Path) -> None:
    piped = in_process("status", "--watch", at=shared)
    as_json = in_process("status", "--watch", "--json", at=shared, terminals=["stdout"])

    assert (piped.code, as_json.code) == (2, 2)
    assert "--watch needs a terminal" in piped.err
