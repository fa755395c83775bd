"""Pages of OpenRouter: what follows them, and those that contradict themselves."""

import pytest

from fetcher.sources.openrouter_pages import openrouter_continuation, openrouter_single_page


def test_openrouter_pages_continue_only_if_a_page_size_was_requested() -> None:
    whole = b'{"data":[],"total_count":2,"links":{"next":null}}'
    part = b'{"data":[],"links":{"next":"/api/v1/models?offset=500&limit=500"}}'

    assert openrouter_continuation(whole, {}, 2).is_end
    assert openrouter_continuation(b'{"data":[]}', {}, 2).is_end
    assert openrouter_continuation(part, {}, 2).next == {"offset": "500", "limit": "500"}


@pytest.mark.parametrize(
    "envelope",
    [
        b'{"data":[],"error":{"code":500}}',
        b'{"data":[],"error":"Server busy"}',
        b'{"data":[],"errors":[1]}',
        b'{"data":[],"total_count":6}',
        b' {"data":[],"total_count":6}',
    ],
)
def test_a_page_that_contradicts_itself_is_not_the_end(envelope: bytes) -> None:
    for continuation in (openrouter_continuation, openrouter_single_page):
        page = continuation(envelope, {}, 5)

        assert (page.next, page.is_end) == (None, False)
        assert page.doubt


@pytest.mark.parametrize(
    "envelope",
    [b'{"data":[]}', b'{"data":[],"error":null}', b'{"data":[],"total_count":5}'],
)
def test_a_page_that_agrees_with_itself_is_the_end(envelope: bytes) -> None:
    for continuation in (openrouter_continuation, openrouter_single_page):
        assert continuation(envelope, {}, 5).is_end


def test_the_rows_of_earlier_pages_count() -> None:
    envelope = b'{"data":[],"total_count":6}'

    assert openrouter_continuation(envelope, {"offset": "4"}, 2).is_end
    assert not openrouter_continuation(envelope, {"offset": "3"}, 2).is_end
