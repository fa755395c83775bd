"""Every tampering with a bucket is detected: one test per kind, with exit code and message."""

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.files.writer_ids import FETCH, machine_name, writer_id
from eventlog.mirror.local.pusher import local_pusher
from tests.cli.making import damage, hindlog, new_archive
from tests.cli.mirror.making import mirrored_archive
from tests.eventlog.making import OTHER, SOURCE
from tests.eventlog.mirror.buckets import add_hour

CHECK = ("sync", "check")
READ = ("sync", "check", "--read", "1/1")


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `bucket` and the archive `a`, which was pushed twice."""
    folder = tmp_path_factory.mktemp("pushed")
    root = mirrored_archive(folder)
    for hour in (0, 1):
        add_hour(root, hour, writer_of(root))
        add_hour(root, hour, OTHER)
        assert hindlog("sync", "push", at=root).code == 0
    return folder


def writer_of(root: Path) -> str:
    """Returns the id of the archive's own writer. Copies on the same machine have it, too."""
    return writer_id(root, FETCH, machine_name(os.environ))


def new_hour(folder: Path, root: str, hour: int, rows: int = 2) -> None:
    """Writes an hour of the archive's own writer."""
    add_hour(folder / root, hour, writer_of(folder / root), rows)


@pytest.fixture
def folder(pushed: Path, tmp_path: Path) -> Iterator[Path]:
    """The same folder, as it is after the pushes; it keeps its path, which archives name."""
    shutil.copytree(pushed, tmp_path / "before")
    yield pushed
    shutil.rmtree(pushed)
    shutil.copytree(tmp_path / "before", pushed)


def in_bucket(folder: Path, pattern: str) -> Path:
    """Returns the last object of a pattern."""
    return sorted((folder / "bucket").glob(pattern))[-1]


def key(folder: Path, path: Path) -> str:
    return path.relative_to(folder / "bucket").as_posix()


def expect(folder: Path, words: tuple[str, ...], code: int, *texts: str, root: str = "a") -> None:
    """Asserts the exit code of a command, and what it prints."""
    done = hindlog(*words, at=folder / root)
    assert done.code == code, done.err
    for text in texts:
        assert text in done.out + done.err


def push_something(folder: Path, code: int, *texts: str) -> None:
    """Asserts what a push with something to push prints."""
    new_hour(folder, "a", 7)
    expect(folder, ("sync", "push"), code, *texts)


def init_new(folder: Path, code: int, *texts: str) -> None:
    """Asserts what a new machine prints."""
    done = hindlog("init", folder / "new", "--from", f"file://{folder}/bucket")
    assert done.code == code, done.err
    for text in texts:
        assert text in done.err


def test_nothing_is_found_in_a_good_bucket(folder: Path) -> None:
    clean = "10 objects committed, {} read; 0 missing, 0 different, 0 foreign, 0 in flight"

    expect(folder, CHECK, 0, clean.format(0))
    expect(folder, READ, 0, clean.format(10))


@pytest.mark.parametrize("pattern", ["log/*/*/*.zst", "log/*/*/*.manifest.json"])
def test_a_changed_byte(folder: Path, pattern: str) -> None:
    path = in_bucket(folder, pattern)
    damage(path)

    expect(folder, READ, 4, f"different\t{key(folder, path)}: ", "1 different")


def test_a_changed_byte_is_not_pulled(folder: Path) -> None:
    path = in_bucket(folder, "log/*/*/*.zst")
    damage(path)

    init_new(folder, 4, f"{key(folder, path)}: expected ", "nothing was replaced")


def test_a_deleted_segment(folder: Path) -> None:
    path = in_bucket(folder, "log/*/*/*.zst")
    path.unlink()

    expect(folder, CHECK, 4, f"missing\t{key(folder, path)}\n", "1 missing")
    init_new(folder, 3, f"missing in the bucket: {key(folder, path)}", "push again")


def test_a_deleted_last_record(folder: Path) -> None:
    path = in_bucket(folder, "mirror/*/*.json")
    path.unlink()
    message = f"{key(folder, path)}: rolled back: this record was committed, and is missing now"

    expect(folder, CHECK, 4, message)
    expect(folder, ("sync", "push"), 4, message)
    push_something(folder, 4, message, "the log here is complete")


def test_an_edited_last_record(folder: Path) -> None:
    path = in_bucket(folder, "mirror/*/*.json")
    edit(path)
    message = f"{key(folder, path)}: rolled back: this record was committed"

    expect(folder, CHECK, 4, message)
    push_something(folder, 4, message)


def test_an_edited_record_before_the_last(folder: Path) -> None:
    last = in_bucket(folder, "mirror/*/*.json")
    edit(last.with_name(last.name.replace("1", "0")))
    message = f"{key(folder, last)}: record 1 continues one with SHA-256 "

    expect(folder, CHECK, 4, message, "but the one before it has")
    init_new(folder, 4, message)


def edit(path: Path) -> None:
    data = (
        path.read_bytes().replace(b'"role":"fetch"', b'"role":null').replace(b'"at":"2', b'"at":"3')
    )
    path.unlink()
    path.write_bytes(data)


