"""The next page is predicted from the first and last bytes of a page."""

import pytest

from eventlog.body.split_rules import Rule, id_member
from fetcher.crawl.prefetch import predict_next_page
from fetcher.source import Continuation
from fetcher.sources import SOURCES

PLAIN = Rule("/items", "image", "list", id_member("id"))


@pytest.mark.parametrize(
    ("body", "cursor"),
    [
        (b'{"items":[{"id":1}],"metadata":{"nextCursor":"9"}}', "9"),
        (b'{"metadata":{"nextCursor":"9"},"items":[{"id":1,"x":["]"]}]}', "9"),
        (b'{"items":[{"id":[1]}],"metadata":{"x":[[1],2],"nextCursor":"9"}}', "9"),
        (b'{"items":[{"id":1}],"metadata":{"total":9}}', None),
        (b'{"items":{"id":1},"metadata":{"nextCursor":"9"}}', None),
        (b'{"items":[{"id":1', None),
        (b"", None),
    ],
)
def test_the_next_page_is_predicted_from_both_ends_of_a_page(
    body: bytes, cursor: str | None
) -> None:
    continuation = SOURCES["civitai"].endpoint("/images").continuation
    assert continuation is not None

    predicted = predict_next_page(body, (PLAIN,), continuation, {})

    assert predicted == (Continuation({"cursor": cursor}, None, False) if cursor else None)
