"""Commands that read answer the same from the folder and with its sealed files in the mirror.

Every command of the program is in one of the tables below; a test fails if one is missing.
"""

import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import pytest

from cli.program import cli
from eventlog.files.listing import list_segments
from eventlog.stores.memory import memory_store
from eventlog.stores.opening import OPENERS
from eventlog.stores.store import Store, StoreSettings
from tests.cli.making import copy_archive, damage, hindlog
from tests.eventlog.stores.places import new_name
from tests.extent import few_or_all

A, SEGMENT = "openrouter/model/x/a", "openrouter/2026-11-01/00-0a0b0c0d-000"
READING = {
    "log": [("log",), ("log", "--reverse", "-n", "2"), ("log", "--since", "2026-11-01T01:30")],
    "tail": [("tail", "-n", "9")],
    "show": [("show", A), ("show", A, "--as-of", "2026-11-01T00:30")],
    "history": [("history", A, "--json")],
    "diff": [("diff", A, "2026-11-01T00:30", "now", "--json")],
    "changes": [("changes", "--since", "2026-10-01", "--json")],
    "gaps": [("gaps", "--since", "2026-10-01", "--json")],
    "sql": [
        ("sql", "FROM openrouter.models ORDER BY ALL"),
        ("sql", "FROM log.sightings ORDER BY ALL"),
    ],
    "segment cat": [("segment", "cat", SEGMENT)],
    "segment response": [("segment", "response", SEGMENT, "1")],
    "fetch list": [("fetch", "list")],
    "view list": [("view", "list", "--json")],
    "view show": [("view", "show", "openrouter.models")],
}
"""Commands that read events, with arguments."""
BUILDING = {
    "view check": [("view", "check", "openrouter.models")],
    "view rebuild": [
        ("view", "rebuild", "openrouter.models"),
        ("sql", "FROM openrouter.models ORDER BY ALL"),
    ],
}
"""Commands that build views from all events."""
REPORTING = {"segment list", "status", "verify", "doctor"}
"""Commands that report absent segments."""
OTHERS = {
    *("completion", "config check", "config paths", "config show", "demo", "init", "simulate"),
    *("fetch add", "fetch cancel", "fetch clean", "fetch import", "fetch probe", "fetch replay"),
    *(
        "export",
        "help",
        "fetch retry",
        "fetch run",
        "prune",
        "repair",
        "segment seal",
        "sync check",
        "sync pull",
    ),
    *("fetch sources", "sync push", "view diff", "view update"),
}
"""Commands that write or read no sealed segment, or read them as one of the first table does."""


