"""What a month takes, from the catalog: the recent hours are a rate, all of them are stored."""

from pathlib import Path

import pytest

from eventlog.clock import DAY, HOUR
from eventlog.files.assets import put_asset
from eventlog.format.paths import sealed_path
from eventlog.mirror.cost.month import monthly_cost
from eventlog.mirror.plan.lag import bucket_ledger
from tests.eventlog.making import OTHER, START
from tests.eventlog.mirror.buckets import add_hour, new_store, objects_of, pushed


def test_a_young_archive_is_extrapolated_and_an_old_one_is_counted(tmp_path: Path) -> None:
    for hour in (0, 1, 24, 25):
        add_hour(tmp_path, hour)
        add_hour(tmp_path, hour, OTHER)
    day = START // DAY * DAY

    young = monthly_cost(tmp_path, None, day + 2 * DAY)
    assert (young.days, young.segments) == (2, 8 * 15)
    # sealed files, manifests, and one record per hour; every 64 records a roll-up
    assert young.added.objects == young.added.writes == (8 * 2 + 4) * 15
    assert young.added.reads == 2 * 4 * 15
    old = monthly_cost(tmp_path, None, START + 24 * HOUR + 30 * DAY)
    assert (old.days, old.segments, old.added.writes) == (30, 4, 4 * 2 + 2)
    later = monthly_cost(tmp_path, None, START + 90 * DAY)
    assert (later.segments, later.added.objects) == (0, 0)
    assert later.stored_bytes == old.stored_bytes == young.stored_bytes


def test_what_is_stored_is_what_the_bucket_has_after_a_push(tmp_path: Path) -> None:
    for hour in range(3):
        name = add_hour(tmp_path, hour * 24)
    store, now = new_store(), START + 40 * DAY
    pushed(tmp_path, store)
    objects = objects_of(store)
    ledger = bucket_ledger(tmp_path, store.address)

    cost = monthly_cost(tmp_path, ledger, now)
    assert cost.stored_objects == len(objects) - 1  # the id of the archive
    assert cost.stored_bytes == pytest.approx(sum(map(len, objects.values())), rel=0.35)
    assert cost.usage.stored_bytes == cost.stored_bytes
    assert (cost.check.writes, cost.check.reads) == (2, 5)
    sealed_path(tmp_path, name).unlink()  # as freed space is: the mirror has it
    assert monthly_cost(tmp_path, ledger, now) == cost


def test_assets_are_stored_and_recent_ones_are_added(tmp_path: Path) -> None:
    add_hour(tmp_path, -60 * 24)
    now = START + 40 * DAY
    before = monthly_cost(tmp_path, None, now)
    put_asset(tmp_path, b"x" * 5_000)
    (tmp_path / "assets" / "sha256" / ".unfinished.tmp").write_bytes(b"x")

    cost = monthly_cost(tmp_path, None, now)
    assert cost.stored_bytes == before.stored_bytes + 5_000
    assert cost.stored_objects == before.stored_objects + 1
    written = monthly_cost(tmp_path, None, now=written_at(tmp_path))
    assert (written.added.objects, written.added.size) == (1, 5_000)


def written_at(root: Path) -> int:
    [path] = [path for path in (root / "assets").rglob("*") if len(path.name) == 64]
    return path.stat().st_mtime_ns // 1000
