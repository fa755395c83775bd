"""A push: everything sealed is in the bucket and committed, and nothing is sent twice."""

import asyncio
import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.clock import format_us, now_us
from eventlog.errors import Unavailable
from eventlog.files.assets import put_asset
from eventlog.files.writer_ids import FETCH, writer_id
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.paths import asset_path, manifest_path, sealed_path
from eventlog.mirror.bucket import record as records
from eventlog.mirror.bucket.digits import hash_machine
from eventlog.mirror.bucket.record import CommitRecord, parse_record
from eventlog.mirror.local.journal import pending_path
from eventlog.mirror.local.ledger import ledger_path, load_ledger
from eventlog.mirror.push.push import push
from eventlog.stores.store import Store
from tests.eventlog.making import (
    OTHER,
    SOURCE,
    WRITER,
    ManualClock,
    entity,
    write_hours,
    write_log,
)
from tests.eventlog.mirror.buckets import (
    Requests,
    add_hour,
    check_laws,
    new_store,
    objects_of,
    pushed,
    pusher_on,
    record_law,
    refuse_records,
    sealed_files,
)


def last_record(store: Store, pusher: str) -> CommitRecord:
    objects = objects_of(store)
    name = max(name for name in objects if name.startswith(f"mirror/{pusher}/"))
    return parse_record(objects[name], name)


def test_everything_that_is_sealed_is_in_the_bucket_and_committed(tmp_path: Path) -> None:
    names = [str(add_hour(tmp_path, hour)) for hour in range(3)]
    others = [str(add_hour(tmp_path, 1, OTHER))]
    write_log(tmp_path, [[entity(1)]], source="civitai", seal=False)
    store = new_store()

    result = pushed(tmp_path, record_law(store))

    objects = objects_of(store)
    assert (result.segments, result.objects, result.stopped) == (4, 8, ())
    assert check_laws(objects) == {f"{SOURCE}/{WRITER}": names, f"{SOURCE}/{OTHER}": others}
    files = sealed_files(tmp_path)
    assert {name: data for name, data in objects.items() if name.startswith("log/")} == files
    assert result.size == sum(map(len, files.values()))
    assert not pending_path(tmp_path).exists()


def test_nothing_to_do_takes_one_request_and_no_listing(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    store = new_store()
    pushed(tmp_path, store)
    pusher = pusher_on(tmp_path)
    requests = Requests(store)

    result = pushed(tmp_path, requests.wrapped())

    assert (result.segments, result.objects) == (0, 0)
    assert requests.names == [f"get mirror/{pusher.id}/0000000000.json"]
    ledger = load_ledger(tmp_path)
    assert ledger is not None and ledger.pushed_at is not None


def test_a_new_hour_takes_two_requests_and_three_objects(tmp_path: Path) -> None:
    add_hour(tmp_path, 0, writer_id(tmp_path, FETCH, "here"))
    store = new_store()
    pushed(tmp_path, store)
    name = add_hour(tmp_path, 1, writer_id(tmp_path, FETCH, "here"))
    pusher = pusher_on(tmp_path)
    requests = Requests(store)

    assert pushed(tmp_path, requests.wrapped()).segments == 1
    assert requests.names == [
        f"get mirror/{pusher.id}/0000000001.json",
        f"get mirror/{pusher.id}/0000000000.json",
        f"put_new log/{name}.ndjson.zst",
        f"put_new log/{name}.manifest.json",
        f"put_new mirror/{pusher.id}/0000000001.json",
    ]


def test_a_link_names_role_and_hashed_machine_of_its_writer(tmp_path: Path) -> None:
    writer = writer_id(tmp_path, FETCH, "here")
    add_hour(tmp_path, 0, writer)
    add_hour(tmp_path, 0, OTHER)
    store = new_store()
    pushed(tmp_path, store)

    record = last_record(store, pusher_on(tmp_path).id)
    owners = {(link.role, link.machine) for link in record.links}
    assert owners == {("fetch", hash_machine("here")), (None, None)}
    assert record.host.endswith(f":{tmp_path}")


def test_assets_are_pushed_before_the_segments_that_name_them(tmp_path: Path) -> None:
    sha256 = put_asset(tmp_path, b"large" * 1000)
    put_asset(tmp_path, b"named by no event")
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)
    write_log(tmp_path, [[draft], [draft]])
    store = new_store()
    requests = Requests(store)

    result = pushed(tmp_path, record_law(requests.wrapped()))

    assert result.objects == 3
    assert [name.split("/")[0] for name in requests.sent] == [
        *("hindlog.json", "assets", "log", "log", "mirror")
    ]
    assert last_record(store, pusher_on(tmp_path).id).assets == ((sha256, 5000),)
    check_laws(objects_of(store))


def test_a_damaged_stream_stops_alone_and_its_earlier_segments_are_pushed(tmp_path: Path) -> None:
    for hour in range(3):
        name = add_hour(tmp_path, hour)
        add_hour(tmp_path, hour, OTHER)
        if hour == 1:
            damaged = name
    path = sealed_path(tmp_path, damaged)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    store = new_store()

    result = pushed(tmp_path, record_law(store))

    assert [stream.key for stream in result.stopped] == [(SOURCE, WRITER)]
    assert not result.has_conflict
    chains = check_laws(objects_of(store))
    assert [len(chains[f"{SOURCE}/{writer}"]) for writer in (WRITER, OTHER)] == [1, 3]
    path.write_bytes(data)
    assert pushed(tmp_path, store).stopped == ()
    assert len(check_laws(objects_of(store))[f"{SOURCE}/{WRITER}"]) == 3


