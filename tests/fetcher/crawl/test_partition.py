"""Walks that end where upstream stops without saying so, cut into parts that cover them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from eventlog.read.reader import read_one
from fetcher.crawl.context import Run
from fetcher.crawl.partition import cut
from fetcher.crawl.report import Progress
from fetcher.service.open_crawl import Upstream
from fetcher.state.run_queue import LEASE_US
from tests.fetcher.crawl.test_context import CIVITAI, under_way
from tests.fetcher.crawl.test_pagination import Feed, Lost, but, ids, source, walk
from tests.fetcher.making import OTHER, WRITER, Hand, lines
from tests.fetcher.state.test_run_queue import drain as drained
from tests.fetcher.state.test_run_queue import sync_with
from tests.fetcher.syncing import add_run


def levelled(id_: int, query: Mapping[str, str]) -> bool:
    """Five browsing levels, two media, and users `a` to `e`."""
    is_level = int(query["browsingLevel"]) >> id_ % 5 & 1
    is_type = query.get("type", kind(id_)) == kind(id_)
    return bool(is_level and is_type and query.get("username", user(id_)) == user(id_))


def kind(id_: int) -> str:
    return "image" if id_ % 3 else "video"


def user(id_: int) -> str:
    return "abcde"[id_ * 7 // 11 % 5]


def feed_of(count: int, most: int) -> Feed:
    return Feed(count, end=most, keeps=levelled, of=lambda id_: {"username": user(id_)})


def test_a_walk_that_ends_silently_goes_on_in_parts_that_cover_it(tmp_path: Path) -> None:
    told = walk(tmp_path, feed_of(300, 100), most=100)

    assert ids(tmp_path) == but(300)
    assert told.is_complete
    assert len(told.listings) == 1 + 5
    assert "goes on in 5 runs by browsingLevel" in str(told.listings[0].why)


def test_parts_are_cut_again_by_the_next_parameter(tmp_path: Path) -> None:
    told = walk(tmp_path, feed_of(300, 50), most=50)

    assert ids(tmp_path) == but(300)
    assert told.is_complete
    assert len(told.listings) == 1 + 5 + 5 * 3


def test_where_nothing_covers_it_the_run_is_partial(tmp_path: Path) -> None:
    told = walk(tmp_path, feed_of(600, 50), most=50)

    states = Counter(each.state for each in told.listings)
    assert states["partial"] == 5
    found = [str(each.why) for each in told.listings if each.state == "partial"]
    assert all("by username, of those met: there may be others" in why for why in found)
    assert ids(tmp_path) == but(600)


def test_parts_inherit_what_was_asked_and_go_before_what_follows(tmp_path: Path) -> None:
    walk(tmp_path, feed_of(300, 100), most=100)

    made = list(created(tmp_path))
    assert {each["params"]["withMeta"] for each in made} == {"true"}
    assert {each["params"].get("cursor") for each in made} == {None}
    assert [each.get("priority", 0) for each in made] == [0, 1, 1, 1, 1, 1]
    assert len({each["epoch"] for each in made}) == 1


def test_parts_of_a_named_listing_are_walked_in_the_same_sync(tmp_path: Path) -> None:
    told = sync_with(tmp_path, source(most=100), feed_of(300, 100).handle, listings=["images"])

    assert ids(tmp_path) == but(300)
    assert len(told.listings) == 1 + 5


def test_parts_have_as_their_target_what_is_left_of_it(tmp_path: Path) -> None:
    upstream = Upstream(source(most=100), "http://127.0.0.1:1")
    add_run(tmp_path, upstream, "images", now=Hand(), limit=130)
    drained(tmp_path, feed_of(300, 100).handle, source(most=100))

    targets = [each.get("target") for each in created(tmp_path, None)]
    assert targets == [130, *[30] * 5]


def test_an_end_that_is_none_is_said_though_the_walk_was_interrupted_there(tmp_path: Path) -> None:
    clock = Hand()

    def kill(progress: Progress) -> None:
        if progress.listing.pages == 7:
            raise Lost

    feed = feed_of(300, 100)
    with pytest.raises(Lost):
        sync_with(tmp_path, source(most=100), feed.handle, now=clock, report=kill)
    clock.at += LEASE_US
    told = drained(tmp_path, feed.handle, source(most=100), now=clock)

    (listing,) = told.listings
    assert (listing.state, listing.entities) == ("partial", 100)
    assert "interrupted where it ended" in str(listing.why)


def created(root: Path, writer: str | None = WRITER) -> Iterable[dict[str, Any]]:
    """The events that put runs into the queue, of all writers where none is named."""
    writers = (OTHER, WRITER) if writer is None else (writer,)
    for line in (each for name in writers for each in lines(root, "civitai", name)):
        found = orjson.loads(read_one(root, "civitai", line.writer, line.seq).line)
        if found.get("state") == "created":
            yield found


@pytest.mark.parametrize(
    ("params", "met", "param", "values"),
    [
        ({"browsingLevel": "5"}, [], "browsingLevel", ("1", "4")),
        ({"browsingLevel": "4"}, [], "type", ("image", "video", "audio")),
        ({"browsingLevel": "4", "type": "image"}, ["ann", "bob"], "username", ("ann", "bob")),
        ({"browsingLevel": "4", "type": "image"}, ["ann"], None, ()),
        ({"browsingLevel": "4", "type": "image"}, [], None, ()),
        ({"browsingLevel": "4", "type": "image", "username": "ann"}, ["ann", "bob"], None, ()),
    ],
)
def test_a_walk_is_cut_by_the_first_parameter_that_makes_it_shorter(
    tmp_path: Path, params: dict[str, str], met: list[str], param: str | None, values: object
) -> None:
    def what(run: Run) -> None:
        run.listing = CIVITAI.listing("images")
        run.met["username"] = dict.fromkeys(met)

        found = cut(run, params)

        assert (found and found[0].param, found[1] if found else ()) == (param, values)

    under_way(tmp_path, Hand(), what)
