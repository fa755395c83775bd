"""Resolved rows: passed on where nothing moved, and the same answers as from the facts."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.clock import HOUR
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from projector.definition import parse_definition
from projector.folders import current_parts
from projector.limits import LIMITS
from projector.query.open_views import open_views
from projector.update.update import build_views, update
from projector.views.views_database import files_of_views, write_views
from tests.projector.logs import T0, Gone, Page, Seen, hours, write_log
from tests.projector.roads import DEFINITIONS, differing

A, B = "0000000a", "0000000b"
PIECES = parse_definition(
    """-- shop.pieces: several rows of a thing, or none
-- types: thing
-- shapes: detail*, list*
-- rows: many
-- key: thing_id VARCHAR
-- columns:
--   value  /value  int
SELECT * EXCLUDE (places), unnest(places)::INTEGER AS _row
FROM (SELECT *, CASE WHEN value > 0 THEN range(1, value + 1) ELSE [0] END AS places FROM event)
""",
    "shop",
    "pieces",
)
EVERY = (*DEFINITIONS, PIECES)
MACROS = ("shop.things_at", "shop.things_all_at", "shop.pieces_at", "shop.pieces_all_at")
REST = pytest.mark.slow
"""Of cases that are alike, all but some run in `make test-all` only."""
INSTANTS = [T0 + n * HOUR for n in (2, 3, 4, 5, 9)]
"""Those at which portions come, and one long after."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(10**6, marks=pytest.mark.slow), 4],
    ids=["at once", "in turns"],
)
def limits(request):
    """Limits with which rows are due at once; the parameter is the number of rows of a chunk."""
    return attrs.evolve(
        LIMITS,
        min_keyframe_rows=0,
        max_moved_share=1,
        max_single_query_rows=request.param,
        max_narrow_chunk_rows=request.param * 4,
        max_wide_chunk_rows=request.param * 2,
        max_open_partitions=2,
    )


@pytest.fixture
def later(limits):
    """The same limits, with more rows before a keyframe is due."""
    return attrs.evolve(limits, min_keyframe_rows=40)


def thing(n, value=1, shape="list"):
    return Seen("thing", f"t{n}", {"id": f"t{n}", "value": value}, shape)


def listing(hour, numbers, value=1, scope="/x", **more):
    entities = [thing(n, value) for n in numbers]
    return Page(hours(hour), entities, f"{scope} {hour}", scope, 1, True, **more)


FIRST = [listing(0, range(24)), listing(0.5, range(6), scope="/y")]
"""Rows of them are there after the first update, and no keyframe is due for a while."""


@pytest.fixture(scope="module")
def first(tmp_path_factory, limits):
    """An archive after its first update."""
    root = tmp_path_factory.mktemp("first")
    (root / "log").mkdir()
    grow(root, limits, (A, FIRST))
    return root


@pytest.fixture
def begun(empty, first):
    """A copy of it."""
    shutil.copytree(first, empty, dirs_exist_ok=True)
    return empty


def grow(root, limits, *portions):
    """A log written portion by portion, with an update after each."""
    for writer, happenings in portions:
        write_log(root, "shop", writer, happenings)
        assert update(root, definitions=EVERY, limits=limits).failed == ()


def named(root, kind):
    """The files of a kind that views of things read."""
    every = (Path(path) for path in files_of_views(root / "views"))
    return sorted(
        each.name for each in every if each.name.startswith(f"{kind}-") and "things" in str(each)
    )


def wrong(root, limits):
    """Where views say something else than those built without any keyframe."""
    never = attrs.evolve(limits, min_keyframe_rows=10**9)
    return differing(root, EVERY, MACROS, INSTANTS, limits=never)


SEEN_AGAIN = (A, [Page(hours(2), [thing(0, 2), thing(1), thing(2, 0), thing(30, 3)], "r2")])
ON_A_LISTING = (A, [listing(3, [0, 1, 2, 3], 1, "/y")])
NOBODY = (A, [listing(4, [], scope="/y")])


