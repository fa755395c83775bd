"""Types with changes since an instant: none with a change is omitted, and idle ones are."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from eventlog.clock import format_us
from projector.definition import parse_definition
from projector.query.open_views import open_views
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.projector.compare_views import DEFINITIONS
from tests.projector.logs import Gone, Page, Seen, hours, write_log
from tests.projector.small_limits import SMALL

WRITER = "0a0b0c0d"
NEVER = 10**9
LISTED = {
    "changed": ["ab", "ab", "aB"],
    "appeared": ["a", "a", "ab"],
    "missed": ["ab", "ab", "a"],
    "back": ["ab", "a", "ab"],
    "gone": ["ab", "ab", ""],
    "back_after_gone": ["ab", "", "ab"],
    "missed_before": ["ab", "a", "a"],
    "detailed": ["ab", "ab", "a"],
    "unlisted": ["ab", "ab", "ab"],
    "idle": ["ab", "ab", "ab"],
}
"""By type, the ids on its listing of each hour; `B` is `b` with another value."""
LAST_CHANGES = {"missed_before": 1, "idle": 0, "unlisted": 0}
"""Hour of the last change of a type, if it is not the last one."""
VIEWS = (
    parse_definition(
        f"-- shop.goods: goods\n-- types: {', '.join(LISTED)}\n-- shapes: list*\n", "shop", "goods"
    ),
    *DEFINITIONS[1:],
)


def happenings(hour: int) -> Iterator[Page | Gone]:
    for type_, listings in LISTED.items():
        ids = listings[hour]
        seen = [Seen(type_, id.lower(), {"id": id.lower(), "value": id}) for id in ids]
        if type_ == "unlisted":
            yield Page(hours(hour), seen, f"r{hour}")
        elif ids:
            yield Page(hours(hour), seen, f"r{hour}", f"/{type_}", 1, True)
        else:
            yield Gone(hours(hour), type_, "b")
    if hour == 1:
        yield Page(hours(1.5), [Seen("detailed", "b", {"id": "b", "value": "b"})], "d")


@pytest.fixture(scope="module", params=[NEVER, 0], ids=["from parts", "from keyframes"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three hours."""
    root = tmp_path_factory.mktemp("archive")
    (root / "log").mkdir()
    limits = attrs.evolve(SMALL, min_keyframe_rows=request.param)
    for some_hours in ([0, 1], [2]):
        events = [event for hour in some_hours for event in happenings(hour)]
        write_log(root, "shop", WRITER, events)
        update(root, definitions=VIEWS, limits=limits)
    names = [Path(path).name for path in files_of_views(root / "views")]
    assert any(name.startswith("s-") for name in names) == (request.param == 0)
    return root


def changed_types(root: Path, hour: float, more_us: int = 0) -> set[str]:
    with contextlib.closing(open_views(root)) as views:
        instant = format_us(hours(hour) + more_us)
        rows = views.execute("FROM shop._types_changed(?::TIMESTAMPTZ)", [instant]).fetchall()
    return {type_ for (type_,) in rows}


@pytest.mark.parametrize(("hour", "more_us"), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)])
def test_a_type_is_named_up_to_its_last_change(root: Path, hour: float, more_us: int) -> None:
    expected = {type_ for type_ in LISTED if LAST_CHANGES.get(type_, 2) >= hour + more_us / 2}

    assert changed_types(root, hour, more_us) == expected


def test_a_source_without_definitions_of_entities_has_no_types(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    write_log(tmp_path, "shop", WRITER, [*happenings(0)])
    update(tmp_path, definitions=VIEWS[1:])

    assert changed_types(tmp_path, 0) == set()
