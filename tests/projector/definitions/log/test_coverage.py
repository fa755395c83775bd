"""Listings and coverage: which walks were complete, and until when each speaks."""

from pathlib import Path
from typing import Any

import pytest

from eventlog.format.event import PAGE_FAILED, Draft
from projector.query.entity_at import ABSENT, PRESENT, UNKNOWN, look_up_entity
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import make_archive, rows, some, write_drafts
from tests.projector.logs import Page, hours, write_log

VIEWS = ("log.listings", "log.coverage")
OTHER = "0000000b"


def page(at: float, number: int | None, last: bool, run: str, names: str = "", **more: Any) -> Page:
    seen = [model(name, name) for name in names]
    return Page(hours(at), seen, run, more.get("scope", "/models"), number, last)


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walks that were complete, and such as lack something."""
    root = tmp_path_factory.mktemp("walks")
    pages = [
        page(0, 1, True, "one page", "ab"),
        page(1, 1, False, "three", "ab"),
        page(2, 2, False, "three", "c"),
        page(3, 3, True, "three", "def"),
        page(4, 1, False, "without the second", "a"),
        page(5, 3, True, "without the second", "a"),
        page(6, 2, False, "without the first", "a"),
        page(7, 3, True, "without the first", "a"),
        page(8, 1, False, "without the last", "a"),
        page(9, 2, False, "without the last", "a"),
        page(10, 1, True, "no scope", "a", scope=None),
        page(11, None, True, "no number", "a"),
        page(12, 1, False, "again", "a"),
        page(13, 2, False, "again", "bc"),
        page(14, 2, True, "again", "bcde"),
        page(15, 2, True, "first page late", "bc"),
        page(16, 1, False, "first page late", "a"),
        page(16.2, 1, False, "last page again", "a"),
        page(16.4, 2, True, "last page again", "a"),
        page(16.6, 2, True, "last page again", "ab"),
        page(17, 1, False, "two scopes", "a", scope="/x"),
        page(18, 2, True, "two scopes", "a", scope="/y"),
        page(19, 1, False, "two writers", "a"),
    ]
    (root / "log").mkdir()
    write_log(root, "openrouter", WRITER, pages)
    write_log(root, "openrouter", OTHER, [page(20, 2, True, "two writers", "a")])
    refused = {"scope": "/models", "page_no": 2, "status": 503}
    write_log(root, "openrouter", OTHER, [page(21, 1, False, "refused", "a")])
    failed = Draft(kind=PAGE_FAILED, run="refused", members=refused)
    write_drafts(root, "openrouter", [(hours(22), [failed])], OTHER)
    write_log(root, "openrouter", OTHER, [page(23, 3, True, "refused", "a")])
    assert update(root, definitions=some(*VIEWS)).failed == ()
    return root


def test_a_listing_is_complete_with_every_page_from_the_first_to_the_last(walks: Path) -> None:
    columns = "run, scope, pages, entities, epoch_us(began_at), epoch_us(ended_at)"
    found = rows(walks, f"SELECT {columns} FROM log.listings ORDER BY began_at")

    assert found == [
        ("one page", "/models", 1, 2, hours(0), hours(0)),
        ("three", "/models", 3, 6, hours(1), hours(3)),
        ("again", "/models", 2, 3, hours(12), hours(14)),
        ("first page late", "/models", 2, 3, hours(16), hours(16)),
        ("last page again", "/models", 2, 2, hours(16.2), hours(16.4)),
    ]


def test_a_listing_says_whose_it_is(walks: Path) -> None:
    sql = "SELECT DISTINCT source, writer FROM log.listings"

    assert rows(walks, sql) == [("openrouter", WRITER)]


def looks(scope: str, *at: float) -> list[Page]:
    return [page(hour, 1, True, f"{scope}{n}", "a", scope=scope) for n, hour in enumerate(at)]


LONG = [sum([1] * min(n, 12) + [3] * max(0, n - 12)) for n in range(24)]
"""Twelve looks an hour apart, then eleven that are three hours apart."""


@pytest.fixture(scope="module")
def coverage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    every = [
        *looks("/a", 0, 1, 2, 10),
        *looks("/edge", 0, 2, 4, 7),
        *looks("/once", 5),
        *looks("/twice", 5, 6),
        *looks("/long", *LONG),
    ]
    root = tmp_path_factory.mktemp("coverage")
    return make_archive(root, "openrouter", sorted(every, key=lambda each: each.at), *VIEWS)


def covered(root: Path, scope: str) -> list[tuple[Any, ...]]:
    columns = "epoch_us(covered_from), epoch_us(covered_to), complete, is_regular, run, why"
    where = f"WHERE scope = '{scope}' AND source = 'openrouter' ORDER BY covered_from"
    return rows(root, f"SELECT {columns} FROM log.coverage {where}")


LAST = "the last look so far"


def test_a_listing_speaks_until_the_next_and_at_most_one_and_a_half_intervals(
    coverage: Path,
) -> None:
    nobody = "nobody looked from then until 2026-11-01 10:00:00+00"

    assert covered(coverage, "/a") == [
        (hours(0), hours(1), True, False, "/a0", None),
        (hours(1), hours(2), True, False, "/a1", None),
        (hours(2), hours(3.5), False, True, "/a2", nobody),
        (hours(10), hours(11.5), False, True, "/a3", LAST),
    ]


def test_a_look_after_exactly_one_and_a_half_intervals_leaves_no_gap(coverage: Path) -> None:
    assert covered(coverage, "/edge")[2] == (hours(4), hours(7), True, True, "/edge2", None)


def test_a_scope_with_one_listing_speaks_for_an_instant_and_is_not_regular(coverage: Path) -> None:
    assert covered(coverage, "/once") == [(hours(5), hours(5), False, False, "/once0", LAST)]
    assert covered(coverage, "/twice") == [
        (hours(5), hours(6), True, False, "/twice0", None),
        (hours(6), hours(7.5), False, False, "/twice1", LAST),
    ]


def test_the_interval_is_the_median_of_this_one_and_the_twenty_before(coverage: Path) -> None:
    found = covered(coverage, "/long")

    assert [(row[1] - row[0]) / (hours(1) - hours(0)) for row in found[11:]] == [
        1,
        *[1.5] * 10,
        3,
        4.5,
    ]


def test_a_past_instant_is_unknown_only_after_the_coverage_ends(tmp_path: Path) -> None:
    pages = [page(hour, 1, True, f"r{hour}", "a") for hour in (0, 1, 2)]
    root = make_archive(tmp_path, "openrouter", pages, *VIEWS, "openrouter.models")

    def state(hour: float) -> str:
        return look_up_entity(root, "openrouter", "model", "a", hours(hour)).state

    assert [state(hour) for hour in (2, 3.5, 3.6)] == [PRESENT, PRESENT, UNKNOWN]


def test_what_another_scope_covers_says_nothing_about_an_entity(tmp_path: Path) -> None:
    """It was listed under one scope only, and nobody looked there any more."""
    mine = [page(hour, 1, True, f"r{hour}", "a", scope="/mine") for hour in (0, 1, 2)]
    other = [page(hour, 1, True, f"o{hour}", "b", scope="/other") for hour in (3, 4, 5, 6, 7)]
    root = make_archive(tmp_path, "openrouter", [*mine, *other], *VIEWS, "openrouter.models")

    found = look_up_entity(root, "openrouter", "model", "a", hours(7))
    assert (found.state, found.since) == (UNKNOWN, hours(2))
    assert look_up_entity(root, "openrouter", "model", "b", hours(7)).state == PRESENT
    assert look_up_entity(root, "openrouter", "model", "a", hours(3)).state != ABSENT
