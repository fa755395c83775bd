"""Putting the objects of links: in which order, what is left out, and what stops everything."""

import asyncio
from pathlib import Path

import attrs
import pytest

from eventlog.errors import Unavailable
from eventlog.files.assets import put_asset
from eventlog.format.event import ANOMALY, Draft
from eventlog.mirror.plan.unpushed import find_unpushed
from eventlog.mirror.push.prepare import PreparedLink, prepare_link
from eventlog.mirror.push.upload import Sending, Sent, upload_links
from eventlog.stores.store import Conflict, Store, StoredObject, Upload
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import OTHER, ManualClock, write_log
from tests.eventlog.mirror.buckets import (
    Requests,
    add_hour,
    new_store,
    objects_of,
    sealed_files,
)
from tests.eventlog.mirror.links import lost_link, prepared_loss


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with three segments of one stream, and one of another; two name an asset."""
    root = tmp_path_factory.mktemp("archive")
    sha256 = put_asset(root, b"large")
    draft = Draft(kind=ANOMALY, members={"reason": "x"}, body_asset=sha256)
    write_log(root, [[draft]], clock=ManualClock())
    write_log(root, [[draft]], writer=OTHER, clock=ManualClock())
    for hour in (1, 2):
        add_hour(root, hour)
    return root


@pytest.fixture(scope="module")
def links(archive: Path) -> list[PreparedLink]:
    """All links of `archive`, in order: three of one stream, one of the other."""
    found = [prepare_link(archive, link) for link in find_unpushed(archive, {}).links]
    return sorted(found, key=lambda link: (link.facts.key[1] == OTHER, link.facts.first_seq))


def sent(root: Path, sending: Sending, links: list[PreparedLink]) -> Sent:
    return asyncio.run(upload_links(root, sending, links))


def put(store: Store, name: str, data: bytes = b"other") -> None:
    asyncio.run(store.put_new(name, upload_of_bytes(data)))


def names_of(store: Store, end: str) -> set[str]:
    """Returns the segments of which the store has an object with this end."""
    names = objects_of(store)
    return {name[len("log/") : -len(end)] for name in names if name.endswith(end)}


def stage_of(name: str) -> int:
    ends = (not name.startswith("assets/"), name.endswith(".manifest.json"))
    return sum(ends)


def test_assets_are_there_before_sealed_files_and_those_before_manifests(
    archive: Path, links: list[PreparedLink]
) -> None:
    store = new_store()
    steps: list[tuple[str, int]] = []

    async def put_new(name: str, upload: Upload) -> bool:
        steps.append(("begins", stage_of(name)))
        is_new = await store.put_new(name, upload)
        for _ in range(3 - stage_of(name)):  # the earlier a stage, the longer it takes
            await asyncio.sleep(0.001)
        steps.append(("ends", stage_of(name)))
        return is_new

    result = sent(archive, Sending(attrs.evolve(store, put_new=put_new)), links)

    assert [stage for _, stage in steps] == [0] * 2 + [1] * 8 + [2] * 8
    assert objects_of(store) == sealed_files(archive)
    assert result == Sent(9, sum(map(len, objects_of(store).values())), ())
    assert sent(archive, Sending(store), links) == Sent(0, 0, ())


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("end", [".ndjson.zst", ".manifest.json"])
def test_a_stream_is_left_out_from_its_first_conflict_on(
    archive: Path, links: list[PreparedLink], end: str, is_reversed: bool
) -> None:
    store = new_store()
    names = [link.facts.segment for link in links]
    for name in names[1:3]:
        put(store, f"log/{name}{end}")

    order = links[::-1] if is_reversed else links
    result = sent(archive, Sending(store), order)

    found = {link.facts.segment: message for link, message in result.conflicts}
    assert list(found) == (names[2:0:-1] if is_reversed else names[1:3])
    assert f"{store.address}/log/{names[1]}{end}: other bytes have this name" in found[names[1]]
    left_out = set(names[1:3])
    if end == ".ndjson.zst":  # the manifests of the stream are not even tried
        assert names_of(store, ".manifest.json") == set(names) - left_out
    assert result.objects == 1 + (4 if end == ".manifest.json" else 2) + 2


def test_the_first_of_several_conflicts_counts_whenever_it_is_noticed(
    archive: Path, links: list[PreparedLink]
) -> None:
    store = new_store()
    names = [link.facts.segment for link in links]
    put(store, f"log/{names[2]}.ndjson.zst")
    put(store, f"log/{names[1]}.manifest.json")

    result = sent(archive, Sending(store), links)

    assert [link.facts.segment for link, _ in result.conflicts] == [names[2], names[1]]
    assert f"log/{names[2]}.manifest.json" not in objects_of(store)
    assert f"log/{names[3]}.manifest.json" in objects_of(store)


def test_an_asset_with_other_bytes_stops_everything(
    archive: Path, links: list[PreparedLink]
) -> None:
    store = new_store()
    [asset] = [name for name in sealed_files(archive) if stage_of(name) == 0]
    put(store, asset)

    with pytest.raises(Conflict, match=f"{asset}: other bytes have this name"):
        sent(archive, Sending(store), links)
    assert objects_of(store) == {asset: b"other"}


def test_a_loss_has_no_other_object(tmp_path: Path) -> None:
    store = new_store()
    link = lost_link()
    prepared = prepared_loss(link)

    assert sent(tmp_path, Sending(store), [prepared]) == Sent(1, len(link.file), ())
    assert objects_of(store) == {f"log/{prepared.facts.segment}.lost.json": link.file.encode()}


def test_an_object_that_is_there_is_not_sent_if_asked_for_first(
    archive: Path, links: list[PreparedLink]
) -> None:
    store = new_store()
    files = sealed_files(archive)
    there, other = f"log/{links[0].facts.segment}.ndjson.zst", f"log/{links[3].facts.segment}"
    put(store, there, files[there])
    put(store, f"{other}.ndjson.zst", bytes(len(files[f"{other}.ndjson.zst"])))
    requests = Requests(store)

    result = sent(archive, Sending(requests.wrapped(), ask_first=True), links)

    assert [link for link, _ in result.conflicts] == [links[3]]
    put_or_tried = {name.removeprefix("put_new ") for name in requests.names if "put_new" in name}
    assert put_or_tried == files.keys() - {there, f"{other}.ndjson.zst", f"{other}.manifest.json"}
    assert result.objects == len(files) - 3
    requests.names.clear()
    sent(archive, Sending(requests.wrapped()), links[:1])
    assert not [name for name in requests.names if name.startswith("head")]


@pytest.mark.parametrize("is_equal", [True, False])
def test_a_store_that_knows_only_sizes_is_asked_by_a_put(
    archive: Path, links: list[PreparedLink], is_equal: bool
) -> None:
    store = new_store()
    data = sealed_files(archive)[name := f"log/{links[1].facts.segment}.ndjson.zst"]
    put(store, name, data if is_equal else bytes(len(data)))
    requests = Requests(store)

    async def head(name: str) -> StoredObject | None:
        there = await store.head(name)
        return attrs.evolve(there, sha256=None) if there else None

    asking = Sending(attrs.evolve(requests.wrapped(), head=head), ask_first=True)
    result = sent(archive, asking, links[1:2])

    assert f"put_new {name}" in requests.names
    assert (result.objects, len(result.conflicts)) == ((1, 0) if is_equal else (0, 1))


def test_at_most_so_many_objects_are_put_at_the_same_time_and_none_after_an_error(
    archive: Path, links: list[PreparedLink]
) -> None:
    running: set[str] = set()
    most: list[int] = []

    async def put_new(name: str, upload: Upload) -> bool:
        running.add(name)
        most.append(len(running))
        try:
            await asyncio.sleep(0.001)
            if name.endswith(f"{links[1].facts.segment}.ndjson.zst"):
                raise Unavailable("away")
            await asyncio.sleep(0.001)
            return True
        finally:
            running.remove(name)

    async def scenario() -> None:
        store = attrs.evolve(new_store(), put_new=put_new)
        with pytest.raises(Unavailable, match="away"):
            await upload_links(archive, Sending(store, transfers=2), links)
        assert not running  # what it began has ended, not only been cancelled

    asyncio.run(scenario())
    assert max(most) == 2
    assert len(most) <= 1 + 3
