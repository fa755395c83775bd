"""A store for plain functions, which runs in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from eventlog.errors import NotFound
from eventlog.stores.opening import open_store
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from eventlog.stores.wrappers import in_thread
from tests.eventlog.stores.places import names_in, new_name


def test_a_plain_function_uses_a_store_through_a_thread() -> None:
    address = f"memory://{new_name()}"
    with in_thread(open_store(address)) as blocking:
        assert blocking.run(blocking.store.put_new("a", upload_of_bytes(b"x")))
        assert blocking.run(names_in(blocking.store)) == ["a"]
        with pytest.raises(NotFound):
            blocking.run(blocking.store.get("b", None))

    assert not [thread for thread in threading.enumerate() if thread.name == "store"]


@asynccontextmanager
async def _unopenable() -> AsyncGenerator[Store, None]:
    raise NotFound("no store")
    yield


def test_the_thread_ends_if_the_store_cannot_be_opened() -> None:
    with pytest.raises(NotFound), in_thread(_unopenable()):
        raise AssertionError
    assert not [thread for thread in threading.enumerate() if thread.name == "store"]


def test_an_interrupt_cancels_the_call_that_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupted(_future: object, timeout: object = None) -> None:
        raise KeyboardInterrupt

    with in_thread(open_store(f"memory://{new_name()}")) as blocking:
        with monkeypatch.context() as patch:
            patch.setattr("concurrent.futures.Future.result", interrupted)
            with pytest.raises(KeyboardInterrupt):
                blocking.run(endless())
        assert cancelled.wait(10)