def test_a_foreign_object(folder: Path) -> None:
    segment = in_bucket(folder, f"log/*/*/*-{OTHER}-*.zst")
    foreign = segment.with_name(segment.name.replace("-000.", "-777.").replace("06-", "03-"))
    foreign.write_bytes(b"x")
    (folder / "bucket" / "notes.txt").write_bytes(b"x")

    expect(folder, CHECK, 4, f"foreign\t{key(folder, foreign)}\nforeign\tnotes.txt\n", "2 foreign")


def test_a_bucket_that_was_rolled_back(folder: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(folder / "bucket", older)
    new_hour(folder, "a", 2)
    assert hindlog("sync", "push", at=folder / "a").code == 0
    shutil.rmtree(folder / "bucket")
    older.rename(folder / "bucket")

    message = "0000000002.json: rolled back: this record was committed"
    for words in (CHECK, ("sync", "pull"), CHECK):  # the pull has not replaced what is known
        expect(folder, words, 4, message)
    push_something(folder, 4, message)


def test_a_bucket_that_was_emptied(folder: Path) -> None:
    shutil.rmtree(folder / "bucket")
    (folder / "bucket").mkdir()

    expect(folder, CHECK, 2, "belongs to archive none, this folder to ")
    push_something(folder, 4, "0000000001.json: rolled back: this record was committed")


def copied(folder: Path, hour: int) -> None:
    """Copies the archive to `b`; then `a` writes another hour and pushes it."""
    shutil.copytree(folder / "a", folder / "b")
    new_hour(folder, "a", hour)
    assert hindlog("sync", "push", at=folder / "a").code == 0


def test_a_copied_folder_that_pushes_as_the_same_pusher(folder: Path) -> None:
    copied(folder, 2)
    new_hour(folder, "b", 2, rows=3)

    expect(
        *(folder, ("sync", "push"), 11, "fenced: record 2 of pusher ", f":{folder}/a put it at 2"),
        *(f", which {host_of(folder / 'b')} does not contain", "hindlog sync push --as-new"),
        root="b",
    )


@pytest.mark.parametrize(("hour", "rows"), [(2, 1), (2, 3), (3, 2)])
def test_a_copied_folder_that_writes_the_same_stream(folder: Path, hour: int, rows: int) -> None:
    copied(folder, 2)
    before = sorted((folder / "bucket").rglob("*"))
    new_hour(folder, "b", hour, rows)
    stream = f"{SOURCE}, {writer_of(folder / 'a')}"

    for words in (("sync", "push", "--as-new"), ("sync", "push")):
        expect(
            *(folder, words, 4, f"two folders write the stream {stream}; the other one is "),
            *(f"{host_of(folder / 'a')}, last seen 20", "nothing was replaced"),
            root="b",
        )
    assert sorted((folder / "bucket").rglob("*")) == before
    assert "left out" in hindlog("sync", "push", "--dry-run", at=folder / "b").err
    shutil.rmtree(folder / "b" / "state")
    expect(folder, ("sync", "push"), 4, f"two folders write the stream {stream}", root="b")
    expect(folder, ("sync", "pull"), 4, "the mirror has other events with seq ", root="b")
    expect(folder, ("sync", "push"), 4, f"two folders write the stream {stream}", root="b")
    expect(folder, ("sync", "push"), 0)


def test_two_copies_that_committed_to_the_same_stream(folder: Path) -> None:
    """Only the pusher is another one, and the hours are: no name in the bucket is taken twice."""
    pusher = local_pusher(folder / "a").id
    shutil.copytree(folder / "a", folder / "b")
    path = folder / "b" / "log" / "writer.json"
    path.write_text(path.read_text().replace(pusher, "0badcafe"))
    for root, hour in (("b", 4), ("a", 2), ("a", 5), ("b", 3)):
        add_hour(folder / root, hour, "0badcafe" if hour == 4 else writer_of(folder / "a"))
        assert hindlog("sync", "push", at=folder / root).code == 0

    message = f"two folders write the stream {SOURCE}, {writer_of(folder / 'a')}"
    expect(folder, CHECK, 4, message, ", put by ")
    init_new(folder, 4, message)


def host_of(root: Path) -> str:
    return f"{platform.node()}:{root}"


def test_the_bucket_of_another_archive(folder: Path, tmp_path: Path) -> None:
    other = new_archive(tmp_path / "other", (folder / "a" / "hindlog.toml").read_text())
    add_hour(other, 0, "0badcafe")
    before = sorted((folder / "bucket").rglob("*"))
    message = "this bucket belongs to archive "
    done = [hindlog("sync", word, at=other) for word in ("push", "pull", "check")]

    assert [each.code for each in done[:2]] == [2, 2]
    for result, word in zip(done, ("push", "pull"), strict=False):
        assert message in result.err and ", this folder to none yet" in result.err
        assert f"hindlog sync {word} --join" in result.err
    assert sorted((folder / "bucket").rglob("*")) == before