def commands_of(command: click.Command, *path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands_of(child, *path, name)
    else:
        yield " ".join(path)


@pytest.fixture(params=["file", pytest.param("memory", marks=pytest.mark.slow)])
def pushed(
    shared: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of the shared archive, and everything sealed of it in a mirror."""
    root = copy_archive(shared, tmp_path / "archive")
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    monkeypatch.setenv("HINDLOG_MIRROR_URL", f"file://{bucket}")
    if request.param == "memory":
        name = new_name()

        @asynccontextmanager
        async def opened(_rest: str, _settings: StoreSettings) -> AsyncGenerator[Store, None]:
            yield memory_store(name)

        monkeypatch.setitem(OPENERS, "file", opened)
    assert hindlog("sync", "push", at=root).code == 0
    return root


def remove_sealed(root: Path) -> int:
    """Removes the sealed files and the cache. Returns the number of sealed segments."""
    paths = list((root / "log").rglob("*.zst"))
    for path in paths:
        path.unlink()
    shutil.rmtree(root / "cache", ignore_errors=True)
    return sum(files.is_sealed for files in list_segments(root))


def test_every_command_is_in_a_table() -> None:
    assert {*READING, *BUILDING, *REPORTING, *OTHERS} == set(commands_of(cli))


@pytest.mark.parametrize(
    ("table", "fetching"), [(READING, 5), pytest.param(BUILDING, 2, marks=pytest.mark.slow)]
)
def test_reading_commands_print_the_same_bytes_without_the_sealed_files(
    pushed: Path, table: dict[str, list[tuple[str, ...]]], fetching: int
) -> None:
    if table is BUILDING and not (pushed.parent / "bucket" / "log").exists():
        pytest.skip("building takes long; where objects come from does not matter to it")
    chosen = (few_or_all(variants[:1], variants) for variants in table.values())
    calls = [words for variants in chosen for words in variants]
    before = [hindlog(*words, at=pushed) for words in calls]
    assert {done.code for done in before} <= {0, 6}, [done.err for done in before if done.code]
    fetched = 0
    for words, expected in zip(calls, before, strict=True):
        remove_sealed(pushed)
        done = hindlog(*words, at=pushed)
        assert (done.code, done.raw) == (expected.code, expected.raw), words
        fetched += (pushed / "cache").exists()
    assert fetched >= fetching


def test_absent_segments_are_reported_and_no_damage(pushed: Path) -> None:
    count = remove_sealed(pushed)

    states = {
        row["segment"]: row["state"]
        for row in hindlog("segment", "list", "--json", at=pushed).json()
    }
    assert sorted(states.values()) == ["absent"] * count + ["open"] * (len(states) - count)
    done = hindlog("verify", at=pushed)
    assert (done.code, done.out) == (0, "")
    assert f"in the mirror only: {count} segments: hindlog sync pull" in done.err
    assert f"; in the mirror only: {count}" in hindlog("doctor", at=pushed).out
    sources = hindlog("status", "--json", at=pushed).json()["sources"]
    assert [sum(source[key] for source in sources) for key in ("absent", "missing")] == [count, 0]
    screen = hindlog("status", at=pushed, terminals=("stdout",)).out
    assert " in the mirror only" in screen


def test_a_lost_ledger_is_restored_from_the_mirror(pushed: Path) -> None:
    lines = hindlog("log", at=pushed).raw
    remove_sealed(pushed)
    shutil.rmtree(pushed / "state")

    assert hindlog("verify", at=pushed).code == 0
    shutil.rmtree(pushed / "state")
    assert hindlog("log", at=pushed).raw == lines
    assert (pushed / "state" / "mirror" / "ledger.json").exists()
    assert "nothing to push" in hindlog("sync", "push", at=pushed).err


def test_a_mirror_that_is_gone_or_not_configured_is_named(
    pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (tmp_path / "bucket" / "hindlog.json").exists():
        pytest.skip("a store in memory cannot vanish")
    remove_sealed(pushed)
    (tmp_path / "bucket").rename(tmp_path / "away")

    done = hindlog("segment", "cat", SEGMENT, at=pushed)
    assert done.code == 2 and "no such folder; needs 1 segment from the mirror" in done.err
    assert "mirror.url must name the mirror: hindlog config show" in done.err
    shutil.rmtree(pushed / "state")
    done = hindlog("verify", at=pushed)
    assert done.code == 4 and "is not known, since there is no ledger: " in done.err
    monkeypatch.delenv("HINDLOG_MIRROR_URL")
    done = hindlog("segment", "cat", SEGMENT, at=pushed)
    assert done.code == 4 and "no mirror: mirror.url is not set" in done.err


def test_other_bytes_in_the_mirror_are_damage(pushed: Path, tmp_path: Path) -> None:
    path = tmp_path / "bucket" / "log" / f"{SEGMENT}.ndjson.zst"
    if not path.exists():
        pytest.skip("a store in memory cannot be damaged")
    remove_sealed(pushed)
    damage(path)

    done = hindlog("segment", "cat", SEGMENT, at=pushed)
    assert done.code == 4 and "expected" in done.err and str(path) in done.err
    assert not list((pushed / "cache").rglob("*.zst"))
