"""Row caches that an update builds: when, how many, and from which events."""

import shutil

import attrs
import pytest

from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from projector.folders import current_parts
from projector.limits import LIMITS
from projector.query.open_views import open_views
from projector.update.update import build_views, update
from projector.views.views_database import files_of_views, write_views
from tests.projector.keyframes.row_archives import (
    ALL_DEFINITIONS,
    FEW_LISTED,
    FIRST,
    SEEN_AGAIN,
    A,
    B,
    delete_row_caches,
    files_read,
    grow,
    listing,
    thing,
    wrong_views,
)
from tests.projector.logs import Page, hours, write_log


@pytest.mark.slow
def test_a_row_cache_is_built_beside_each_keyframe_that_is_due(empty, limits):
    for n in range(2, 6):
        write_log(empty, "shop", A, FIRST if n == 2 else [])
        write_log(empty, "shop", A, [Page(hours(n), [thing(i, n) for i in range(4)])])
        update(empty, definitions=ALL_DEFINITIONS, limits=limits)
        assert len(files_read(empty, "r")) == 1

    write_log(empty, "shop", A, [listing(6, range(24), 2)])
    update(empty, definitions=ALL_DEFINITIONS, limits=limits)

    assert len(files_read(empty, "r")) == 2


@pytest.mark.slow
def test_merging_parts_changes_no_row(empty, few_keyframes):
    write_log(empty, "shop", A, FIRST)
    update(empty, definitions=ALL_DEFINITIONS, limits=few_keyframes)
    changed = [(0, 4), (4, 8), (0, 1), (1, 2)]
    for n, (low, high) in enumerate(changed, 2):
        write_log(empty, "shop", A, [Page(hours(n), [thing(i, n) for i in range(low, high)])])
        update(empty, definitions=ALL_DEFINITIONS, limits=few_keyframes)
    sightings = sighting_parts_read(empty)

    update(
        empty, definitions=ALL_DEFINITIONS, limits=attrs.evolve(few_keyframes, max_newest_parts=1)
    )

    assert len(sighting_parts_read(empty)) < len(sightings)
    assert wrong_views(empty, few_keyframes) == []


def sighting_parts_read(root):
    """Returns the parts of sealed sightings that the views read."""
    return [
        path for path in files_of_views(root / "views") if "log.sightings" in path and "/2" in path
    ]


def import_portions(root, things):
    """Imports two segments: a page of hour 1 names bodies that were stored with hour 9.

    Yields after each of them; the earlier hour comes first.
    """
    other = root / "other"
    (other / "log").mkdir(parents=True)
    write_log(other, "shop", B, [Page(hours(9), things), Page(hours(1), things)])
    for name in sorted(
        (segment.name for segment in list_segments(other, "shop")), key=lambda name: name.starts_at
    ):
        for path_of in (sealed_path, manifest_path):
            path_of(root, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path_of(other, name), path_of(root, name))
        yield


@pytest.mark.slow
def test_a_row_cache_contains_bodies_that_were_stored_at_a_later_hour(empty, limits):
    write_log(empty, "shop", A, FIRST)
    update(empty, definitions=ALL_DEFINITIONS, limits=limits)
    for _ in import_portions(empty, [thing(n, 2) for n in range(40, 80)]):
        update(empty, definitions=ALL_DEFINITIONS, limits=limits)
    delete_row_caches(empty)
    update(empty, definitions=ALL_DEFINITIONS, limits=limits)

    (row_cache,) = (empty / "views").rglob("shop.things/*/r-20261101T01*.parquet")
    query = "SELECT count(*) FILTER (_seq IS NULL), bool_or(_id = 't40') FROM read_parquet(?)"
    with open_views(empty) as views:
        assert views.execute(query, [str(row_cache)]).fetchall() == [(0, True)]
    assert wrong_views(empty, limits) == []


@pytest.mark.slow
def test_a_view_finds_a_body_that_was_added_after_its_row_cache_was_built(empty, limits):
    """A page of an import may name bodies that are stored with a later hour."""
    write_log(empty, "shop", A, FIRST)
    for _ in import_portions(empty, [thing(40, 2)]):
        update(empty, definitions=ALL_DEFINITIONS, limits=limits)

    assert files_read(empty, "r")
    with open_views(empty) as views:
        query = "SELECT count(*) FROM shop.things_at('2026-11-01 02:00') WHERE id = 't40'"
        assert views.execute(query).fetchall() == [(1,)]
    assert wrong_views(empty, limits) == []


@pytest.mark.slow
def test_a_row_cache_is_not_built_if_most_entities_change(empty, limits):
    limits = attrs.evolve(limits, max_moved_share=LIMITS.max_moved_share)
    for n in range(4):
        write_log(empty, "shop", A, [listing(n, range(24))])
        update(empty, definitions=ALL_DEFINITIONS, limits=limits)

    assert any("/s-" in path for path in files_of_views(empty / "views"))
    assert files_read(empty, "r") == []


@pytest.mark.slow
def test_row_caches_that_were_deleted_are_built_again(started, limits):
    grow(started, limits, SEEN_AGAIN, FEW_LISTED)
    delete_row_caches(started)
    update(started, definitions=ALL_DEFINITIONS, limits=limits)

    assert files_read(started, "r")
    assert wrong_views(started, limits) == []


@pytest.mark.slow
def test_the_views_file_is_written_without_opening_keyframes_or_row_caches(
    started, limits, tmp_path_factory
):
    grow(started, limits, SEEN_AGAIN, FEW_LISTED)
    parts = current_parts(started / "views")
    _, script = build_views(started, parts, ALL_DEFINITIONS, ALL_DEFINITIONS, limits=limits)
    unread = [path for path in parts.rglob("*.parquet") if path.name[:2] in ("s-", "k-", "r-")]
    for path in unread:
        path.write_bytes(b"not read")

    assert {path.name[0] for path in unread} >= {"s", "r"}
    assert write_views(tmp_path_factory.mktemp("written"), script)
