"""Views read from row caches: the same rows as from all facts."""

import attrs
import pytest

from projector.update.update import update
from tests.projector.keyframes.row_archives import (
    ALL_DEFINITIONS,
    EMPTY_LISTING,
    FEW_LISTED,
    FIRST,
    SEEN_AGAIN,
    A,
    B,
    files_read,
    grow,
    listing,
    thing,
    wrong_views,
)
from tests.projector.logs import Gone, Page, hours, write_log

SLOW = pytest.mark.slow
"""Mark of the cases that run in `make test-all` only: similar ones remain in `make test`."""


@pytest.mark.parametrize(
    "portions",
    [
        pytest.param([SEEN_AGAIN], id="seen again", marks=SLOW),
        pytest.param([FEW_LISTED], id="missed by a listing", marks=SLOW),
        pytest.param([EMPTY_LISTING], id="missed by an empty listing", marks=SLOW),
        pytest.param([SEEN_AGAIN, FEW_LISTED, EMPTY_LISTING], id="one after the other", marks=SLOW),
        pytest.param(
            [EMPTY_LISTING, (A, [Page(hours(5), [thing(4), thing(5, 4), thing(6), thing(7)])])],
            id="missed, then back",
            marks=SLOW,
        ),
        pytest.param(
            [(A, [Gone(hours(2), "thing", f"t{n}") for n in range(7, 12)])],
            id="probed and gone",
            marks=SLOW,
        ),
        pytest.param(
            [
                (A, [Gone(hours(2), "thing", f"t{n}") for n in range(7, 12)]),
                (A, [Page(hours(3), [thing(n, n % 3) for n in range(7, 10)])]),
                (B, [Page(hours(4), [thing(n, n % 3, "detail") for n in range(9, 13)])]),
            ],
            id="gone, then back, then in a better shape",
            marks=SLOW,
        ),
        pytest.param(
            [
                (B, [Page(hours(2), [thing(n, 2) for n in range(4)])]),
                (A, [Page(hours(3), [thing(n) for n in range(4)])]),
                (B, [Page(hours(4), [thing(n, 2) for n in range(4)])]),
            ],
            id="seen by two writers in turn",
            marks=SLOW,
        ),
        pytest.param(
            [
                (A, [Page(hours(2), [thing(n, 2) for n in range(4)], "w", "/x", 1, False)]),
                (A, [Page(hours(3), [thing(n, 2) for n in range(4, 8)], "w", "/x", 2, True)]),
                SEEN_AGAIN,
            ],
            id="a pagination over two portions",
            marks=SLOW,
        ),
    ],
)
def test_entities_that_changed_after_the_row_cache_are_evaluated_again(started, limits, portions):
    grow(started, limits, *portions)

    assert files_read(started, "r")
    assert wrong_views(started, limits) == []


EMPTY_LISTING_AND_SIGHTING = (A, [listing(4, [], scope="/y"), Page(hours(4.2), [thing(20)])])
"""An empty listing, and a sighting after it."""


DETAIL_THEN_LIST = [
    (A, [Page(hours(2), [thing(n, 2, "detail") for n in range(4)])]),
    (A, [Page(hours(3), [thing(n, 3) for n in range(4)])]),
]


@pytest.mark.parametrize(
    "portions",
    [
        pytest.param([SEEN_AGAIN], id="seen again", marks=SLOW),
        pytest.param([FEW_LISTED], id="missed by a listing", marks=SLOW),
        pytest.param(
            [
                (
                    A,
                    [
                        Page(hours(2), [thing(0), thing(1, 2)]),
                        Gone(hours(3), "thing", "t0"),
                        Gone(hours(3), "thing", "t1"),
                    ],
                )
            ],
            id="seen, then probed and gone",
            marks=SLOW,
        ),
        pytest.param(
            [EMPTY_LISTING_AND_SIGHTING, (A, [Page(hours(5), [thing(n) for n in range(4, 8)])])],
            id="missed, then back",
            marks=SLOW,
        ),
        pytest.param(
            [EMPTY_LISTING, (A, [listing(5, [4, 5], 2)])],
            id="missed, then on another listing",
            marks=SLOW,
        ),
        pytest.param(
            [(B, [Page(hours(2), [thing(0, 5), thing(1, 5)])])],
            id="by another writer, at the same seqs",
            marks=SLOW,
        ),
        pytest.param(DETAIL_THEN_LIST, id="in a shape of lower rank"),
    ],
)
def test_a_row_cache_and_later_facts_give_the_same_rows_as_all_facts(started, limits, portions):
    """The views join the facts of the last portion with the row cache."""
    grow(started, limits, *portions[:-1])
    cache_files = files_read(started, "r")
    no_keyframes = attrs.evolve(limits, min_keyframe_rows=10**5)
    writer, happenings = portions[-1]
    write_log(started, "shop", writer, happenings)
    assert update(started, definitions=ALL_DEFINITIONS, limits=no_keyframes).failed == ()

    assert cache_files
    assert files_read(started, "r") == cache_files
    assert wrong_views(started, limits) == []


@pytest.mark.slow
def test_the_row_of_a_body_that_was_seen_again_comes_from_the_row_cache(empty, few_keyframes):
    write_log(empty, "shop", A, [*FIRST, Page(hours(2), [thing(1)])])
    assert update(empty, definitions=ALL_DEFINITIONS, limits=few_keyframes).failed == ()

    assert files_read(empty, "r")
    assert wrong_views(empty, few_keyframes) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "late",
    [
        pytest.param([listing(1, [0, 1], scope="/y")], id="a listing", marks=SLOW),
        pytest.param([Page(hours(0.2), [thing(3, 9), thing(40, 9)])], id="a sighting"),
        pytest.param([Gone(hours(1), "thing", "t3")], id="a probe", marks=SLOW),
    ],
)
def test_a_row_cache_is_not_read_after_late_facts(started, limits, late):
    grow(started, limits, SEEN_AGAIN, FEW_LISTED)
    write_log(started, "shop", B, late)
    update(started, definitions=ALL_DEFINITIONS, limits=limits)

    assert wrong_views(started, limits) == []
