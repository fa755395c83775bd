"""Listings that the upstream cuts off silently continue in partitions that cover them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from eventlog.read.reader import read_one
from fetcher.crawl.active_run import ActiveRun
from fetcher.crawl.pagination.partition import choose_partition
from fetcher.crawl.report import Progress
from fetcher.service.open_crawl import Upstream
from fetcher.state.run_queue import LEASE_US
from tests.fetcher.crawl.pagination.test_paginate import (
    Feed,
    Lost,
    all_but,
    ids,
    paginate_feed,
    source,
)
from tests.fetcher.crawl.test_active_run import CIVITAI, with_claimed_run
from tests.fetcher.making import OTHER, WRITER, SteppingClock, lines
from tests.fetcher.syncing import add_run, is_complete, sync_with, work_on_queue


def matches(id_: int, query: Mapping[str, str]) -> bool:
    """Whether an image matches: five browsing levels, two types, users `a` to `e`."""
    is_level = int(query["browsingLevel"]) >> id_ % 5 & 1
    is_type = query.get("type", kind(id_)) == kind(id_)
    return bool(is_level and is_type and query.get("username", user(id_)) == user(id_))


def kind(id_: int) -> str:
    return "image" if id_ % 3 else "video"


def user(id_: int) -> str:
    return "abcde"[id_ * 7 // 11 % 5]


def feed_of(count: int, most: int) -> Feed:
    return Feed(count, end=most, matches=matches, members=lambda id_: {"username": user(id_)})


def test_a_listing_that_ends_silently_continues_in_partitions_that_cover_it(tmp_path: Path) -> None:
    report = paginate_feed(tmp_path, feed_of(300, 100), most=100)

    assert ids(tmp_path) == all_but(300)
    assert is_complete(report)
    assert len(report.listings) == 1 + 5
    assert "continues in 5 runs by browsingLevel" in str(report.listings[0].why)


def test_partitions_are_partitioned_again_by_the_next_parameter(tmp_path: Path) -> None:
    report = paginate_feed(tmp_path, feed_of(300, 50), most=50)

    assert ids(tmp_path) == all_but(300)
    assert is_complete(report)
    assert len(report.listings) == 1 + 5 + 5 * 3


def test_a_run_whose_partitions_may_be_incomplete_is_partial(tmp_path: Path) -> None:
    report = paginate_feed(tmp_path, feed_of(600, 50), most=50)

    states = Counter(listing.state for listing in report.listings)
    assert states["partial"] == 5
    reasons = [str(listing.why) for listing in report.listings if listing.state == "partial"]
    assert all("username, whose values come from entities" in why for why in reasons)
    assert ids(tmp_path) == all_but(600)


def test_partitions_inherit_the_parameters_and_run_before_following_listings(
    tmp_path: Path,
) -> None:
    paginate_feed(tmp_path, feed_of(300, 100), most=100)

    events = list(created(tmp_path))
    assert {event["params"]["withMeta"] for event in events} == {"true"}
    assert {event["params"].get("cursor") for event in events} == {None}
    assert [event.get("priority", 0) for event in events] == [0, 1, 1, 1, 1, 1]
    assert len({event["epoch"] for event in events}) == 1


def test_partitions_of_a_named_listing_run_in_the_same_sync(tmp_path: Path) -> None:
    report = sync_with(tmp_path, source(most=100), feed_of(300, 100).handle, listings=["images"])

    assert ids(tmp_path) == all_but(300)
    assert len(report.listings) == 1 + 5


def test_the_target_of_partitions_is_what_remains_of_the_target(tmp_path: Path) -> None:
    upstream = Upstream(source(most=100), "http://127.0.0.1:1")
    add_run(tmp_path, upstream, "images", now=SteppingClock(), limit=130)
    work_on_queue(tmp_path, feed_of(300, 100).handle, source(most=100))

    targets = [event.get("target") for event in created(tmp_path, None)]
    assert targets == [130, *[30] * 5]


def test_a_silent_end_is_reported_even_if_the_run_was_interrupted_there(tmp_path: Path) -> None:
    clock = SteppingClock()

    def kill(progress: Progress) -> None:
        if progress.listing.pages == 7:
            raise Lost

    feed = feed_of(300, 100)
    with pytest.raises(Lost):
        sync_with(tmp_path, source(most=100), feed.handle, now=clock, on_progress=kill)
    clock.at += LEASE_US
    report = work_on_queue(tmp_path, feed.handle, source(most=100), now=clock)

    (listing,) = report.listings
    assert (listing.state, listing.entities) == ("partial", 100)
    assert "interrupted near its end" in str(listing.why)


def created(root: Path, writer: str | None = WRITER) -> Iterable[dict[str, Any]]:
    """The events that create runs; of both writers if `writer` is None."""
    writers = (OTHER, WRITER) if writer is None else (writer,)
    for line in (line for name in writers for line in lines(root, "civitai", name)):
        event = orjson.loads(read_one(root, "civitai", line.writer, line.seq).line)
        if event.get("state") == "created":
            yield event


@pytest.mark.parametrize(
    ("params", "users", "param", "values"),
    [
        ({"browsingLevel": "5"}, [], "browsingLevel", ("1", "4")),
        ({"browsingLevel": "4"}, [], "type", ("image", "video", "audio")),
        ({"browsingLevel": "4", "type": "image"}, ["ann", "bob"], "username", ("ann", "bob")),
        ({"browsingLevel": "4", "type": "image"}, ["ann"], None, ()),
        ({"browsingLevel": "4", "type": "image"}, [], None, ()),
        ({"browsingLevel": "4", "type": "image", "username": "ann"}, ["ann", "bob"], None, ()),
    ],
)
def test_the_first_parameter_with_several_values_is_chosen(
    tmp_path: Path, params: dict[str, str], users: list[str], param: str | None, values: object
) -> None:
    def act(run: ActiveRun) -> None:
        run.listing = CIVITAI.listing("images")
        run.partition_values["username"] = dict.fromkeys(users)

        chosen = choose_partition(run, params)

        assert (chosen and chosen[0].param, chosen[1] if chosen else ()) == (param, values)

    with_claimed_run(tmp_path, SteppingClock(), act)
