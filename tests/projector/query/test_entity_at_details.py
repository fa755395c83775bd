"""An entity as of an instant in detail: its evidence, its shapes and its versions."""

from pathlib import Path

import pytest

from projector.query.entity_at import ABSENT, PRESENT, UNKNOWN, list_versions, look_up_entity
from tests.projector.conftest import WRITER, model
from tests.projector.few import make_archive, rows
from tests.projector.logs import Gone, Page, Seen, hours

VIEWS = ("openrouter.models", "log.listings", "log.coverage")


def in_shape(id: str, name: str, shape: str) -> Seen:
    return Seen("model", id, {"name": name}, shape)


LIFE: list[Page | Gone] = [
    Page(hours(0), [model(id, id) for id in "abc"], "r0", "/models", 1, True),
    Page(hours(1), [in_shape("f", "1", "list"), in_shape("f", "2", "detail")], "forms"),
    Page(hours(2), [in_shape("f", "3", "detail")], "forms"),
    Page(hours(2.1), [in_shape("s", "same", "list")], "forms"),
    Page(hours(2.2), [in_shape("s", "same", "detail")], "forms"),
    Page(hours(3), [model("a", "a")], "r3", "/models", 1, True),
    Gone(hours(3), "model", "b"),
    Page(
        hours(4),
        [in_shape("f", "4", "list"), in_shape("g", "x", "zlist"), in_shape("g", "y", "alist")],
    ),
]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("life"), "openrouter", LIFE, *VIEWS)


def test_a_probe_at_the_instant_of_the_listing_is_the_stronger_evidence(life: Path) -> None:
    state = look_up_entity(life, "openrouter", "model", "b")

    assert (state.state, state.since) == (ABSENT, hours(3))
    assert state.evidence.startswith("probed and gone at 2026-11-01T03:00:00.000000Z; last seen")
    assert (state.position, state.shape) == ((WRITER, 2), "list"), "its last body"


def test_an_absent_entity_names_its_scope_its_run_and_when_it_was_last_seen(life: Path) -> None:
    state = look_up_entity(life, "openrouter", "model", "c")

    assert (state.state, state.since) == (ABSENT, hours(3))
    assert state.evidence == (
        "not on the listing /models of run r3, complete at 2026-11-01T03:00:00.000000Z; "
        "last seen 2026-11-01T00:00:00.000000Z"
    )
    assert (state.first_seen_at, state.last_seen_at) == (hours(0), hours(0))


def test_a_present_entity_has_its_event_its_shape_and_its_instants(life: Path) -> None:
    state = look_up_entity(life, "openrouter", "model", "f", hours(2.5))
    (event,) = rows(
        life, f"SELECT segment, shape, hash, id FROM log.events WHERE seq = {state.position[1]}"
    )

    assert state.state == PRESENT
    assert state.position is not None
    assert state.position[0] == WRITER
    assert (state.segment, state.shape, state.hash, "f") == event
    assert state.shape == "detail"
    assert (state.first_seen_at, state.last_seen_at) == (hours(1), hours(2))
    assert state.evidence == "last seen 2026-11-01T02:00:00.000000Z"
    assert state.since is None


def test_an_entity_of_the_future_is_unknown_and_says_when_it_was_first_seen(life: Path) -> None:
    state = look_up_entity(life, "openrouter", "model", "f", hours(0.5))

    assert (state.state, state.first_seen_at) == (UNKNOWN, hours(1))
    assert state.evidence == (
        "not seen up to 2026-11-01T00:30:00.000000Z; first seen 2026-11-01T01:00:00.000000Z"
    )
    assert (
        look_up_entity(life, "openrouter", "model", "nobody", hours(0.5)).evidence == "never seen"
    )


def test_an_entity_is_one_of_its_type_and_its_source(life: Path) -> None:
    assert look_up_entity(life, "openrouter", "endpoint", "a").state == UNKNOWN
    assert list_versions(life, "openrouter", "endpoint", "a") == []
    assert list_versions(life, "elsewhere", "model", "a") == []


def test_the_versions_of_all_shapes_are_in_the_order_of_time(life: Path) -> None:
    versions = list_versions(life, "openrouter", "model", "f")

    assert [
        (version.shape, version.valid_from, version.valid_to, version.kind) for version in versions
    ] == [
        ("detail", hours(1), hours(2), "appeared"),
        ("list", hours(1), hours(4), "appeared"),
        ("detail", hours(2), None, "changed"),
        ("list", hours(4), None, "changed"),
    ]
    assert [version.ends for version in versions] == ["changed", "changed", None, None]


def test_versions_that_begin_at_one_instant_are_in_the_order_of_their_shapes(life: Path) -> None:
    versions = list_versions(life, "openrouter", "model", "g")

    assert [(version.shape, version.kind, version.ends) for version in versions] == [
        ("alist", "appeared", None),
        ("zlist", "appeared", None),
    ]


def test_equal_bodies_in_two_shapes_are_versions_of_their_own(life: Path) -> None:
    versions = list_versions(life, "openrouter", "model", "s")

    assert [(version.shape, version.valid_from, version.kind) for version in versions] == [
        ("list", hours(2.1), "appeared"),
        ("detail", hours(2.2), "appeared"),
    ]


def test_a_history_names_the_event_of_each_version(life: Path) -> None:
    for version in list_versions(life, "openrouter", "model", "f"):
        sql = f"SELECT shape, hash, writer FROM log.events WHERE seq = {version.position[1]}"
        assert rows(life, sql) == [(version.shape, version.hash, version.position[0])]


def test_a_history_ends_at_the_queried_instant(life: Path) -> None:
    versions = list_versions(life, "openrouter", "model", "f", hours(1))

    assert [(version.shape, version.valid_to) for version in versions] == [
        ("detail", None),
        ("list", None),
    ]


def test_an_entity_that_returns_in_another_shape_is_back_in_both(tmp_path: Path) -> None:
    pages = [
        Page(hours(0), [in_shape("a", "1", "list?x"), model("z", "Z")], "r0", "/m", 1, True),
        Page(hours(1), [model("z", "Z")], "r1", "/m", 1, True),
        Page(hours(2), [in_shape("a", "1", "list?y"), model("z", "Z")], "r2", "/m", 1, True),
    ]
    root = make_archive(tmp_path, "openrouter", pages, *VIEWS)
    versions = list_versions(root, "openrouter", "model", "a")

    assert [
        (version.shape, version.valid_from, version.kind, version.ends) for version in versions
    ] == [
        ("list?x", hours(0), "appeared", "gone"),
        ("list?x", hours(2), "back", None),
        ("list?y", hours(2), "appeared", None),
    ]