@pytest.mark.parametrize(
    "portions",
    [
        pytest.param([SEEN_AGAIN], id="seen again", marks=REST),
        pytest.param([ON_A_LISTING], id="missed by a listing", marks=REST),
        pytest.param([NOBODY], id="missed by an empty listing", marks=REST),
        pytest.param([SEEN_AGAIN, ON_A_LISTING, NOBODY], id="one after the other", marks=REST),
        pytest.param(
            [NOBODY, (A, [Page(hours(5), [thing(4), thing(5, 4), thing(6), thing(7)])])],
            id="missed, then back",
            marks=REST,
        ),
        pytest.param(
            [(A, [Gone(hours(2), "thing", f"t{n}") for n in range(7, 12)])],
            id="probed and gone",
            marks=REST,
        ),
        pytest.param(
            [
                (A, [Gone(hours(2), "thing", f"t{n}") for n in range(7, 12)]),
                (A, [Page(hours(3), [thing(n, n % 3) for n in range(7, 10)])]),
                (B, [Page(hours(4), [thing(n, n % 3, "detail") for n in range(9, 13)])]),
            ],
            id="gone, then back, then in a better shape",
            marks=REST,
        ),
        pytest.param(
            [
                (B, [Page(hours(2), [thing(n, 2) for n in range(4)])]),
                (A, [Page(hours(3), [thing(n) for n in range(4)])]),
                (B, [Page(hours(4), [thing(n, 2) for n in range(4)])]),
            ],
            id="told in turns by two writers",
            marks=REST,
        ),
        pytest.param(
            [
                (A, [Page(hours(2), [thing(n, 2) for n in range(4)], "w", "/x", 1, False)]),
                (A, [Page(hours(3), [thing(n, 2) for n in range(4, 8)], "w", "/x", 2, True)]),
                SEEN_AGAIN,
            ],
            id="a walk that began before a delta",
        ),
    ],
)
def test_what_moved_since_the_rows_is_worked_out_anew(begun, limits, portions):
    grow(begun, limits, *portions)

    assert named(begun, "r")
    assert wrong(begun, limits) == []


MISSED = (A, [listing(4, [], scope="/y"), Page(hours(4.2), [thing(20)])])
"""With somebody seen, or there would be no delta that says so."""
LESSER = [
    (A, [Page(hours(2), [thing(n, 2, "detail") for n in range(4)])]),
    (A, [Page(hours(3), [thing(n, 3) for n in range(4)])]),
]


@pytest.mark.parametrize(
    "portions",
    [
        pytest.param([SEEN_AGAIN], id="seen again", marks=REST),
        pytest.param([ON_A_LISTING], id="missed by a listing", marks=REST),
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
            marks=REST,
        ),
        pytest.param(
            [MISSED, (A, [Page(hours(5), [thing(n) for n in range(4, 8)])])],
            id="missed, then back",
            marks=REST,
        ),
        pytest.param(
            [NOBODY, (A, [listing(5, [4, 5], 2)])], id="missed, then on another listing", marks=REST
        ),
        pytest.param(
            [(B, [Page(hours(2), [thing(0, 5), thing(1, 5)])])],
            id="by another, at the same seqs",
            marks=REST,
        ),
        pytest.param(LESSER, id="in a lesser shape"),
    ],
)
def test_what_is_new_and_the_rows_tell_together_is_what_the_facts_tell(begun, limits, portions):
    """After the last portion there is no delta: its views join what is new and the rows."""
    grow(begun, limits, *portions[:-1])
    rows = named(begun, "r"), named(begun, "d")
    much_later = attrs.evolve(limits, min_keyframe_rows=10**5)
    writer, happenings = portions[-1]
    write_log(begun, "shop", writer, happenings)
    assert update(begun, definitions=EVERY, limits=much_later).failed == ()

    assert rows[0]
    assert (named(begun, "r"), named(begun, "d")) == rows
    assert wrong(begun, limits) == []


@pytest.mark.slow
def test_a_body_that_is_named_again_is_passed_on_from_the_rows(empty, later):
    write_log(empty, "shop", A, [*FIRST, Page(hours(2), [thing(1)])])
    assert update(empty, definitions=EVERY, limits=later).failed == ()

    assert named(empty, "r")
    assert not named(empty, "d")
    assert wrong(empty, later) == []


def test_a_delta_follows_another_until_the_next_rows(empty, limits):
    deltas = []
    for n in range(2, 6):
        write_log(empty, "shop", A, FIRST if n == 2 else [])
        write_log(empty, "shop", A, [Page(hours(n), [thing(i, n) for i in range(4)])])
        update(empty, definitions=EVERY, limits=limits)
        deltas += named(empty, "d")
        assert len(named(empty, "r")) == 1
    assert len(set(deltas)) == 3
    assert named(empty, "d") == deltas[-2:], "the last two"

    write_log(empty, "shop", A, [listing(6, range(24), 2)])
    update(empty, definitions=EVERY, limits=limits)

    assert len(named(empty, "r")) == 2
    assert named(empty, "d") == []


@pytest.mark.slow
def test_of_many_cuts_at_once_two_deltas_are_made(empty, later):
    write_log(empty, "shop", A, FIRST)
    for n in range(2, 6):
        write_log(empty, "shop", A, [Page(hours(n), [thing(i, n) for i in range(4)])])
        update(empty, definitions=EVERY, limits=later)
    last = named(empty, "d")[-1:]
    for path in [*empty.rglob("d-*.parquet"), *empty.rglob("r-*.parquet")]:
        path.unlink()
    update(empty, definitions=EVERY, limits=later)

    assert len(last) == 1
    assert len(named(empty, "d")) == 2, "one in the middle"
    assert named(empty, "d")[1:] == last
    made = [path.name for path in empty.rglob("d-*.parquet") if "things" in str(path)]
    assert sorted(made) == named(empty, "d")
    assert wrong(empty, later) == []


