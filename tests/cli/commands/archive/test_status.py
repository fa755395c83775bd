"""`status`: the state of each source and of the views, schema drift, the output on a terminal."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from cli.commands.archive.status import collect_status
from cli.program import cli
from eventlog.clock import DAY, HOUR, now_us, parse_us
from eventlog.format.event import Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.update.update import update
from tests.cli.making import hindlog as in_process
from tests.projector.logs import Page, Seen, write_log
from tests.projector.projections import chosen


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
    assert count == "1 in 7 days"
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
    assert (civitai["events_per_hour"], openrouter["events_per_hour"]) == (0.2, 0.3)
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
        "drift": [],
    }
    assert state_at(empty, now)["views"] == {"position": None, "lag": None, "drift": []}
    assert in_process("status", at=empty).out.splitlines()[-2:] == [
        "views\tnot built yet: hindlog view update",
        "drift\t0 in 7 days",
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


def test_status_on_a_terminal_prints_titles(shared: Path) -> None:
    out = in_process("status", "--color", "never", at=shared, terminals=["stdout"]).out

    assert "views up to: 2026-11-01T02:01:00Z, " in out
    assert "new, retyped or vanished paths: 0 in 7 days\n" in out
    assert "\n\nviews up to" in out
