"""`changes`: the rows of the feed, its range and its patterns."""

from pathlib import Path

import pytest

from eventlog.format.line_header import line_header
from projector import kept_answers
from projector.query import change_feed
from projector.update.update import update
from tests.cli.making import hindlog, new_archive
from tests.projector.few import make_archive
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen

A = "openrouter/model/x/a"
DAY = ("--since", "2026-11-01")


def entities(*arguments: str, at: Path) -> list[str]:
    return [f"{row[1]} {row[2]}" for row in hindlog("changes", *arguments, at=at).rows[1:]]


def test_changes_prints_every_change_of_a_range_oldest_first(shared: Path) -> None:
    assert entities(*DAY, "openrouter", at=shared) == [
        "openrouter/model/x/a appeared",
        "openrouter/model/x/b appeared",
        "openrouter/model/x/c appeared",
        "openrouter/model/x/a changed",
        "openrouter/model/x/b gone",
        "openrouter/model/x/b back",
        "openrouter/model/x/c gone",
    ]


def test_since_of_changes_is_inclusive_and_until_is_exclusive(shared: Path) -> None:
    middle = ("--since", "2026-11-01T01", "--until", "2026-11-01T02", "openrouter")
    done = hindlog("changes", *middle, at=shared)

    assert [row[0] for row in done.rows[1:]] == ["2026-11-01T01:00:00Z"] * 2
    assert done.err == "since 2026-11-01T01:00:00Z\nuntil 2026-11-01T02:00:00Z\n"
    assert hindlog("changes", at=shared).rows[1:] == []
    assert "since" in hindlog("changes", at=shared).err


def test_unchanged_views_are_asked_once_whether_anything_changed(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "SETTLED_US", 0)
    since = ("--since", "2026-11-01T03")
    computed = [hindlog("changes", *since, *more, at=archive) for more in ((), ("--fields",))]
    with monkeypatch.context() as patch:
        patch.setattr(change_feed, "entity_changes", None)
        later = hindlog("changes", "--since", "2026-11-01T04", "openrouter/*", at=archive)
        kept = [hindlog("changes", *since, *more, at=archive) for more in ((), ("--fields",))]

    assert kept == computed
    assert [len(done.rows) for done in (*computed, later)] == [1, 1, 1]
    assert "gone" in hindlog("changes", *DAY, at=archive).out  # since an earlier instant
    write_log(archive, "openrouter", "0b0b0b0b", [Page(hours(5), [Seen("model", "y", {"id": 1})])])
    update(archive, definitions=chosen("openrouter.models", "log.sightings"))
    assert entities(*since, "openrouter/model/y", at=archive) == ["openrouter/model/y appeared"]


def test_a_change_lists_its_paths_and_with_fields_every_value(shared: Path) -> None:
    middle = ("--since", "2026-11-01T01", "--until", "2026-11-01T02", A)
    folded = hindlog("changes", *middle, "--json", at=shared).json()
    fields = hindlog("changes", *middle, "--fields", at=shared).rows

    assert folded == [
        {
            "changed_at": "2026-11-01T01:00:00Z",
            "entity": A,
            "change": "changed",
            "paths": ["/name", "/pricing/prompt"],
        }
    ]
    assert fields[0] == ["changed_at", "entity", "change", "path", "kind", "old", "new"]
    assert [row[2:] for row in fields[1:]] == [
        ["changed", "/name", "replace", '"A"', '"A2"'],
        ["changed", "/pricing/prompt", "replace", '"0.25"', '"0.5"'],
    ]


def test_the_patterns_of_changes_are_those_of_log(shared: Path) -> None:
    def selected(command: str, pattern: str) -> set[str]:
        done = hindlog(command, *DAY, pattern, at=shared)
        if command == "changes":
            return {row[1] for row in done.rows[1:]}
        heads = (line_header(line) for line in done.raw.splitlines())
        return {f"{head.source}/{head.type}/{head.id}" for head in heads if head.kind == "entity"}

    for pattern in ("openrouter", "civitai/model", A, "openrouter/model/x/*", "*/x/?", "*[a]*"):
        assert selected("changes", pattern) == selected("log", pattern)
    assert selected("changes", "openrouter/model/x") == selected("log", "openrouter/model/x")
    assert len(selected("changes", "*/x/?")) == 3


def test_telemetry_and_waves_are_printed_only_if_requested(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive")
    pages = [
        Page(hours(n), [item(k, n) for k in range(12)], f"r{n}", "/models", 1, True)
        for n in range(2)
    ]
    make_archive(root, "openrouter", pages, "openrouter.models")

    def changed(*options: str) -> list[str]:
        done = hindlog("changes", "--since", "2026-11-01T01", *options, at=root)
        return sorted({row[3] for row in done.rows[1:]})

    assert changed() == []
    assert changed("--telemetry") == ['["/benchmarks/x"]']
    assert changed("--waves") == ['["/added"]']
    assert changed("--telemetry", "--waves") == ['["/added","/benchmarks/x"]', '["/added"]']


def item(number: int, hour: int) -> Seen:
    """A model that gets `added` in hour 1, like all others; the one of `x/0` is rated anew."""
    rating = {"benchmarks": {"x": hour if number == 0 else 0}}
    body = {"id": f"x/{number}", "name": "M"} | rating | ({"added": 1} if hour else {})
    return Seen("model", f"x/{number}", body)


def test_changes_without_views_prints_only_the_next_command(empty: Path) -> None:
    done = hindlog("changes", *DAY, at=empty)

    assert (done.code, done.raw) == (6, b"")
    assert "hindlog view update" in done.err
