"""Comparison of definitions: added and removed versions; positions of views."""

from pathlib import Path
from typing import Any

import pytest

from projector.definition import FOLDER, Definition, parse_definition
from projector.query.view_info import list_views
from projector.update.compare_definition import VersionDifference, compare
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import rows, some
from tests.projector.logs import Page, Seen, hours, write_log

MODELS = (FOLDER / "openrouter" / "models.sql").read_text()
LISTED = MODELS.replace("shapes: list* detail*", "shapes: list*")
DETAILED = MODELS.replace("shapes: list* detail*", "shapes: detail*")


def definitions(text: str) -> tuple[Definition, ...]:
    return (*some(), parse_definition(text, "openrouter", "models"))


@pytest.fixture
def two_forms(tmp_path: Path) -> Path:
    pages = [
        Page(hours(0), [model("a", "listed")]),
        Page(hours(1), [Seen("model", "a", {"name": "detailed"}, "detail")]),
        Page(hours(2), [model("a", "listed again")]),
    ]
    (tmp_path / "log").mkdir()
    write_log(tmp_path, "openrouter", WRITER, pages)
    return tmp_path


def name_differences(differences: tuple[VersionDifference, ...]) -> list[tuple[Any, ...]]:
    return [(d.change, d.id, d.valid_from, d.old, d.new) for d in differences if d.column == "name"]


def test_versions_that_another_definition_no_longer_reads_are_removed(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(MODELS))
    comparison = compare(two_forms, "openrouter.models", LISTED, definitions=definitions(MODELS))

    assert name_differences(comparison.differences) == [
        ("removed", "a", hours(1), '"detailed"', None)
    ]
    assert {d.change for d in comparison.differences} == {"removed"}
    (seq,) = {d.seq for d in comparison.differences}
    assert rows(two_forms, f"SELECT shape FROM log.events WHERE seq = {seq}") == [("detail",)]


def test_versions_that_another_definition_reads_too_are_added(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(LISTED))
    comparison = compare(two_forms, "openrouter.models", MODELS, definitions=definitions(LISTED))

    assert name_differences(comparison.differences) == [
        ("added", "a", hours(1), None, '"detailed"')
    ]


def test_removed_and_added_versions_are_in_the_order_of_time(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(LISTED))
    comparison = compare(two_forms, "openrouter.models", DETAILED, definitions=definitions(LISTED))

    assert name_differences(comparison.differences) == [
        ("removed", "a", hours(0), '"listed"', None),
        ("added", "a", hours(1), None, '"detailed"'),
        ("removed", "a", hours(2), '"listed again"', None),
    ]


def test_the_position_of_a_view_is_that_of_its_own_source(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for source, at in (("openrouter", 2), ("civitai", 1)):
        write_log(tmp_path, source, WRITER, [Page(hours(at), [model("7", "n")])])
    known = some("openrouter.models", "civitai.models", "log.segments")
    update(tmp_path, definitions=known)
    positions = {view.name: (view.rows, view.last_instant) for view in list_views(tmp_path, known)}

    assert positions == {
        "civitai.models": (1, hours(1)),
        "openrouter.models": (1, hours(2)),
        "log.events": (4, hours(2)),
        "log.pages": (2, hours(2)),
        "log.segments": (2, hours(2)),
        "log.sightings": (4, hours(2)),
    }
