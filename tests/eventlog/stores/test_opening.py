"""Addresses of stores."""

import pytest

from eventlog.errors import Invalid
from eventlog.stores.opening import OPENERS, open_store
from eventlog.stores.store import Store
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
