"""Broken lines between us and the bucket: whatever is damaged, objects arrive as they are."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from eventlog.errors import Unavailable
from eventlog.stores.opening import open_store
from eventlog.stores.store import Store
from eventlog.stores.transfer import PART_BYTES, upload_of_bytes
from eventlog.stores.wrappers import RetryLimits, retrying
from tests.eventlog.stores.places import names_in, new_name, wanted
from tests.object_store.fault_proxy import Damage, FaultProxy, fault_proxy
from tests.object_store.server import BUCKET, ObjectServer

T = TypeVar("T")
Scenario = Callable[[Store, Store, FaultProxy], Awaitable[T]]
"""Of a store behind the proxy that retries, one that does not, and the proxy."""

DATA = bytes(range(256)) * 2000
LARGE = bytes(range(256)) * (PART_BYTES // 256) * 2 + b"rest"


def run(server: ObjectServer, scenario: Scenario[T], *faults: Damage, stalled_s: float = 20) -> T:
    """Runs a scenario with a proxy in front of the server."""

    async def proxied() -> T:
        async with fault_proxy(server.ports["http"], *faults) as proxy:
            settings = server.settings(endpoint_url=proxy.url, stalled_s=stalled_s)
            async with open_store(f"s3://{BUCKET}/{new_name()}", settings) as store:
                patient = retrying(store, RetryLimits(base_s=0.01), lambda: 1.0)
                return await scenario(patient, store, proxy)

    return asyncio.run(proxied())


UP = {
    "cut in the head": Damage(cut_up=100),
    "cut in the body": Damage(cut_up=200_000),
    "flipped bit": Damage(flip_up=200_000),
    "response lost": Damage(lose_response=True),
    "response cut": Damage(cut_down=50),
}
DOWN = {
    "cut in the head": Damage(cut_down=100),
    "cut in the body": Damage(cut_down=200_000),
    "flipped bit": Damage(flip_down=200_000),
    "response lost": Damage(lose_response=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", UP.values(), ids=UP)
def test_an_upload_over_a_broken_line_is_complete(
    object_server: ObjectServer, damage: Damage
) -> None:
    async def scenario(patient: Store, _plain: Store, proxy: FaultProxy) -> None:
        await patient.put_new("a", upload_of_bytes(DATA))
        assert await patient.get("a", None) == DATA
        assert proxy.connections[0] == damage

    run(object_server, scenario, damage)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DOWN.values(), ids=DOWN)
def test_a_download_over_a_broken_line_is_complete(
    object_server: ObjectServer, damage: Damage, tmp_path: Path
) -> None:
    async def prepare(patient: Store, _plain: Store, _proxy: FaultProxy) -> str:
        await patient.put_new("a", upload_of_bytes(DATA))
        return patient.address

    async def read() -> None:
        async with fault_proxy(object_server.ports["http"], damage, damage) as proxy:
            settings = object_server.settings(endpoint_url=proxy.url)
            async with open_store(address, settings) as store:
                patient = retrying(store, RetryLimits(base_s=0.01), lambda: 1.0)
                await patient.get_to_file("a", wanted(tmp_path / "file", DATA))
                assert await patient.get("a", None) == DATA

    address = run(object_server, prepare)
    asyncio.run(read())
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_lost_response_to_a_put_is_settled_by_the_object(object_server: ObjectServer) -> None:
    async def scenario(_patient: Store, plain: Store, proxy: FaultProxy) -> None:
        try:
            is_new = await plain.put_new("a", upload_of_bytes(DATA))
        except Unavailable:
            is_new = await plain.put_new("a", upload_of_bytes(DATA))
        assert not is_new  # the first request created it, but nobody knows
        assert len(proxy.connections) > 1

    run(object_server, scenario, Damage(lose_response=True))


def test_a_listing_over_a_broken_line_is_complete(object_server: ObjectServer) -> None:
    async def scenario(patient: Store, _plain: Store, proxy: FaultProxy) -> None:
        for name in "abc":
            await patient.put_new(name, upload_of_bytes(b"x"))
        assert await names_in(patient) == ["a", "b", "c"]

    run(object_server, scenario, *[Damage(cut_down=400)] * 4)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [Damage(stall_up=200_000), Damage(stall_down=0)])
def test_a_stalled_request_is_given_up(object_server: ObjectServer, damage: Damage) -> None:
    async def scenario(_patient: Store, plain: Store, _proxy: FaultProxy) -> None:
        upload = upload_of_bytes(LARGE[:PART_BYTES])
        with pytest.raises(Unavailable, match=r"no byte moved for 2 s|timeout|Timeout"):
            await plain.put_new("a", upload)
        await plain.put_new("b", upload)  # the server still waits for the rest of "a"
        assert (await plain.head("b")).size == PART_BYTES

    run(object_server, scenario, damage, stalled_s=2)


@pytest.mark.slow
@pytest.mark.parametrize("at", [PART_BYTES // 2, PART_BYTES + PART_BYTES // 2])
def test_an_upload_in_parts_over_a_broken_line_is_complete(
    object_server: ObjectServer, at: int, tmp_path: Path
) -> None:
    async def scenario(patient: Store, _plain: Store, proxy: FaultProxy) -> None:
        proxy.faults.extend([Damage(), Damage(cut_up=at), Damage(flip_up=at)])
        await patient.put_new("a", upload_of_bytes(LARGE))
        proxy.faults.extend([Damage(cut_down=PART_BYTES // 3)] * 5)
        await patient.get_to_file("a", wanted(tmp_path / "file", LARGE))

    run(object_server, scenario)
    assert (tmp_path / "file").read_bytes() == LARGE
