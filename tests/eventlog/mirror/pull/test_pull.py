"""A pull: the folder equals the bucket, is never damaged meanwhile, and nothing is replaced."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.errors import Corrupt, Invalid, LocalResource, Locked, Unavailable
from eventlog.files.assets import put_asset
from eventlog.files.writer_ids import FETCH, owner_of, writer_id
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.paths import sealed_path
from eventlog.mirror.bucket.digits import hash_machine
from eventlog.mirror.local.absent import absent_test
from eventlog.mirror.local.identity import read_archive_id
from eventlog.mirror.local.journal import lock_mirror
from eventlog.mirror.pull.pull import PullResult, pull
from eventlog.read.reader import read_events
from eventlog.stores.store import ByteRange, Download, Store
from tests.eventlog.making import OTHER, SOURCE, WRITER, files_of, write_log
from tests.eventlog.mirror.buckets import (
    Killed,
    Requests,
    add_hour,
    new_store,
    objects_of,
    pushed,
    pusher_on,
    sealed_files,
)
from tests.extent import IS_ALL


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two streams and an asset."""
    root = tmp_path_factory.mktemp("origin")
    ours = writer_id(root, FETCH, "there")
    for hour in range(3):
        add_hour(root, hour, ours)
        add_hour(root, hour, OTHER)
    sha256 = put_asset(root, b"large" * 100)
    write_log(root, [[Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)]])
    return root


@pytest.fixture
def store(origin: Path) -> Store:
    """The bucket of `origin`."""
    store = new_store()
    shutil.rmtree(origin / "state", ignore_errors=True)
    pushed(origin, store, "there")
    return store


def pulled(root: Path, store: Store, *, join: bool = False) -> PullResult:
    return asyncio.run(pull(root, store, pusher_on(root), join=join))


def damages(root: Path) -> list[str]:
    return [str(damage) for damage in verify(root, is_absent=absent_test(root)).damages]


