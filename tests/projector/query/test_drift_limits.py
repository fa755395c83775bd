"""Limits of drift: how much later a path is new, how many bodies must lack it to have vanished."""

from pathlib import Path
from typing import Any

import pytest

from projector.query.drift import summarize_views
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.few import make_archive, rows, some
from tests.projector.logs import Page, Seen, hours, write_log

VIEWS = ("log.structures", "log.paths", "log.drift")
DRIFT = "SELECT path, change, epoch_us(changed_at), types_before, types FROM log.drift ORDER BY ALL"


def page(hour: float, *bodies: dict[str, Any], type: str = "thing", shape: str = "list") -> Page:
    seen = [Seen(type, f"{shape}{n}", {"at": hour, **body}, shape) for n, body in enumerate(bodies)]
    return Page(hours(hour), seen, f"r{hour}")


def drift(root: Path, *pages: Page) -> list[tuple[Any, ...]]:
    happenings = sorted(pages, key=lambda happening: happening.at)
    return rows(make_archive(root, "openrouter", happenings, *VIEWS), DRIFT)


def test_a_path_is_new_when_it_comes_more_than_a_day_after_its_type(tmp_path: Path) -> None:
    drift_rows = drift(
        tmp_path, page(0, {}), page(24, {"day": 1}), page(24.01, {"day": 1, "later": None})
    )

    assert drift_rows == [("/later", "new", hours(24.01), None, ["null"])]


def test_a_type_that_comes_within_a_day_of_its_path_belongs_to_it(tmp_path: Path) -> None:
    drift_rows = drift(
        tmp_path,
        page(0, {"a": "x", "b": "x"}),
        page(24, {"a": None, "b": "x"}),
        page(24.01, {"a": None, "b": None}),
        page(50, {"a": 1, "b": None}),
    )

    assert drift_rows == [
        ("/a", "retyped", hours(50), ["null", "string"], ["number"]),
        ("/b", "retyped", hours(24.01), ["string"], ["null"]),
    ]


@pytest.mark.parametrize(("count", "vanished"), [(9, []), (10, ["/old"])])
def test_a_path_has_vanished_when_ten_bodies_with_it_were_expected(
    tmp_path: Path, count: int, vanished: list[str]
) -> None:
    drift_rows = drift(tmp_path, page(0, {"old": 1}, {"old": 1}), page(2, *[{}] * count))

    assert [row[0] for row in drift_rows] == vanished
    assert [row[1:] for row in drift_rows] == [("vanished", hours(2), ["number"], None)] * len(
        vanished
    )


def test_a_path_of_half_of_the_bodies_vanishes_after_twice_as_many(tmp_path: Path) -> None:
    first = page(0, {"old": 1}, {})
    assert drift(tmp_path / "few", first, page(2, *[{}] * 19)) == []
    assert len(drift(tmp_path / "many", first, page(2, *[{}] * 20))) == 1


def test_shapes_and_types_have_paths_of_their_own(tmp_path: Path) -> None:
    """A path of one shape does not make it new in another."""
    drift_rows = drift(
        tmp_path,
        page(0, {"a": 1}),
        page(30, {"a": 1, "b": 1}, shape="detail"),
        page(30, {"c": 1}, type="other"),
        page(31, {"a": 1}),
    )

    assert drift_rows == []


def test_parameters_of_a_shape_are_ignored(tmp_path: Path) -> None:
    pages = [page(0, {"a": 1}, shape="list?x=1"), page(30, {"b": 1}, shape="list?x=2")]
    drift_rows = drift(tmp_path, *pages)

    assert [row[:2] for row in drift_rows] == [("/b", "new")]
    assert rows(tmp_path, "SELECT DISTINCT shape FROM log.drift") == [("list",)]


def test_a_new_path_is_one_row_without_the_paths_below_it(tmp_path: Path) -> None:
    drift_rows = drift(
        tmp_path,
        page(0, {"old": {"deep": 1}, "kept": {"x": 1}}),
        page(30, *[{"new": {"deep": [1]}, "kept": {"x": 1}}] * 12),
        page(60, *[{"new": {"deep": [1], "er": 1}, "kept": {"x": 1}}] * 2),
    )

    assert [row[:3] for row in drift_rows] == [
        ("/new", "new", hours(30)),
        ("/new/er", "new", hours(60)),
        ("/old", "vanished", hours(30)),
    ]


def test_every_type_of_value_has_a_name(tmp_path: Path) -> None:
    body = {
        **{"n": 1, "f": 1.5, "s": "x", "b": True, "z": None, "o": {}, "l": [], "lo": [{"k": 1}]},
        **{"mixed": [1, "x"], "nulls": [None], "big": 2**63, "a/b~": 1},
    }
    root = make_archive(tmp_path, "openrouter", [page(0, body)], *VIEWS)

    assert rows(root, "SELECT path, types[1] FROM log.paths WHERE len(types) = 1 ORDER BY 1") == [
        *(("", "object"), ("/at", "number"), ("/a~1b~0", "number"), ("/b", "bool")),
        *(("/big", "number"), ("/f", "number"), ("/l", "array"), ("/lo", "array")),
        *(("/lo/*", "object"), ("/lo/*/k", "number"), ("/mixed", "array"), ("/mixed/*", "mixed")),
        *(("/n", "number"), ("/nulls", "array"), ("/o", "object"), ("/s", "string")),
        ("/z", "null"),
    ]


def test_drift_since_an_instant_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for source in ("openrouter", "civitai"):
        pages = [page(0, {}), page(30, {"b": 1}), page(30.5, {"b": 1, "a": "x"})]
        write_log(tmp_path, source, WRITER, pages)
    update(tmp_path, definitions=some(*VIEWS))
    changes = list(summarize_views(tmp_path, hours(30)).drift)

    assert [(change.source, change.path, change.changed_at) for change in changes] == [
        ("civitai", "/b", hours(30)),
        ("openrouter", "/b", hours(30)),
        ("civitai", "/a", hours(30.5)),
        ("openrouter", "/a", hours(30.5)),
    ]
    assert (changes[0].type, changes[0].change) == ("thing", "new")
    assert (changes[2].types_before, changes[2].types) == ((), ("string",))
    assert changes[2].segment == f"civitai/2026-11-02/06-{WRITER}-000"
    assert rows(
        tmp_path, f"SELECT kind FROM log.events WHERE source = 'civitai' AND seq = {changes[2].seq}"
    ) == [("entity",)]
    assert list(summarize_views(tmp_path, hours(30.6)).drift) == []
