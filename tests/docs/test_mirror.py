"""The page about the mirror is correct: its commands run, in order, against a real server."""

import asyncio
import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.stores.opening import open_store
from tests.cli.making import NO_SOURCES, damage, hindlog, new_archive
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour
from tests.eventlog.mirror.exports.exporting import write_export
from tests.object_store.server import KEYS, ObjectServer

PAGE = (Path(__file__).parents[2] / "docs" / "mirror.md").read_text()
SECTIONS = re.findall(r"^##? ([^\n]*)\n(.*?)(?=^##? |\Z)", PAGE, re.M | re.S)
EXIT_CODE = re.compile(r"# exits with (\d+)$")
ADDRESS = "s3://archive/hindlog"


def blocks_of(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def filled_in(line: str, server: ObjectServer) -> str:
    """Returns a line with the address and the keys of the test server."""
    names = {"PUSH": "test:pusher", "READ": "test:reader", "PRUNE": "test:pruner"}
    line = line.replace("https://ACCOUNT.r2.cloudflarestorage.com", server.url())
    for name, key in names.items():
        line = line.replace(f"{name}_KEY", key).replace(f"{name}_SECRET", KEYS[key])
    return line.replace("SEGMENT", DAMAGED)


def run_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a line as a shell would: `hindlog …`, or `export NAME=VALUE`."""
    match = EXIT_CODE.search(line)
    words = [os.path.expandvars(word) for word in shlex.split(line, comments=True)]
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        monkeypatch.setenv(name, value)
    elif words[0] == "hindlog":
        done = hindlog(*words[1:])
        assert done.code == (int(match[1]) if match else 0), f"{line}\n{done.out}\n{done.err}"
    else:
        assert words == ["date", "--utc"]


DAMAGED = f"{SOURCE}/2026-11-21/05-{WRITER}-000"


def free_file(_server: ObjectServer) -> None:
    next(Path("copy").rglob("*.ndjson.zst")).unlink()


def export(_server: ObjectServer) -> None:
    write_export(Path("data"), "prices", {"models.parquet": b"rows"})


def lose_disk(_server: ObjectServer) -> None:
    shutil.rmtree("data")


def lose_state(_server: ObjectServer) -> None:
    shutil.rmtree("data/state")


def damage_segment(_server: ObjectServer) -> None:
    [path] = Path("data").rglob(f"05-{WRITER}-000.ndjson.zst")
    damage(path)


def delete_last(server: ObjectServer, prefix: str) -> None:
    """Deletes the last object below a prefix."""

    async def delete() -> None:
        async with open_store(ADDRESS, server.settings()) as store:
            names = [entry.name async for entry in store.list_after(prefix, "")]
            await store.delete(names[-1])

    asyncio.run(delete())


def roll_back(server: ObjectServer) -> None:
    """Deletes the last record. The next segment shows it."""
    delete_last(server, "mirror/")
    add_hour(Path("data"), 10, OTHER)


def copy_folder(_server: ObjectServer) -> None:
    """Both folders write: the original is pushed first."""
    shutil.copytree("data", "copied")
    add_hour(Path("data"), 20, OTHER)
    assert hindlog("sync", "push").code == 0
    add_hour(Path("copied"), 21, "0badcafe")


def seal_another(_server: ObjectServer) -> None:
    add_hour(Path("data"), 30, OTHER)


def make_other(_server: ObjectServer) -> None:
    add_hour(new_archive(Path("other")), 0, "0badf00d")


HAPPENED: dict[str, Callable[[ObjectServer], None]] = {
    "Files that are only in the mirror": free_file,
    "Exports": export,
    "The disk is lost": lose_disk,
    "The state is lost": lose_state,
    "A segment is damaged": damage_segment,
    "Objects are missing in the bucket": lambda server: delete_last(server, "log/"),
    "The bucket was rolled back": roll_back,
    "The folder was copied": copy_folder,
    "The bucket belongs to another archive": make_other,
    "The key is refused": seal_another,
}
"""What happens before the commands of a section are run."""


@pytest.mark.slow
def test_the_commands_of_the_page_run_in_order(
    tmp_path: Path, object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = new_archive(Path("data"), NO_SOURCES)
    for hour in range(3):
        add_hour(root, hour)
        add_hour(root, hour, OTHER)

    for title, text in SECTIONS:
        blocks = blocks_of(text)
        if title in HAPPENED:
            HAPPENED[title](object_server)
        for line in "".join(blocks).splitlines():
            run_line(filled_in(line, object_server), monkeypatch)


def test_every_section_of_the_recovery_is_in_its_table() -> None:
    recovery = PAGE.partition("# Recovery")[2]
    titles = re.findall(r"^## (.*)", recovery, re.M)
    assert set(HAPPENED) - set(titles) == {"Files that are only in the mirror", "Exports"}
    for title in titles:
        assert f"(#{title.lower().replace(' ', '-')})" in recovery
