"""Splitting a response: what is a page, and which parts it has."""

import gc

import pytest

from eventlog.body.json_spans import NotJson
from fetcher.split.response import body_keys, gc_paused, split_response, with_value_hashes
from tests.fetcher.making import LIST, page_of, response


@pytest.mark.parametrize("status", [404, 500])
def test_a_response_with_an_error_status_has_no_entities(status: int) -> None:
    parts = split_response(response(page_of({"id": 1}), status=status), LIST)

    assert parts.entities == ()
    assert parts.is_exact


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>We're adjusting a few things</html>",
        b'{"items":[{"id":1}',
        b'{"items":[]}{"items":[]}',
        b'{"items":7}',
        b"[]",
        b'{"error":"Server busy"}',
    ],
)
def test_a_response_that_is_no_page_is_refused_with_the_offset_of_the_error(body: bytes) -> None:
    with pytest.raises(NotJson, match="at byte"):
        split_response(response(body), LIST)


def test_body_keys_are_type_id_and_shape_in_order_of_appearance() -> None:
    parts = split_response(response(page_of({"id": 2}, {"id": 1})), LIST)

    assert list(body_keys(parts)) == [("model", "2", "list"), ("model", "1", "list")]


def test_value_hashes_replace_the_decoded_values() -> None:
    parts = with_value_hashes(split_response(response(page_of({"id": 1}, {"id": 2})), LIST))

    assert parts.values is None
    assert parts.hashes is not None
    assert len(set(parts.hashes)) == 2


def test_the_garbage_collector_runs_again_after_a_pause() -> None:
    assert gc.isenabled()

    with gc_paused():
        assert not gc.isenabled()

    assert gc.isenabled()
