"""Pages without anything new: counted in a row, by the names of the listing's own entities."""

import pytest

from fetcher.split.repeats import SeenElements, note_page
from fetcher.split.response import split_response
from tests.fetcher.making import NESTED, page_of, response


def counts(*pages: bytes) -> list[int]:
    """The number of pages in a row without anything new, after each page."""
    seen = SeenElements()
    result = []
    for body in pages:
        note_page(seen, split_response(response(body), NESTED))
        result.append(seen.pages_without_new)
    return result


A, B, EMPTY = page_of({"id": 1}), page_of({"id": 2}), page_of()
UNNAMED, OTHER = page_of({"x": 1}), page_of({"x": 2})
CHANGED = page_of({"id": 1, "x": 2})
CHILD = page_of({"id": 1, "versions": [{"id": 7}]})


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ((A, A, A), [0, 1, 2]),
        ((A, B, A, B), [0, 0, 1, 2]),
        ((EMPTY, EMPTY, A, EMPTY), [1, 2, 0, 1]),
        ((A, page_of({"id": 1}, {"id": 3})), [0, 0]),
        ((A, CHANGED, CHILD), [0, 1, 2]),
        ((UNNAMED, OTHER, UNNAMED), [0, 0, 1]),
        ((A, page_of({"id": "1"})), [0, 1]),
    ],
)
def test_a_page_counts_unless_it_names_something_new(
    pages: tuple[bytes, ...], expected: list[int]
) -> None:
    assert counts(*pages) == expected


@pytest.mark.slow
def test_new_entities_count_as_new_among_hundred_thousands() -> None:
    size = 500
    pages = [page_of(*({"id": n} for n in range(at, at + size))) for at in range(0, 200_000, size)]

    assert set(counts(*pages)) == {0}
