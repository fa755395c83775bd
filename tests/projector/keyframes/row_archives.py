"""Archives of things, with row caches due after few events."""

from pathlib import Path

import attrs

from eventlog.clock import HOUR
from projector.definition import parse_definition
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.projector.compare_views import DEFINITIONS, views_that_differ
from tests.projector.logs import T0, Page, Seen, hours, write_log

A, B = "0000000a", "0000000b"
"""Two writers."""
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
ALL_DEFINITIONS = (*DEFINITIONS, PIECES)
MACROS = ("shop.things_at", "shop.things_all_at", "shop.pieces_at", "shop.pieces_all_at")
INSTANTS = [T0 + n * HOUR for n in (2, 3, 4, 5, 9)]
"""Instants of the events that tests add, and one long after them."""


def thing(n, value=1, shape="list"):
    """Returns entity number `n` as seen on a page."""
    return Seen("thing", f"t{n}", {"id": f"t{n}", "value": value}, shape)


def listing(hour, numbers, value=1, scope="/x", **more):
    """Returns a complete listing of these things on one page."""
    entities = [thing(n, value) for n in numbers]
    return Page(hours(hour), entities, f"{scope} {hour}", scope, 1, True, **more)


FIRST = [listing(0, range(24)), listing(0.5, range(6), scope="/y")]
"""Listings of the first update: it builds a row cache, and the next keyframe is not due soon."""
SEEN_AGAIN = (A, [Page(hours(2), [thing(0, 2), thing(1), thing(2, 0), thing(30, 3)], "r2")])
FEW_LISTED = (A, [listing(3, [0, 1, 2, 3], 1, "/y")])
EMPTY_LISTING = (A, [listing(4, [], scope="/y")])
"""Events for `grow`, after `FIRST`."""


def grow(root, limits, *portions):
    """Appends each (writer, happenings) to the log and updates the views after it."""
    for writer, happenings in portions:
        write_log(root, "shop", writer, happenings)
        assert update(root, definitions=ALL_DEFINITIONS, limits=limits).failed == ()


def files_read(root, kind):
    """Returns the names of the files of a kind that the views of things read.

    Kinds: `r` row caches.
    """
    paths = (Path(path) for path in files_of_views(root / "views"))
    return sorted(
        path.name for path in paths if path.name.startswith(f"{kind}-") and "things" in str(path)
    )


def wrong_views(root, limits):
    """Returns the macros and instants at which views differ from those built without keyframes."""
    never = attrs.evolve(limits, min_keyframe_rows=10**9)
    return views_that_differ(root, ALL_DEFINITIONS, MACROS, INSTANTS, limits=never)


def delete_row_caches(root):
    """Deletes all row caches."""
    for path in (root / "views").rglob("r-2*.parquet"):
        path.unlink()
