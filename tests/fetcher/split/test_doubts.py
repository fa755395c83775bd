"""Pages that contain something that could not be named."""

import pytest

from fetcher.source import Continuation
from fetcher.sources import SOURCES
from fetcher.split.doubts import with_doubt
from fetcher.split.response import split_response
from tests.fetcher.making import LIST, page_of, response

END = Continuation(None, None, True)


@pytest.mark.parametrize(
    "body",
    [
        page_of({"id": 1}, {"id": None}),
        page_of({"id": 1}, {"name": "x"}),
        page_of(7),
        b'{"items":{}}',
        b'{"items":{"error":{"code":500}}}',
        b'{"items":{"1":{"id":1}}}',
        b'{"items":{"models":[{"id":1}]}}',
        b'{"items":{"id":1}}',
    ],
)
def test_a_listing_with_an_unnamed_part_does_not_end(body: bytes) -> None:
    page = with_doubt(END, split_response(response(body), LIST), is_listing=True)

    assert not page.is_end
    assert page.doubt


@pytest.mark.parametrize("body", [page_of(), page_of({"id": 1})])
def test_a_listing_whose_elements_all_have_an_id_is_not_in_doubt(body: bytes) -> None:
    assert with_doubt(END, split_response(response(body), LIST), is_listing=True) == END


def test_an_object_in_place_of_a_list_of_parents_is_a_doubt_too() -> None:
    rules = SOURCES["civitai"].endpoint("/models").rules({})
    parts = split_response(response(b'{"items":{"id":1,"modelVersions":[]}}'), rules)

    assert with_doubt(END, parts, is_listing=True).doubt == "an object in place of the list"


def test_an_object_with_an_id_is_right_where_no_list_is_expected() -> None:
    parts = split_response(response(b'{"items":{"id":1}}'), LIST)

    assert with_doubt(END, parts, is_listing=False) == END


def test_the_doubt_of_the_source_comes_first() -> None:
    doubted = Continuation(None, None, False, "it reports an error")

    assert with_doubt(doubted, split_response(response(page_of(7)), LIST), is_listing=True) == (
        doubted
    )
