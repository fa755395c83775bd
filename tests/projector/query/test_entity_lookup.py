"""One entity as of an instant: its evidence, its forms, and how its versions follow."""

from pathlib import Path

import pytest

from projector.query.entity_at import ABSENT, PRESENT, UNKNOWN, list_versions, look_up_entity
from tests.projector.conftest import WRITER, model
from tests.projector.few import make_archive, rows
from tests.projector.logs import Gone, Page, Seen, hours

VIEWS = ("openrouter.models", "log.listings", "log.coverage")


def form(id: str, name: str, shape: str) -> Seen:
    return Seen("model", id, {"name": name}, shape)


LIFE: list[Page | Gone] = [
    Page(hours(0), [model(id, id) for id in "abc"], "r0", "/models", 1, True),
    Page(hours(1), [form("f", "1", "list"), form("f", "2", "detail")], "forms"),
    Page(hours(2), [form("f", "3", "detail")], "forms"),
    Page(hours(2.1), [form("s", "same", "list")], "forms"),
    Page(hours(2.2), [form("s", "same", "detail")], "forms"),
    Page(hours(3), [model("a", "a")], "r3", "/models", 1, True),
    Gone(hours(3), "model", "b"),
    Page(hours(4), [form("f", "4", "list"), form("g", "x", "zlist"), form("g", "y", "alist")]),
]


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("looked"), "openrouter", LIFE, *VIEWS)


def test_a_probe_at_the_instant_of_the_listing_is_the_stronger_evidence(looked: Path) -> None:
    found = look_up_entity(looked, "openrouter", "model", "b")

    assert (found.state, found.since) == (ABSENT, hours(3))
    assert found.evidence.startswith("probed and gone at 2026-11-01T03:00:00.000000Z; last seen")
    assert (found.position, found.shape) == ((WRITER, 2), "list"), "its last body"


def test_an_absent_entity_names_its_scope_its_run_and_when_it_was_last_seen(looked: Path) -> None:
    found = look_up_entity(looked, "openrouter", "model", "c")

    assert (found.state, found.since) == (ABSENT, hours(3))
    assert found.evidence == (
        "not on the listing /models of run r3, complete at 2026-11-01T03:00:00.000000Z; "
        "last seen 2026-11-01T00:00:00.000000Z"
    )
    assert (found.first_seen_at, found.last_seen_at) == (hours(0), hours(0))


def test_a_present_entity_has_its_event_its_form_and_its_instants(looked: Path) -> None:
    found = look_up_entity(looked, "openrouter", "model", "f", hours(2.5))
    (event,) = rows(
        looked, f"SELECT segment, shape, hash, id FROM log.events WHERE seq = {found.position[1]}"
    )

    assert found.state == PRESENT
    assert found.position is not None
    assert found.position[0] == WRITER
    assert (found.segment, found.shape, found.hash, "f") == event
    assert found.shape == "detail"
    assert (found.first_seen_at, found.last_seen_at) == (hours(1), hours(2))
    assert found.evidence == "last seen 2026-11-01T02:00:00.000000Z"
    assert found.since is None


def test_an_entity_of_the_future_is_unknown_and_says_when_it_was_first_seen(looked: Path) -> None:
    found = look_up_entity(looked, "openrouter", "model", "f", hours(0.5))

    assert (found.state, found.first_seen_at) == (UNKNOWN, hours(1))
    assert found.evidence == (
        "not seen up to 2026-11-01T00:30:00.000000Z; first seen 2026-11-01T01:00:00.000000Z"
    )
    assert (
        look_up_entity(looked, "openrouter", "model", "nobody", hours(0.5)).evidence == "never seen"
    )


def test_an_entity_is_one_of_its_type_and_its_source(looked: Path) -> None:
    assert look_up_entity(looked, "openrouter", "endpoint", "a").state == UNKNOWN
    assert list_versions(looked, "openrouter", "endpoint", "a") == []
    assert list_versions(looked, "elsewhere", "model", "a") == []


def test_each_form_has_a_history_of_its_own_told_in_the_order_of_time(looked: Path) -> None:
    found = list_versions(looked, "openrouter", "model", "f")

    assert [(each.shape, each.valid_from, each.valid_to, each.kind) for each in found] == [
        ("detail", hours(1), hours(2), "appeared"),
        ("list", hours(1), hours(4), "appeared"),
        ("detail", hours(2), None, "changed"),
        ("list", hours(4), None, "changed"),
    ]
    assert [each.ends for each in found] == ["changed", "changed", None, None]


def test_forms_that_begin_at_one_instant_are_told_by_name(looked: Path) -> None:
    found = list_versions(looked, "openrouter", "model", "g")

    assert [(each.shape, each.kind, each.ends) for each in found] == [
        ("alist", "appeared", None),
        ("zlist", "appeared", None),
    ]


def test_forms_that_say_the_same_have_versions_of_their_own(looked: Path) -> None:
    found = list_versions(looked, "openrouter", "model", "s")

    assert [(each.shape, each.valid_from, each.kind) for each in found] == [
        ("list", hours(2.1), "appeared"),
        ("detail", hours(2.2), "appeared"),
    ]


def test_a_history_names_the_event_of_each_version(looked: Path) -> None:
    for each in list_versions(looked, "openrouter", "model", "f"):
        sql = f"SELECT shape, hash, writer FROM log.events WHERE seq = {each.position[1]}"
        assert rows(looked, sql) == [(each.shape, each.hash, each.position[0])]


def test_a_history_ends_at_the_instant_that_is_asked_for(looked: Path) -> None:
    found = list_versions(looked, "openrouter", "model", "f", hours(1))

    assert [(each.shape, each.valid_to) for each in found] == [("detail", None), ("list", None)]


def test_an_entity_that_comes_back_in_another_form_is_back_in_both(tmp_path: Path) -> None:
    pages = [
        Page(hours(0), [form("a", "1", "list?x"), model("z", "Z")], "r0", "/m", 1, True),
        Page(hours(1), [model("z", "Z")], "r1", "/m", 1, True),
        Page(hours(2), [form("a", "1", "list?y"), model("z", "Z")], "r2", "/m", 1, True),
    ]
    root = make_archive(tmp_path, "openrouter", pages, *VIEWS)
    found = list_versions(root, "openrouter", "model", "a")

    assert [(each.shape, each.valid_from, each.kind, each.ends) for each in found] == [
        ("list?x", hours(0), "appeared", "gone"),
        ("list?x", hours(2), "back", None),
        ("list?y", hours(2), "appeared", None),
    ]
