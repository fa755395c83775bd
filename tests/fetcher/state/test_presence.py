"""Presence: what listings show, what probes refuse, and what a sighting deletes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import pytest

from eventlog.clock import HOUR, format_us
from eventlog.format.event import GONE, PAGE_FAILED
from fetcher.source import Probe, Source
from fetcher.state.presence import (
    answered_at,
    close_presence,
    ever_listed,
    ever_refused,
    find_refusals,
    missing_since,
    refresh_presence,
)
from fetcher.state.scope_changes import listed_names
from tests.fetcher.making import OTHER, START
from tests.fetcher.stream import ALL, CIVITAI, DETAIL, MODEL, MODELS, OPENROUTER, Log


@pytest.fixture
def listings(tmp_path: Path) -> Iterator[Log]:
    yield Log(tmp_path, OPENROUTER)


@pytest.fixture
def details(tmp_path: Path) -> Iterator[Log]:
    yield Log(tmp_path, CIVITAI)


def is_missing(log: Log, id_: str) -> bool:
    presence = log.open_presence()
    try:
        return missing_since(presence, ("model", id_)) is not None
    finally:
        close_presence(presence)


def listed_in(log: Log, scope: str = MODELS) -> Mapping[str, bool]:
    presence = log.open_presence()
    try:
        return {id_: is_there for (_, id_), is_there in listed_names(presence.db, scope).items()}
    finally:
        close_presence(presence)


def test_an_entity_is_missing_if_none_of_its_scopes_contains_it(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", "a/2", params=ALL)
    assert not is_missing(listings, "a/2")

    listings.append_listing("a/1")
    assert not is_missing(listings, "a/2")
    listings.append_listing("a/1", params=ALL)

    assert is_missing(listings, "a/2")
    assert not is_missing(listings, "a/1")


def test_an_entity_is_missing_since_its_last_scope_lost_it(listings: Log) -> None:
    listings.append_listing("a/2")
    listings.append_listing("a/2", params=ALL)
    listings.append_listing()
    listings.clock.at = START + HOUR
    listings.append_listing(params=ALL)
    listings.clock.at = START + 2 * HOUR
    listings.append_listing()

    presence = listings.open_presence()
    since = missing_since(presence, ("model", "a/2"))
    close_presence(presence)
    assert format_us(START + HOUR) <= str(since) < format_us(START + 2 * HOUR)


def test_an_entity_that_no_listing_ever_contained_is_not_missing(listings: Log) -> None:
    listings.append_listing("a/1")

    assert not is_missing(listings, "a/2")


def test_a_listing_without_its_last_page_proves_nothing(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", last=False)

    assert listed_in(listings) == {"a/1": True, "a/2": True}


def test_a_listing_contains_the_entities_of_all_its_pages(listings: Log) -> None:
    listings.append_listing("a/1", last=False)
    listings.append_listing("a/2", page_no=2, last=False)
    listings.append_listing("a/3", page_no=3)

    assert listed_in(listings) == {"a/1": True, "a/2": True, "a/3": True}


@pytest.mark.parametrize("pages", [[2], [1, 3], [2, 3]])
def test_a_listing_without_one_of_its_pages_proves_nothing(listings: Log, pages: list[int]) -> None:
    listings.append_listing("a/1", "a/2")
    for page_no in pages:
        listings.append_listing("a/1", page_no=page_no, last=page_no == pages[-1])

    assert listed_in(listings) == {"a/1": True, "a/2": True}


def test_a_listing_with_a_page_that_was_given_up_proves_nothing(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", last=False)
    listings.append_event(
        kind=PAGE_FAILED, members={"scope": MODELS, "page_no": 2, "error": "server"}
    )
    listings.append_listing(page_no=2)

    assert listed_in(listings) == {"a/1": True, "a/2": True}


def test_a_request_that_was_given_up_outside_a_scope_affects_no_listing(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", last=False)
    listings.append_event(kind=PAGE_FAILED, members={"page_no": 2, "error": "server"})
    listings.append_listing(page_no=2)

    assert listed_in(listings) == {"a/1": True, "a/2": False}


def test_pages_of_two_runs_are_not_a_complete_listing(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", last=False)
    listings.run = "run-2"
    listings.append_listing(page_no=2)

    assert listed_in(listings) == {"a/1": True, "a/2": True}


def test_a_complete_listing_of_another_scope_proves_nothing(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.append_listing("a/1", params=ALL)

    assert listed_in(listings) == {"a/1": True, "a/2": True}


@pytest.mark.parametrize(("scope", "page_no"), [(None, 1), (MODELS, None)])
def test_a_page_without_a_scope_or_a_number_is_not_a_listing(
    listings: Log, scope: str | None, page_no: int | None
) -> None:
    listings.append_listing("a/1", scope=scope, page_no=page_no)

    assert listed_in(listings) == {}


def test_an_imported_listing_does_not_prove_absence(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    listings.run = "import.1"
    listings.append_listing("a/1")

    assert listed_in(listings) == {"a/1": True, "a/2": True}


def test_observations_of_other_writers_do_not_count(listings: Log) -> None:
    listings.append_listing("a/1", "a/2")
    other = attrs.evolve(listings, writer=OTHER)
    other.append_listing("a/1")

    assert listed_in(listings) == {"a/1": True, "a/2": True}
    assert listed_in(other) == {"a/1": True}


def refused(log: Log, name: str = "7") -> list[int]:
    """The statuses with which a Civitai model was refused and that still count."""
    presence = log.open_presence()
    try:
        refusals = find_refusals(presence, DETAIL, {"id": name}, "")
        assert [refusal.at for refusal in refusals] == sorted(refusal.at for refusal in refusals)
        return [refusal.status for refusal in refusals]
    finally:
        close_presence(presence)


@pytest.mark.parametrize(
    ("status", "counts"),
    [(404, True), (410, True), (400, False), (403, False), (451, False), (500, False)],
)
def test_only_404_and_410_are_refusals(details: Log, status: int, counts: bool) -> None:
    details.append_response(DETAIL, {"id": "7"}, status)

    assert refused(details) == ([status] if counts else [])


def test_every_refusal_counts_for_its_own_request(details: Log) -> None:
    details.append_response(DETAIL, {"id": "7"}, 404)
    details.append_response(DETAIL, {"id": "8"}, 404)
    details.append_response(DETAIL, {"id": "7"}, 410)

    assert refused(details) == [404, 410]
    assert refused(details, "8") == [404]


def test_a_sighting_in_a_listing_deletes_earlier_refusals(details: Log) -> None:
    details.append_response(DETAIL, {"id": "7"}, 404)
    details.append_response(DETAIL, {"id": "8"}, 404)
    details.append_listing("7")

    assert (refused(details), refused(details, "8")) == ([], [404])
    details.append_response(DETAIL, {"id": "7"}, 404)
    assert refused(details) == [404]


def test_an_answer_to_the_same_request_deletes_its_refusals(details: Log) -> None:
    details.append_response(DETAIL, {"id": "7"}, 404)
    details.append_response(DETAIL, {"id": "7"}, 200, b'{"id":7}')

    assert refused(details) == []


def test_an_answer_without_entities_deletes_the_refusals_of_its_request(details: Log) -> None:
    details.append_response(DETAIL, {"id": "7"}, 404)
    details.append_response(DETAIL, {"id": "8"}, 404)
    details.append_response(DETAIL, {"id": "7"}, 400)

    assert (refused(details), refused(details, "8")) == ([], [404])


def test_a_refusal_before_an_entity_was_missing_does_not_count(listings: Log) -> None:
    params = {"author": "a", "slug": "2"}
    listings.begin_probing("gone-models")
    listings.append_response(MODEL, params, 404)
    listings.clock.at = START + HOUR
    listings.append_response(MODEL, params, 410)

    presence = listings.open_presence()
    later = find_refusals(presence, MODEL, params, format_us(START + HOUR // 2))
    earlier = find_refusals(presence, MODEL, params, format_us(START - HOUR))
    close_presence(presence)
    assert [refusal.status for refusal in later] == [410]
    assert [refusal.status for refusal in earlier] == [404, 410]


def test_if_listings_prove_absence_only_refused_probes_count(listings: Log) -> None:
    params = {"author": "a", "slug": "2"}
    listings.append_response(MODEL, params, 404)

    presence = listings.open_presence()
    assert find_refusals(presence, MODEL, params, "") == []
    close_presence(presence)


def test_only_answers_to_probes_count_as_answers(listings: Log) -> None:
    params = {"author": "a", "slug": "2"}
    listings.append_response(MODEL, params, 200, b'{"data":{"id":"a/2"}}')
    presence = listings.open_presence()
    assert answered_at(presence, MODEL, params, "") is None
    close_presence(presence)

    listings.begin_probing("gone-models")
    listings.append_response(MODEL, params, 200, b'{"data":{"id":"a/2"}}')

    presence = listings.open_presence()
    at = answered_at(presence, MODEL, params, "")
    assert at is not None and answered_at(presence, MODEL, params, at) is None
    close_presence(presence)


def probe_of(source: Source, type_: str) -> Probe:
    return next(probe for probe in source.probes if probe.type == type_)


def test_a_gone_entity_is_not_probed_until_it_is_seen_again(details: Log) -> None:
    def asked() -> tuple[list[str], list[str]]:
        presence = details.open_presence()
        try:
            probe = probe_of(CIVITAI, "model")
            return list(ever_refused(presence, probe)), list(ever_listed(presence, "model"))
        finally:
            close_presence(presence)

    details.append_listing("7", scope="all")
    details.append_response(DETAIL, {"id": "7"}, 404)
    assert asked() == (["7"], ["7"])

    details.append_event(kind=GONE, type="model", id="7", members={"url": "x", "status": 404})
    assert asked() == ([], [])

    details.append_listing("7", scope="all")
    assert asked() == ([], ["7"])


def test_presence_catches_up_with_new_events(listings: Log) -> None:
    listings.append_listing("a/1")
    presence = listings.open_presence()
    listings.append_listing("a/1", "a/2")

    refresh_presence(presence)

    assert listed_names(presence.db, MODELS) == {("model", "a/1"): True, ("model", "a/2"): True}
    close_presence(presence)
