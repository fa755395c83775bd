"""The count of requests, by how R2 bills them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import attrs
import pytest

from eventlog.stores.s3.client import open_client
from eventlog.stores.s3.objects import s3_store
from eventlog.stores.store import Conflict, Store, StoredObject
from eventlog.stores.transfer import PART_BYTES, upload_of_bytes
from eventlog.stores.wrappers import CLASS_A, CLASS_B, FREE, counted
from tests.eventlog.stores.places import filled_store, names_in, new_name
from tests.object_store.server import BUCKET, ObjectServer

Call = Callable[[Store], Awaitable[object]]
SMALL, LARGE = upload_of_bytes(b"bytes"), upload_of_bytes(b"x" * (2 * PART_BYTES + 1))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda store: store.get("a", None), {CLASS_B: 1}),
        (lambda store: store.head("a"), {CLASS_B: 1}),
        (lambda store: store.folders(""), {CLASS_A: 1}),
        (lambda store: store.delete("a"), {FREE: 1}),
        (lambda store: store.put_replacing("a", b"other"), {CLASS_A: 1}),
        (lambda store: store.put_new("new", SMALL), {CLASS_A: 1}),
        (lambda store: store.put_new("a", SMALL), {CLASS_A: 1, CLASS_B: 1}),
        (lambda store: store.put_new("new", LARGE), {CLASS_A: 5, CLASS_B: 1}),
        (lambda store: names_in(store), {CLASS_A: 1}),
        (lambda store: names_in(store, "none"), {CLASS_A: 1}),
    ],
)
def test_requests_are_counted_by_class(call: Call, expected: dict[str, int]) -> None:
    count: Counter[str] = Counter()
    store = counted(filled_store(), count)

    async def scenario() -> None:
        await call(store)

    asyncio.run(scenario())
    assert +count == expected


def test_a_conflict_costs_a_look_at_the_object() -> None:
    count: Counter[str] = Counter()
    store = counted(filled_store(), count)

    with pytest.raises(Conflict):
        asyncio.run(store.put_new("a", upload_of_bytes(b"other")))
    assert count == {CLASS_A: 1, CLASS_B: 1}


@pytest.mark.parametrize(("objects", "requests"), [(1000, 1), (1001, 2), (2500, 3)])
def test_a_listing_costs_a_request_per_1000_names(objects: int, requests: int) -> None:
    async def list_after(_prefix: str, _after: str) -> AsyncGenerator[StoredObject, None]:
        for number in range(objects):
            yield StoredObject(str(number), 1)

    count: Counter[str] = Counter()
    store = counted(attrs.evolve(filled_store(), list_after=list_after), count)
    asyncio.run(names_in(store))

    assert count == {CLASS_A: requests}


CLASSES = {
    **dict.fromkeys(["put_object", "upload_part", "list_objects_v2"], CLASS_A),
    **dict.fromkeys(["create_multipart_upload", "complete_multipart_upload"], CLASS_A),
    **dict.fromkeys(["get_object", "head_object"], CLASS_B),
    "delete_object": FREE,
}


def test_the_count_is_that_of_the_requests_that_are_sent(object_server: ObjectServer) -> None:
    settings = object_server.settings()
    sent: Counter[str] = Counter()
    count: Counter[str] = Counter()

    async def scenario() -> None:
        async with open_client(settings) as client:

            async def send(place: str, operation: str, *rest: object) -> dict[str, object]:
                sent[CLASSES[operation]] += 1
                return await client.send(place, operation, *rest)

            bucket = s3_store(attrs.evolve(client, send=send), BUCKET, new_name(), settings)
            store = counted(bucket, count)
            for upload in (SMALL, SMALL, LARGE, LARGE, upload_of_bytes(b"other")):
                with suppress(Conflict):
                    await store.put_new("large" if upload is LARGE else "a", upload)
                assert count == sent
            for call in (store.get("a", None), store.head("a"), store.folders(""),
                         names_in(store), store.delete("a")):  # fmt: skip
                await call
                assert count == sent

    asyncio.run(scenario())
    assert sum(sent.values()) > 15
