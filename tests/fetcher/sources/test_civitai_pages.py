"""Pages of Civitai: the next page, permanent errors, and cursors past a poison page."""

import json

import pytest

from fetcher.source import Continuation
from fetcher.sources import SOURCES
from fetcher.sources.civitai_pages import (
    civitai_continuation,
    next_page,
    single_levels,
    skip_entity,
)

CIVITAI = SOURCES["civitai"]


@pytest.mark.parametrize(
    ("metadata", "count", "next_", "is_end"),
    [
        ({"nextCursor": 101}, 1, {"cursor": "101"}, False),
        ({"nextCursor": "41291|348916|4468"}, 1, {"cursor": "41291|348916|4468"}, False),
        ({"nextCursor": "2023-06-23T22:01:39.171Z|9"}, 1, None, False),
        ({"nextCursor": "feed:1:2", "nextPage": "https://other/?cursor=x"}, 0, None, False),
        ({"nextPage": "https://x/?limit=2&page=2", "currentPage": 1}, 1, {"page": "2"}, False),
        ({"nextPage": "https://x/?cursor=a%7Cb"}, 1, {"cursor": "a|b"}, False),
        ({}, 3, {}, True),
        ({}, 0, {}, False),
        ({"totalItems": 0}, 0, {}, True),
        ({"nextCursor": None, "nextPage": ""}, 2, {}, True),
    ],
)
def test_civitai_pages_continue_in_every_recorded_form(
    metadata: dict[str, object], count: int, next_: dict[str, str] | None, is_end: bool
) -> None:
    envelope = json.dumps({"items": [], "metadata": metadata}).encode()

    page = civitai_continuation(envelope, {}, count)

    expected = {"cursor": str(metadata["nextCursor"])} if next_ is None else next_ or None
    assert (page.next, page.is_end) == (expected, is_end)


@pytest.mark.parametrize(
    ("page", "count", "doubt"),
    [
        ('"metadata":{"totalItems":3},"error":"busy"', 3, "status 200 with the member 'error'"),
        ('"metadata":{"totalItems":6}', 0, "totalItems is 6, but there are no items"),
        ('"metadata":{"currentPage":1,"totalPages":3}', 9, "page 1 of 3 has no next page"),
        ('"metadata":{"totalPages":2,"nextPage":null}', 9, "page 1 of 2 has no next page"),
    ],
)
def test_a_page_that_contradicts_itself_is_not_the_end(page: str, count: int, doubt: str) -> None:
    envelope = f'{{"items":[],{page}}}'.encode()

    assert civitai_continuation(envelope, {}, count) == Continuation(None, None, False, doubt)


def test_a_page_that_reports_an_error_is_doubtful_also_before_the_end() -> None:
    for following in ('{"nextCursor":1}', '{"nextPage":"https://x/?page=2"}'):
        envelope = f'{{"items":[],"error":1,"metadata":{following}}}'.encode()
        page = civitai_continuation(envelope, {}, 1)

        assert page.next and page.doubt


@pytest.mark.parametrize(
    ("metadata", "params", "count"),
    [
        ('{"currentPage":3,"totalPages":3,"totalItems":9}', {"page": "3"}, 3),
        ('{"currentPage":5,"totalPages":3,"totalItems":9}', {"page": "5"}, 0),
        ('{"totalItems":9}', {"cursor": "7"}, 0),
        ('{"totalItems":9}', {"page": "5"}, 0),
        ('{"totalPages":"x","totalItems":-1}', {}, 0),
    ],
)
def test_a_page_that_agrees_with_itself_is_the_end(
    metadata: str, params: dict[str, str], count: int
) -> None:
    envelope = f'{{"items":[],"metadata":{metadata}}}'.encode()

    assert civitai_continuation(envelope, params, count).is_end


def test_a_page_cursor_is_found_next_to_invalid_json() -> None:
    envelope = b'{"items":[],"bad":NaN,"metadata":{"nextCursor":"a|1"}}'

    assert civitai_continuation(envelope, {}, 1).next == {"cursor": "a|1"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            429,
            b'{"error":"You\'ve requested too many pages, please use cursors instead"}',
            "too_deep",
        ),
        (429, b'{"error":"Rate limit exceeded, please retry shortly."}', None),
        (500, b'{"message":"An unexpected error occurred","error":"URI malformed"}', "poison"),
        (500, b'{"error":"canceling statement due to statement timeout"}', None),
        (400, b'{"error":"Invalid cursor: expected 3 parts"}', "cursor"),
        (400, b'{"message":"This cursor cannot be continued with these filters"}', "cursor"),
        (400, b'{"message":"This cursor can no longer be continued; start again"}', "cursor"),
        (400, b'{"error":{"issues":[]}}', None),
        (404, b'{"error":"Invalid cursor"}', None),
    ],
)
def test_permanent_errors_are_recognised_by_the_message_of_the_upstream(
    status: int, body: bytes, expected: str | None
) -> None:
    assert CIVITAI.fault(status, body) == expected


@pytest.mark.parametrize(
    ("cursor", "sort", "expected"),
    [
        ("41291|348916|4468", "Highest Rated", "41291|348916|4467"),
        ("2026-11-21T05:00:00.000Z|77", "Newest", "2026-11-21T05:00:00.000Z|76"),
        ("2026-11-21T05:00:00.000Z|77", "Oldest", "2026-11-21T05:00:00.000Z|78"),
        ("feed:1736603039244:9", "Newest", "feed:1736603039244:8"),
        ("feed:1736603039244:9", "Oldest", "feed:1736603039244:10"),
        ("4|1736603039244", "Most Reactions", "5|1736603039244"),
        ("9476750", "Newest", "9476749"),
        ("2024-07-01T00:00:00.000Z", "Newest", None),
        ("4|bdx:{}", "Newest", None),
        ("", "Newest", None),
    ],
)
def test_a_cursor_past_one_entity_is_known_for_some_forms(
    cursor: str, sort: str, expected: str | None
) -> None:
    past = skip_entity({"cursor": cursor, "sort": sort})

    assert past == (None if expected is None else {"cursor": expected})


@pytest.mark.parametrize(
    ("level", "expected"),
    [("31", ("1", "2", "4", "8", "16")), ("5", ("1", "4")), ("4", ()), ("", ()), ("x", ())],
)
def test_a_browsing_level_is_divided_into_its_bits(level: str, expected: tuple[str, ...]) -> None:
    assert single_levels({"browsingLevel": level}) == expected


def test_the_page_cursor_takes_precedence_over_the_next_url() -> None:
    link = "https://civitai.com/api/v1/images?page=2&cursor=9&token=x"
    both = {"items": [], "metadata": {"nextCursor": 7, "nextPage": link}}
    alone = {"items": [], "metadata": {"nextPage": link}}

    assert civitai_continuation(json.dumps(both).encode(), {}, 1).next == {"cursor": "7"}
    page = civitai_continuation(json.dumps(alone).encode(), {}, 1)
    assert (page.next, page.is_end, page.next_url) == ({"cursor": "9", "page": "2"}, False, link)


def test_a_numbered_poison_page_is_skipped_by_the_next_number() -> None:
    assert next_page({}) == {"page": "2"}
    assert next_page({"page": "7"}) == {"page": "8"}
    for path in ("/creators", "/tags"):
        assert CIVITAI.endpoint(path).skip_entity({"page": "7"}) == {"page": "8"}
    for path in ("/models", "/images"):
        assert CIVITAI.endpoint(path).skip_entity({"cursor": "7"}) == {"cursor": "6"}