def test_a_pull_makes_a_folder_that_equals_the_bucket(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    result = pulled(tmp_path, store)

    assert (result.manifests, result.files) == (7, 8)
    assert result.missing == result.damaged == () and result.conflicts == {}
    assert sealed_files(tmp_path) == sealed_files(origin)
    assert result.size == sum(
        len(data) for name, data in sealed_files(origin).items() if not name.endswith(".json")
    )
    assert damages(tmp_path) == [] and verify(tmp_path).damages == ()
    assert list(read_events(tmp_path)) == list(read_events(origin))
    assert read_archive_id(tmp_path) == read_archive_id(origin)
    again = pulled(tmp_path, store)
    assert (again.manifests, again.files) == (0, 0)


def test_roles_travel_and_the_folder_writes_with_ids_of_its_own(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    pulled(tmp_path, store)

    theirs = writer_id(origin, FETCH, "there")
    assert owner_of(tmp_path, theirs) == (f"hashed:{hash_machine('there')}", FETCH)
    for machine in ("here", "there"):
        assert writer_id(tmp_path, FETCH, machine) != theirs


def test_what_was_pulled_is_not_pushed_again(store: Store, tmp_path: Path) -> None:
    pulled(tmp_path, store)
    for lose_state in (False, True):
        if lose_state:
            shutil.rmtree(tmp_path / "state")
        requests = Requests(store)
        result = pushed(tmp_path, requests.wrapped())
        assert (result.segments, result.stopped, requests.sent) == (0, (), [])
    add_hour(tmp_path, 1, "0badcafe")
    assert pushed(tmp_path, store).segments == 1


def wrapped(requests: Requests) -> Store:
    """Returns the store; an interrupted download leaves half of its bytes."""
    store = requests.wrapped()

    async def get_to_file(name: str, wanted: Download) -> None:
        fails = len(requests.names) == requests.fail_at
        requests.names.append(f"get_to_file {name}")
        if fails:
            half = await store.get(name, ByteRange(0, max(1, wanted.size // 2)))
            wanted.path.write_bytes(half)
            raise Killed
        await requests.store.get_to_file(name, wanted)

    return attrs.evolve(store, get_to_file=get_to_file)


@pytest.mark.sampled
def test_a_pull_that_is_killed_at_any_request_leaves_no_damage_and_is_continued(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    complete = Requests(store)
    asyncio.run(pull(tmp_path / "all", wrapped(complete), pusher_on(tmp_path / "all")))
    assert len([name for name in complete.names if name.startswith("get_to_file")]) == 8
    for number in range(0, len(complete.names), 1 if IS_ALL else 4):
        root = tmp_path / str(number)
        requests = Requests(store, fail_at=number)
        with suppress(Killed):
            asyncio.run(pull(root, wrapped(requests), pusher_on(root)))

        assert damages(root) == [], number
        pulled(root, store)
        assert sealed_files(root) == sealed_files(origin)
        assert not list((root / "log").rglob(".*.tmp"))


def test_a_file_that_was_deleted_here_is_fetched_again(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    pulled(tmp_path, store)
    name = add_hour(tmp_path, 5)
    pushed(tmp_path, store)
    sealed_path(tmp_path, name).unlink()
    result = verify(tmp_path, is_absent=absent_test(tmp_path))

    assert (result.damages, result.absent) == ((), 1)
    assert len(verify(tmp_path).damages) == 1
    assert pulled(tmp_path, store).files == 1
    assert verify(tmp_path).damages == ()


def test_objects_that_are_missing_or_differ_are_named_and_the_others_are_fetched(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    names = sorted(name for name in objects_of(store) if name.endswith(".ndjson.zst"))
    asyncio.run(store.delete(names[0]))

    async def get_to_file(name: str, wanted: Download) -> None:
        if name == names[1]:
            raise Corrupt(f"{name}: other bytes")
        await store.get_to_file(name, wanted)

    result = pulled(tmp_path, attrs.evolve(store, get_to_file=get_to_file))

    assert (result.missing, result.damaged) == ((names[0],), (f"{names[1]}: other bytes",))
    assert result.files == 6 and damages(tmp_path) == []


def test_a_stream_of_which_the_folder_has_other_events_is_left_out(
    origin: Path, store: Store, tmp_path: Path
) -> None:
    add_hour(tmp_path, 0, OTHER, rows=5)
    add_hour(tmp_path, 9, "0badcafe")
    before = {name: data for name, data in files_of(tmp_path).items() if "/" in name}

    with pytest.raises(Invalid, match="this folder to none yet"):
        pulled(tmp_path, store)
    assert {name: data for name, data in files_of(tmp_path).items() if "/" in name} == before
    result = pulled(tmp_path, store, join=True)

    assert list(result.conflicts) == [(SOURCE, OTHER)]
    assert "other events with seq 1 to 2" in result.conflicts[SOURCE, OTHER]
    files = files_of(tmp_path)
    assert {name: files[name] for name in before} == before
    assert sum(OTHER in name for name in files) == 2 and damages(tmp_path) == []


def test_an_open_segment_is_never_touched(origin: Path, store: Store, tmp_path: Path) -> None:
    shutil.copytree(origin / "log", tmp_path / "log")
    [name] = [n for n in sealed_files(origin) if f"-{WRITER}-" in n and n.endswith(".zst")]
    (tmp_path / name).unlink()
    path = tmp_path / name.removesuffix(".zst")
    path.write_bytes(b"")
    (tmp_path / name.replace(".ndjson.zst", ".manifest.json")).unlink()

    result = pulled(tmp_path, store)

    assert list(result.conflicts) == [(SOURCE, WRITER)] and path.read_bytes() == b""


def test_a_bucket_without_an_archive_or_with_broken_records_is_refused(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(Invalid, match="no archive there"):
        pulled(tmp_path, new_store())
    first = next(name for name in sorted(objects_of(store)) if name.startswith("mirror/"))

    async def get(name: str, part: ByteRange | None) -> bytes:
        data = await store.get(name, part)
        return data.replace(b"fetch", b"fetcH") + b" " if name == first else data

    with pytest.raises(Corrupt, match=first):
        pulled(tmp_path, attrs.evolve(store, get=get))
    assert files_of(tmp_path) == {
        name: data for name, data in files_of(tmp_path).items() if "/" not in name
    }


def test_a_full_disk_stops_the_pull_and_complete_files_stay(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LocalResource("no space")

    with monkeypatch.context() as patch, pytest.raises(LocalResource):
        patch.setattr("eventlog.mirror.pull.files.check_free_space", full)
        pulled(tmp_path, store)
    assert damages(tmp_path) == []
    assert pulled(tmp_path, store).files == 8


def test_a_pull_waits_for_no_push(store: Store, tmp_path: Path) -> None:
    with lock_mirror(tmp_path), pytest.raises(Locked):
        pulled(tmp_path, store)


def test_an_unreachable_bucket_changes_nothing(store: Store, tmp_path: Path) -> None:
    requests = Requests(store, fail_at=0, error=Unavailable("away"))
    with pytest.raises(Unavailable):
        asyncio.run(pull(tmp_path, requests.wrapped(), pusher_on(tmp_path)))
    assert read_archive_id(tmp_path) is None
