"""Addresses of stores."""

import subprocess
import sys

import pytest

from eventlog.errors import Invalid
from eventlog.stores.opening import OPENERS, open_store
from eventlog.stores.store import Store, StoreSettings
from tests.eventlog.stores.places import Place


def test_a_store_knows_the_address_that_opens_it(place: Place) -> None:
    async def scenario(store: Store) -> None:
        assert store.address == place.address

    place.run(scenario)


@pytest.mark.parametrize("address", ["", "bucket", "/folder", "gopher://x", "://x", "S3:x"])
def test_an_address_without_a_known_scheme_is_refused_with_the_known_ones(address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        open_store(address)

    assert repr(address) in refusal.value.what
    assert all(f"{scheme}://" in refusal.value.what for scheme in OPENERS)


def test_aioboto3_is_imported_when_a_bucket_is_opened_and_not_before() -> None:
    code = """if True:
        import sys
        import eventlog.stores.opening, eventlog.stores.wrappers
        assert not {"aioboto3", "botocore", "aiohttp"} & sys.modules.keys()
    """
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix", "s3://bucket/a//b", "s3://bucket/.."])
def test_an_address_of_a_bucket_has_a_bucket_and_a_valid_prefix(address: str) -> None:
    with pytest.raises(Invalid):
        Place(address, StoreSettings(access_key="a", secret_key="b")).run(
            lambda store: store.head("a")
        )


def test_slashes_around_a_prefix_do_not_matter() -> None:
    settings = StoreSettings(region="eu-west-1", access_key="a", secret_key="b")

    async def address(store: Store) -> str:
        return store.address

    for given, expected in [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket//a b/c/", "s3://bucket/a b/c"),
    ]:
        assert Place(given, settings).run(address) == expected