@pytest.mark.parametrize("missing", ["sealed file", "manifest", "broken manifest", "asset", "link"])
def test_what_is_missing_stops_its_stream(tmp_path: Path, missing: str) -> None:
    sha256 = put_asset(tmp_path, b"large")
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)
    name = write_log(tmp_path, [[draft]])
    add_hour(tmp_path, 1)
    manifest = manifest_path(tmp_path, name)
    if missing == "sealed file":
        sealed_path(tmp_path, name).unlink()
    elif missing == "manifest":
        manifest.unlink()
    elif missing == "broken manifest":
        manifest.write_bytes(b"{}")
    elif missing == "asset":
        asset_path(tmp_path, sha256).write_bytes(b"other")
    else:
        manifest.write_bytes(manifest.read_bytes().replace(b'"previous":null', b'"previous":"ab"'))
    store = new_store()

    result = pushed(tmp_path, store)

    assert (result.segments, [stream.key for stream in result.stopped]) == (0, [(SOURCE, WRITER)])
    assert [name for name in objects_of(store) if name.startswith("log/")] == []


def test_without_state_nothing_is_sent_again(tmp_path: Path) -> None:
    write_hours(tmp_path, 3, 2)
    store = new_store()
    pushed(tmp_path, store)
    before = objects_of(store)
    ledger = load_ledger(tmp_path)
    shutil.rmtree(tmp_path / "state")
    requests = Requests(store)

    result = pushed(tmp_path, requests.wrapped())

    assert (result.segments, result.objects, requests.sent) == (0, 0, [])
    assert objects_of(store) == before
    again = load_ledger(tmp_path)
    assert ledger and again and (ledger.streams, ledger.own) == (again.streams, again.own)


def test_a_ledger_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    store = new_store()
    pushed(tmp_path, store)
    for damaged in (b"", b"{}", b"\xff", b'{"format":2}', ledger_path(tmp_path).read_bytes()[:-9]):
        ledger_path(tmp_path).write_bytes(damaged)
        assert pushed(tmp_path, store).segments == 0
        assert load_ledger(tmp_path) is not None


def test_an_older_ledger_is_read_on_from_the_bucket(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    store = new_store()
    pushed(tmp_path, store)
    older = ledger_path(tmp_path).read_bytes()
    add_hour(tmp_path, 1)
    pushed(tmp_path, store)
    ledger_path(tmp_path).write_bytes(older)
    requests = Requests(store)

    assert pushed(tmp_path, requests.wrapped()).segments == 0
    assert requests.sent == []


def test_a_record_whose_response_was_lost_is_adopted(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    store = new_store()
    requests = Requests(store, error=Unavailable("gone"), after=True)
    probe = Requests(new_store())
    shutil.copytree(tmp_path, tmp_path / "copy" / "archive")
    pushed(tmp_path / "copy" / "archive", probe.wrapped())
    requests.fail_at = len(probe.names) - 1
    assert probe.names[-1].startswith("put_new mirror/")

    with pytest.raises(Unavailable):
        pushed(tmp_path, requests.wrapped())
    assert pending_path(tmp_path).exists()
    again = Requests(store)
    assert pushed(tmp_path, again.wrapped()).segments == 0
    assert again.sent == [] and not pending_path(tmp_path).exists()
    check_laws(objects_of(store))


def test_a_push_that_was_interrupted_puts_the_same_record(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    store = new_store()
    requests = Requests(store)
    broken = attrs.evolve(requests.wrapped(), put_new=refuse_records(store))
    with pytest.raises(Unavailable):
        pushed(tmp_path, broken)
    pending = pending_path(tmp_path).read_bytes()
    add_hour(tmp_path, 1)

    assert pushed(tmp_path, store).segments == 2
    pusher = pusher_on(tmp_path).id
    assert objects_of(store)[f"mirror/{pusher}/0000000000.json"] == pending
    check_laws(objects_of(store))


@pytest.mark.slow
def test_records_are_divided_and_rolled_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventlog.mirror.push.batch.MAX_LINKS", 1)
    monkeypatch.setattr(records, "MAX_LINKS", 1)
    write_hours(tmp_path, 65, 1)
    store = new_store()

    assert pushed(tmp_path, store).segments == 65
    objects = objects_of(store)
    check_laws(objects)
    pusher = pusher_on(tmp_path).id
    assert f"mirror/{pusher}/0000000000.64.ndjson.zst" in objects
    assert f"mirror/{pusher}/0000000064.json" in objects
    shutil.rmtree(tmp_path / "state")
    requests = Requests(store)
    assert pushed(tmp_path, requests.wrapped()).segments == 0
    gets = [name for name in requests.names if name.startswith("get mirror/")]
    assert len(gets) == 5  # no .4096, the .64, no .64, the record, no record
    assert requests.sent == []


def test_the_instant_of_a_complete_push_is_recorded(tmp_path: Path) -> None:
    add_hour(tmp_path, 0)
    clock = ManualClock(now_us())
    asyncio.run(push(tmp_path, new_store(), pusher_on(tmp_path), clock=clock))

    ledger = load_ledger(tmp_path)
    assert ledger is not None and ledger.pushed_at == format_us(clock.at)
