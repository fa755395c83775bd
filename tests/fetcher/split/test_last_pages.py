"""Pages of an import that repeat the last page of their request."""

from hashlib import sha256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.body.json_spans import NotJson
from eventlog.body.split_again import NOT_PARSED
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.split.last_pages import LastPages, split_like_last
from fetcher.split.response import Response, SplitResponse, split_response
from tests.fetcher.importing import models_list

SOURCE: Source = SOURCES["openrouter"]
PATH = "/api/v1/models"


def answer(body: bytes, **params: str) -> Response:
    return Response(url="", endpoint=PATH, params=params, status=200, body=body)


def split_next(last: LastPages, response: Response) -> SplitResponse:
    rules = SOURCE.endpoint(PATH).rules(response.params)
    return split_like_last(last, response, rules, sha256(response.body).hexdigest())


def split_alone(response: Response) -> SplitResponse:
    return split_response(response, SOURCE.endpoint(PATH).rules(response.params))


def count_repeated(parts: SplitResponse) -> int:
    return sum(value is NOT_PARSED for value in parts.values or ())


models = st.lists(st.tuples(st.sampled_from(["a/b", "c/d", "é/f"]), st.integers(0, 2)), max_size=4)
bodies = st.one_of(
    models.map(lambda chosen: models_list(*chosen)),
    st.sampled_from([b'{"data":[{"x":1}]}', b'{"data": []}', b'{"data":[{"id":"a/b"} ]}']),
)


@given(st.lists(st.tuples(bodies, st.sampled_from(["", "text", "all"])), max_size=8))
def test_pages_in_any_order_are_split_as_each_is_alone(pages: list[tuple[bytes, str]]) -> None:
    last = LastPages()
    for body, kind in pages:
        response = answer(body, **({"output_modalities": kind} if kind else {}))
        parts, alone = split_next(last, response), split_alone(response)

        assert attrs.evolve(parts, values=None) == attrs.evolve(alone, values=None)
        values = zip(parts.values or (), alone.values or (), strict=True)
        assert all(value in (NOT_PARSED, expected) for value, expected in values)


def test_repeated_entities_are_those_of_the_last_page_of_the_same_request() -> None:
    last = LastPages()
    body, changed = models_list(("a/b", 1), ("c/d", 1)), models_list(("a/b", 1), ("c/d", 2))

    pages = [answer(body), answer(body, q="1"), answer(changed), answer(changed, q="1")]
    parts = [split_next(last, page) for page in (*pages, *pages[2:])]

    assert [count_repeated(page) for page in parts] == [0, 0, 1, 1, 2, 2]
    assert parts[-1].digests == split_alone(pages[-1]).digests


def test_only_some_requests_are_remembered() -> None:
    last, body = LastPages(), models_list(("a/b", 1))
    for number in range(50):
        split_next(last, answer(body, q=str(number)))

    assert len(last.pages) == 8
    assert count_repeated(split_next(last, answer(body, q="49"))) == 1
    assert count_repeated(split_next(last, answer(body, q="1"))) == 0


def test_a_page_that_cannot_be_split_raises_as_it_does_alone() -> None:
    last = LastPages()
    split_next(last, answer(models_list(("a/b", 1))))

    with pytest.raises(NotJson):
        split_next(last, answer(b'{"data":[{"id":"a/b"'))
