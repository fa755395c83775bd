"""Reading one batch ahead: the result is that of reading it when it is needed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.mirror.plan.push_plan import Unpushed
from eventlog.mirror.plan.unpushed import find_unpushed
from eventlog.mirror.push import batch, prefetch
from eventlog.mirror.push.batch import Batch, take_batch
from eventlog.mirror.push.prefetch import BatchReader
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour, check_laws, new_store, objects_of, pushed


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with three segments of one stream."""
    root = tmp_path_factory.mktemp("archive")
    for hour in range(3):
        add_hour(root, hour)
    return root


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Unpushed, ...]]]:
    """The links of each batch that was read."""
    read: list[tuple[Unpushed, ...]] = []

    def recorded(root: Path, links: tuple[Unpushed, ...], heads: object) -> Batch:
        read.append(tuple(links))
        return take_batch(root, links, heads)  # type: ignore[arg-type]

    monkeypatch.setattr(prefetch, "take_batch", recorded)
    yield read


def test_a_batch_that_was_prefetched_is_read_once(
    archive: Path, taken: list[tuple[Unpushed, ...]]
) -> None:
    links = find_unpushed(archive, {}).links

    async def scenario() -> Batch:
        reader = BatchReader(archive)
        reader.prefetch(links, {})
        return await reader.read(list(links), {})

    assert asyncio.run(scenario()) == take_batch(archive, links, {})
    assert taken == [links]


def test_a_batch_is_read_anew_if_other_links_or_heads_are_asked_for(
    archive: Path, taken: list[tuple[Unpushed, ...]]
) -> None:
    links = find_unpushed(archive, {}).links
    first = take_batch(archive, links[:1], {}).links[0]
    heads = {first.facts.key: first.facts.head}

    async def scenario() -> list[Batch]:
        reader = BatchReader(archive)
        reader.prefetch(links, {})
        others = await reader.read(links[:2], {})
        reader.prefetch(links[1:], {})
        return [others, await reader.read(links[1:], heads), await reader.read(links, {})]

    assert asyncio.run(scenario()) == [
        take_batch(archive, links[:2], {}),
        take_batch(archive, links[1:], heads),
        take_batch(archive, links, {}),
    ]
    assert sorted(map(len, taken))[-1] == 3


def test_nothing_is_read_ahead_without_links_and_what_was_read_may_be_discarded(
    archive: Path, taken: list[tuple[Unpushed, ...]]
) -> None:
    async def scenario() -> None:
        reader = BatchReader(archive)
        reader.prefetch((), {})
        reader.cancel()

    asyncio.run(scenario())

    assert taken == []


def test_a_conflict_in_one_batch_makes_the_prefetched_next_one_count_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_LINKS", 2)
    store = new_store()
    for hour in range(3):
        for writer in (WRITER, OTHER):
            add_hour(tmp_path, hour, writer)
    names = [str(link.name) for link in find_unpushed(tmp_path, {}).links]
    conflicting = next(name for name in names if WRITER in name)
    there = upload_of_bytes(b"other")
    asyncio.run(store.put_new(f"log/{conflicting}.ndjson.zst", there))

    result = pushed(tmp_path, store)

    assert [stream.key[1] for stream in result.stopped] == [WRITER]
    assert result.segments == 3
    assert check_laws(objects_of(store)) == {
        f"{SOURCE}/{OTHER}": [name for name in names if OTHER in name]
    }
