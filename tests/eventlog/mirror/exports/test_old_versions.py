"""Old versions of an export: deleted a day after they were replaced, never the current one."""

import asyncio
from pathlib import Path

import attrs

from eventlog.clock import DAY
from eventlog.errors import Refused
from eventlog.mirror.exports.old_versions import delete_old_versions, times_path
from eventlog.stores.store import Store
from eventlog.stores.transfer import upload_of_bytes
from tests.eventlog.making import START
from tests.eventlog.mirror.buckets import new_store, objects_of

OLD, CURRENT, OTHER = "0" * 16, "1" * 16, "2" * 16


def store_with(*names: str) -> Store:
    store = new_store()
    for name in names:
        asyncio.run(store.put_new(f"exports/{name}", upload_of_bytes(b"x")))
    return store


def delete(
    root: Path, store: Store, now: int, name: str = "a", current: str = CURRENT
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return asyncio.run(delete_old_versions(root, store, name, current, now))


def test_a_version_is_deleted_a_day_after_it_was_first_seen_to_be_old(tmp_path: Path) -> None:
    kept = {f"a/{CURRENT}/x", "a/manifest.json", "a/notes/x", f"b/{OLD}/x"}
    store = store_with(f"a/{OLD}/x", f"a/{OLD}/y/z", *kept)

    assert delete(tmp_path, store, START) == ((), ())
    assert delete(tmp_path, store, START + DAY - 1) == ((), ())
    assert len(objects_of(store)) == 6
    assert delete(tmp_path, store, START + DAY) == ((OLD,), ())
    assert objects_of(store).keys() == {f"exports/{name}" for name in kept}
    assert delete(tmp_path, store, START + 9 * DAY) == ((), ())


def test_a_version_that_is_current_again_has_its_day_anew(tmp_path: Path) -> None:
    store = store_with(f"a/{OLD}/x", f"a/{OTHER}/x")
    delete(tmp_path, store, START, current=OTHER)
    delete(tmp_path, store, START + DAY // 2, current=OLD)

    assert delete(tmp_path, store, START + DAY, current=OTHER) == ((), ())
    assert delete(tmp_path, store, START + 2 * DAY, current=OTHER) == ((OLD,), ())


def test_exports_do_not_disturb_each_other_and_a_lost_state_only_delays(tmp_path: Path) -> None:
    store = store_with(f"a/{OLD}/x", f"b/{OLD}/x")
    delete(tmp_path, store, START, "a")
    delete(tmp_path, store, START + DAY // 2, "b")

    assert delete(tmp_path, store, START + DAY, "a") == ((OLD,), ())
    assert delete(tmp_path, store, START + DAY, "b") == ((), ())
    for content in (b"", b"[]", b'{"b/0000000000000000":"x"}'):
        times_path(tmp_path).write_bytes(content)
        assert delete(tmp_path, store, START + 2 * DAY, "b") == ((), ())
    assert delete(tmp_path, store, START + 3 * DAY, "b") == ((OLD,), ())


def test_what_the_key_may_not_delete_stays_and_is_named(tmp_path: Path) -> None:
    async def refuse(_name: str) -> None:
        raise Refused("AccessDenied")

    store = store_with(f"a/{OLD}/x")
    delete(tmp_path, store, START)
    limited = attrs.evolve(store, delete=refuse)

    assert delete(tmp_path, limited, START + DAY) == ((), (OLD,))
    assert delete(tmp_path, store, START + DAY) == ((OLD,), ())