@pytest.mark.slow
def test_parts_are_put_together_between_deltas_only(empty, later):
    write_log(empty, "shop", A, FIRST)
    update(empty, definitions=EVERY, limits=later)
    moved = [(0, 4), (4, 8), (0, 1), (1, 2)]
    for n, (low, high) in enumerate(moved, 2):
        write_log(empty, "shop", A, [Page(hours(n), [thing(i, n) for i in range(low, high)])])
        update(empty, definitions=EVERY, limits=later)
    deltas = named(empty, "d")
    assert deltas
    sightings = parts_of_sightings(empty)

    update(empty, definitions=EVERY, limits=attrs.evolve(later, max_newest_parts=1))

    assert len(parts_of_sightings(empty)) < len(sightings)
    assert named(empty, "d") == deltas
    assert wrong(empty, later) == []


def parts_of_sightings(root):
    """Those that views read."""
    return [
        each for each in files_of_views(root / "views") if "log.sightings" in each and "/2" in each
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "late",
    [
        pytest.param([listing(1, [0, 1], scope="/y")], id="a listing", marks=REST),
        pytest.param([Page(hours(0.2), [thing(3, 9), thing(40, 9)])], id="a sighting"),
        pytest.param([Gone(hours(1), "thing", "t3")], id="a probe", marks=REST),
    ],
)
def test_rows_are_not_read_where_something_came_late(begun, limits, late):
    grow(begun, limits, SEEN_AGAIN, ON_A_LISTING)
    write_log(begun, "shop", B, late)
    update(begun, definitions=EVERY, limits=limits)

    assert wrong(begun, limits) == []


def imported(root, things):
    """An import that names at the first hour bodies that it stored before, of the ninth.

    Yields when the earlier segment is there, and when both are.
    """
    far = root / "far"
    (far / "log").mkdir(parents=True)
    write_log(far, "shop", B, [Page(hours(9), things), Page(hours(1), things)])
    for name in sorted(
        (each.name for each in list_segments(far, "shop")), key=lambda name: name.starts_at
    ):
        for place in (sealed_path, manifest_path):
            place(root, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place(far, name), place(root, name))
        yield


@pytest.mark.slow
def test_rows_hold_bodies_that_were_stored_at_a_later_hour(empty, limits):
    write_log(empty, "shop", A, FIRST)
    update(empty, definitions=EVERY, limits=limits)
    for _ in imported(empty, [thing(n, 2) for n in range(40, 80)]):
        update(empty, definitions=EVERY, limits=limits)
    forget_rows(empty)
    update(empty, definitions=EVERY, limits=limits)

    (first,) = (empty / "views").rglob("shop.things/*/r-20261101T01*.parquet")
    query = "SELECT count(*) FILTER (_seq IS NULL), bool_or(_id = 't40') FROM read_parquet(?)"
    with open_views(empty) as shown:
        assert shown.execute(query, [str(first)]).fetchall() == [(0, True)]
    assert wrong(empty, limits) == []


@pytest.mark.slow
def test_an_entity_whose_body_comes_later_than_its_rows_is_looked_for(empty, limits):
    """An import names bodies that it stored before, which may be of a later hour."""
    write_log(empty, "shop", A, FIRST)
    for _ in imported(empty, [thing(40, 2)]):
        update(empty, definitions=EVERY, limits=limits)

    assert named(empty, "r")
    with open_views(empty) as shown:
        query = "SELECT count(*) FROM shop.things_at('2026-11-01 02:00') WHERE id = 't40'"
        assert shown.execute(query).fetchall() == [(1,)]
    assert wrong(empty, limits) == []


@pytest.mark.slow
def test_rows_that_would_spare_little_are_not_made(empty, limits):
    limits = attrs.evolve(limits, max_moved_share=LIMITS.max_moved_share)
    for n in range(4):
        write_log(empty, "shop", A, [listing(n, range(24))])
        update(empty, definitions=EVERY, limits=limits)

    assert any("/s-" in path for path in files_of_views(empty / "views"))
    assert named(empty, "r") == []


def forget_rows(root):
    for kind in "rd":
        for path in (root / "views").rglob(f"{kind}-2*.parquet"):
            path.unlink()


@pytest.mark.slow
def test_rows_deleted_by_hand_come_back(begun, limits):
    grow(begun, limits, SEEN_AGAIN, ON_A_LISTING)
    forget_rows(begun)
    update(begun, definitions=EVERY, limits=limits)

    assert named(begun, "r")
    assert wrong(begun, limits) == []


def test_the_views_file_is_written_without_opening_keyframes_or_rows(
    begun, limits, tmp_path_factory
):
    grow(begun, limits, SEEN_AGAIN, ON_A_LISTING)
    parts = current_parts(begun / "views")
    _, script = build_views(begun, parts, EVERY, EVERY, limits=limits)
    kept = [path for path in parts.rglob("*.parquet") if path.name[:2] in ("s-", "k-", "r-", "d-")]
    for path in kept:
        path.write_bytes(b"not read")

    assert {path.name[0] for path in kept} >= {"s", "r", "d"}
    assert write_views(tmp_path_factory.mktemp("made"), script)
