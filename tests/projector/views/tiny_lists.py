"""File lists of things over tiny files: facts alone, with a keyframe, with a row cache.

Copies of a body in different files have different values, which shows the file that a row of a
view comes from.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from projector.changes.value_starts import FOLDER as STARTS
from projector.views.file_lists import FileList
from tests.projector.compare_views import THINGS
from tests.projector.keyframes.tiny_tables import (
    BODY,
    CACHED,
    PAGE,
    SIGHTING,
    START,
    Row,
    body,
    cached,
    complete_listing,
    listed,
    sighting,
    start,
    write_table,
)

AT = {hour: f"20261101T0{hour}0000000000" for hour in range(6)}
"""Instants of hours, as file lists contain them."""


def write_lists(root: Path) -> dict[tuple[str, str], FileList]:
    """Writes sightings, pages and bodies of three hours; returns their lists, without keyframes.

    Hour 0: a listing of `a`, `b` and `c`. Hour 2: a listing of `a`, with a new body, and `b`.
    Hour 4: `c` is back on a listing that has not ended. The values of `b` (until hour 3) and of `c`
    (from hour 4 on) were seen since another instant than that of their bodies.
    """
    sightings = {
        0: [listed(0, "a", 1), listed(0, "b", 2), listed(0, "c", 3)],
        2: [listed(2, "a", 4), listed(2, "b", 2)],
        4: [listed(4, "c", 3)],
    }
    bodies = {0: [body("a", 1, 1), body("b", 2, 2), body("c", 3, 3)], 2: [body("a", 4, 4)]}
    pages = {0: [complete_listing(0)], 2: [complete_listing(2)]}
    kinds: Sequence[tuple[str, Mapping[str, str], Mapping[int, Sequence[Row]]]] = (
        ("log.sightings", SIGHTING, sightings),
        ("log.pages", PAGE, pages),
        (THINGS.name, BODY, bodies),
    )
    lists = {}
    for name, columns, tables in kinds:
        empty = add_file(root, f"{name}-none", columns)
        dated = [
            (AT[hour], add_file(root, f"{name}-{hour}", columns, rows))
            for hour, rows in tables.items()
        ]
        lists["shop", name] = lists["shop", f"near {name}"] = FileList((empty,), tuple(dated))
    starts = [start("b", 2, -2, 3), start("c", 3, 4, 9)]
    lists["shop", STARTS] = FileList((add_file(root, STARTS, START, starts),), ())
    return lists


def add_file(root: Path, name: str, columns: Mapping[str, str], rows: Sequence[Row] = ()) -> str:
    """Writes a file. Returns its path below `views`."""
    write_table(root / "views" / f"{name}.parquet", columns, rows)
    return f"{name}.parquet"


def with_row_cache(root: Path) -> dict[tuple[str, str], FileList]:
    """Adds a row cache as of hour 1, with values from 100."""
    lists = write_lists(root)
    cache = [cached(0, "a", 1, 101), cached(0, "b", 2, 102), cached(0, "c", 3, 103)]
    empty = add_file(root, "rows-none", CACHED)
    rows = (AT[1], add_file(root, "rows", CACHED, cache))
    no_rows = FileList((empty,), ())
    return lists | {
        ("shop", "rows shop.things"): attrs.evolve(no_rows, keyframes=(rows,)),
        ("shop", "fresh shop.things"): attrs.evolve(
            lists["shop", "log.sightings"], keyframes=((AT[1],),)
        ),
    }


def with_keyframe(root: Path) -> dict[tuple[str, str], FileList]:
    """Adds a keyframe as of hour 3: its bodies have values from 200, and that of `c` is far."""
    lists = write_lists(root)
    near = [body("a", 4, 204), body("b", 2, 202)]
    sightings = [listed(2, "a", 4), listed(2, "b", 2), listed(0, "c", 3), sighting(1, "d", 3)]
    files = {
        "log.sightings": add_file(root, "keyframe", SIGHTING, sightings),
        "log.pages": add_file(root, "keyframe-pages", PAGE, [complete_listing(2)]),
        THINGS.name: add_file(root, "keyframe-bodies", BODY, near),
    }
    return lists | {
        ("shop", f"near {name}"): attrs.evolve(lists["shop", name], keyframes=((AT[3], path),))
        for name, path in files.items()
    }
