"""A dry run of a pull counts what the pull then does, and changes nothing."""

import asyncio
from pathlib import Path

import pytest

from eventlog.clock import HOUR
from eventlog.errors import Invalid
from eventlog.mirror.pull.dry_run import plan_pull
from eventlog.mirror.pull.pull import PullResult, pull
from eventlog.read.event_filter import EVERYTHING, Select
from eventlog.stores.store import Store
from tests.eventlog.making import OTHER, SOURCE, START
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed, pusher_on

CHOICES = [
    EVERYTHING,
    None,
    Select(since=START + HOUR),
    Select(until=START + HOUR),
    Select(since=START + HOUR, until=START + 2 * HOUR),
    Select(sources=frozenset({SOURCE})),
    Select(sources=frozenset({"civitai"})),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A bucket with three hours of two streams."""
    root, store = tmp_path_factory.mktemp("origin"), new_store()
    for hour in range(3):
        add_hour(root, hour)
        add_hour(root, hour, OTHER)
    pushed(root, store)
    return store


def planned(root: Path, store: Store, select: Select | None = EVERYTHING) -> PullResult:
    return asyncio.run(plan_pull(root, store, select=select))


def pulled(root: Path, store: Store, select: Select | None = EVERYTHING) -> PullResult:
    return asyncio.run(pull(root, store, pusher_on(root), select=select))


@pytest.mark.parametrize("select", CHOICES)
def test_a_dry_run_counts_what_the_pull_then_does(
    tmp_path: Path, store: Store, select: Select | None
) -> None:
    plan = planned(tmp_path, store, select)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".lock"]
    assert pulled(tmp_path, store, select) == plan
    assert (plan.manifests, plan.segments + plan.left) == (6, 6)
    rest = planned(tmp_path, store)
    assert (rest.manifests, rest.segments, rest.left) == (0, plan.left, 0)
    assert pulled(tmp_path, store) == rest


def test_a_range_of_time_chooses_the_segments_that_it_overlaps(
    tmp_path: Path, store: Store
) -> None:
    def hours(select: Select | None) -> list[str]:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        root.mkdir()
        pulled(root, store, select)
        assert len(list((root / "log").rglob("*.manifest.json"))) == 6
        return sorted({path.name[:2] for path in (root / "log").rglob("*.zst")})

    assert [hours(select) for select in CHOICES] == [
        ["05", "06", "07"],
        [],
        ["06", "07"],
        ["05"],
        ["06"],
        ["05", "06", "07"],
        [],
    ]


def test_a_dry_run_names_streams_with_other_events(tmp_path: Path, store: Store) -> None:
    add_hour(tmp_path, 0, rows=1)
    with pytest.raises(Invalid, match="this bucket belongs to archive"):
        planned(tmp_path, store)

    plan = asyncio.run(plan_pull(tmp_path, store, join=True))
    assert len(plan.conflicts) == 1 and (plan.manifests, plan.segments) == (3, 3)
    assert asyncio.run(pull(tmp_path, store, pusher_on(tmp_path), join=True)) == plan
