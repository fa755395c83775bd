"""Comparisons and checks: rows that come and go, and how far each source was read."""

from pathlib import Path
from typing import Any

import pytest

from projector.definition import FOLDER, Definition, parse_definition
from projector.query.view_info import list_views
from projector.update.compare_definition import Difference, compare
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


def named(found: tuple[Difference, ...]) -> list[tuple[Any, ...]]:
    columns = [each for each in found if each.column == "name"]
    return [(each.change, each.id, each.valid_from, each.old, each.new) for each in columns]


def test_versions_that_another_definition_no_longer_reads_are_removed(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(MODELS))
    found = compare(two_forms, "openrouter.models", LISTED, definitions=definitions(MODELS))

    assert named(found.differences) == [("removed", "a", hours(1), '"detailed"', None)]
    assert {each.change for each in found.differences} == {"removed"}
    (seq,) = {each.seq for each in found.differences}
    assert rows(two_forms, f"SELECT shape FROM log.events WHERE seq = {seq}") == [("detail",)]


def test_versions_that_another_definition_reads_too_are_added(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(LISTED))
    found = compare(two_forms, "openrouter.models", MODELS, definitions=definitions(LISTED))

    assert named(found.differences) == [("added", "a", hours(1), None, '"detailed"')]


def test_other_versions_altogether_are_told_in_the_order_of_time(two_forms: Path) -> None:
    update(two_forms, definitions=definitions(LISTED))
    found = compare(two_forms, "openrouter.models", DETAILED, definitions=definitions(LISTED))

    assert named(found.differences) == [
        ("removed", "a", hours(0), '"listed"', None),
        ("added", "a", hours(1), None, '"detailed"'),
        ("removed", "a", hours(2), '"listed again"', None),
    ]


def test_every_view_is_told_with_how_far_its_own_source_was_read(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for source, at in (("openrouter", 2), ("civitai", 1)):
        write_log(tmp_path, source, WRITER, [Page(hours(at), [model("7", "n")])])
    known = some("openrouter.models", "civitai.models", "log.segments")
    update(tmp_path, definitions=known)
    found = {each.name: (each.rows, each.position) for each in list_views(tmp_path, known)}

    assert found == {
        "civitai.models": (1, hours(1)),
        "openrouter.models": (1, hours(2)),
        "log.events": (4, hours(2)),
        "log.pages": (2, hours(2)),
        "log.segments": (2, hours(2)),
        "log.sightings": (4, hours(2)),
    }
