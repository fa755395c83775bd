"""Provenance: where each row comes from, since when it is there, and why it is not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.format.event import ENTITY, PAGE, Draft
from projector.limits import LIMITS
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import rows, some, write_drafts
from tests.projector.logs import Gone, Page, Seen, hours, write_log

OTHER = "0000000b"
LIFE: list[Page | Gone] = [
    Page(hours(0), [model(id, id.upper()) for id in "abcfgh"], "r0", "/models", 1, True),
    Page(hours(1), [model(id, id.upper()) for id in "afgh"], "r1", "/models", 1, False),
    Page(hours(1), [model("b", "B2")], "r1", "/models", 2, True),
    Gone(hours(2), "model", "b"),
    Gone(hours(2), "model", "d"),
    Page(hours(3), [model("a", "A3"), model("g", "G")], "r3", "/models", 1, True),
    Gone(hours(3), "model", "h"),
    Page(hours(4), [model("c", "C"), model("d", "D")], "r4"),
    Gone(hours(5), "model", "c"),
    Gone(hours(6), "model", "f"),
    Gone(hours(6), "model", "g"),
    Gone(hours(7), "model", "g"),
]
"""What becomes of seven models, each in another way."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(10**9, marks=pytest.mark.slow), 0],
    ids=["from the facts", "from keyframes"],
)
def lives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lives")
    (root / "log").mkdir()
    limits = attrs.evolve(LIMITS, min_keyframe_rows=request.param, max_moved_share=1)
    for portion in (LIFE[:3], LIFE[3:8], LIFE[8:]):
        write_log(root, "openrouter", WRITER, portion)
        assert update(root, definitions=some("openrouter.models"), limits=limits).failed == ()
    return root


SEEN = "name, epoch_us(_observed_at), epoch_us(_first_seen_at), epoch_us(_last_seen_at)"


def seen(root: Path, view: str, as_of: float | None = None) -> list[tuple[Any, ...]]:
    sql = f"SELECT {SEEN} FROM openrouter.{view} ORDER BY id"
    return rows(root, sql, None if as_of is None else hours(as_of))


def test_a_row_was_observed_with_its_body_and_seen_from_first_to_last(lives: Path) -> None:
    assert seen(lives, "models") == [
        ("A3", hours(3), hours(0), hours(3)),
        ("D", hours(4), hours(4), hours(4)),
    ]
    assert seen(lives, "models", 1) == [
        ("A", hours(0), hours(0), hours(1)),
        ("B2", hours(1), hours(0), hours(1)),
        ("F", hours(0), hours(0), hours(1)),
        ("G", hours(0), hours(0), hours(1)),
        ("H", hours(0), hours(0), hours(1)),
    ]


def test_an_absent_row_says_since_when_and_why(lives: Path) -> None:
    columns = "id, name, epoch_us(_absent_since), _absent_because"
    missed = "not on the complete listing /models of run"

    assert rows(lives, f"SELECT {columns} FROM openrouter.models_all ORDER BY id") == [
        ("a", "A3", None, None),
        ("b", "B2", hours(2), "probed and gone"),
        ("c", "C", hours(1), f"{missed} r1"),
        ("d", "D", None, None),
        ("f", "F", hours(3), f"{missed} r3"),
        ("g", "G", hours(6), "probed and gone"),
        ("h", "H", hours(3), "probed and gone"),
    ]


def test_an_absent_row_was_last_seen_when_anybody_saw_it(lives: Path) -> None:
    versions = {row[0]: row[1:] for row in seen(lives, "models_all")}

    assert versions["C"] == (hours(0), hours(0), hours(4))
    assert versions["B2"] == (hours(1), hours(0), hours(1))


def test_a_version_lasts_from_what_began_it_to_what_ended_it(lives: Path) -> None:
    columns = f"{SEEN}, epoch_us(valid_from), epoch_us(valid_to)"
    found = rows(lives, f"SELECT {columns} FROM openrouter.models_versions ORDER BY id, valid_from")

    assert found == [
        ("A", hours(0), hours(0), hours(3), hours(0), hours(3)),
        ("A3", hours(3), hours(0), hours(3), hours(3), None),
        ("B", hours(0), hours(0), hours(1), hours(0), hours(1)),
        ("B2", hours(1), hours(0), hours(1), hours(1), hours(2)),
        ("C", hours(0), hours(0), hours(4), hours(0), hours(1)),
        ("D", hours(4), hours(4), hours(4), hours(4), None),
        ("F", hours(0), hours(0), hours(1), hours(0), hours(3)),
        ("G", hours(0), hours(0), hours(3), hours(0), hours(6)),
        ("H", hours(0), hours(0), hours(1), hours(0), hours(3)),
    ]


def test_the_changes_end_what_is_absent(lives: Path) -> None:
    sql = "SELECT id, epoch_us(changed_at) FROM openrouter.models_changes WHERE change = 'gone'"

    assert sorted(rows(lives, sql)) == [
        ("b", hours(2)),
        ("c", hours(1)),
        ("f", hours(3)),
        ("g", hours(6)),
        ("h", hours(3)),
    ]
    assert rows(lives, sql.replace("gone", "back")) == []


BODY = Draft(
    kind=ENTITY,
    run="run-1",
    epoch="2026-11-01T00",
    type="endpoint",
    id="asked#t",
    parent_type="model",
    parent_id="parent",
    shape="list?x=1",
    endpoint="/endpoints",
    params={"q": "1"},
    hash="c1:1",
    body=b'{"tag":["t"],"context_length":"many"}',
)


def envelope(writer: str, at: float, first_seq: int, draft: Draft) -> list[Draft]:
    roster = {"/x": [("endpoint", "asked#t", first_seq)]}
    return [draft, Draft(kind=PAGE, members={"roster": roster, "shapes": {"/x": draft.shape}})]


def test_a_row_names_its_event_and_what_its_columns_could_not_take(tmp_path: Path) -> None:
    write_drafts(tmp_path, "openrouter", [(hours(0), envelope(WRITER, 0, 1, BODY))])
    assert update(tmp_path, definitions=some("openrouter.endpoints")).failed == ()
    columns = """tag, context_length, model_id, _hash, _shape, _endpoint, _params, _run, _epoch,
    _segment, _writer, _seq, _errors"""

    for view in ("endpoints", "endpoints_all", "endpoints_versions"):
        assert rows(tmp_path, f"SELECT {columns} FROM openrouter.{view}") == [
            (
                *(None, None, "parent", "c1:1", "list?x=1", "/endpoints", '{"q":"1"}', "run-1"),
                *("2026-11-01T00", f"openrouter/2026-11-01/00-{WRITER}-000", WRITER, 1),
                [{"path": "/tag", "value": '["t"]'}, {"path": "/context_length", "value": "many"}],
            )
        ]


def image(value: str, shape: str) -> Seen:
    return Seen("image", "1", {"id": 1, "username": value}, shape)


@pytest.fixture
def two_forms(tmp_path: Path) -> Iterator[Path]:
    """An image on the images listing, and later inside of a version."""
    pages = [
        Page(hours(0), [image("listed", "list")]),
        Page(hours(1), [image("embedded", "embedded")]),
    ]
    (tmp_path / "log").mkdir()
    write_log(tmp_path, "civitai", WRITER, pages)
    assert update(tmp_path, definitions=some("civitai.images")).failed == ()
    yield tmp_path


def test_the_better_form_of_an_entity_is_shown_also_where_it_is_the_older_one(
    two_forms: Path,
) -> None:
    columns = "username, _shape, epoch_us(_observed_at), epoch_us(_last_seen_at)"

    assert rows(two_forms, f"SELECT {columns} FROM civitai.images") == [
        ("listed", "list", hours(0), hours(1))
    ]


def test_each_form_of_an_entity_has_versions_of_its_own(two_forms: Path) -> None:
    columns = "username, epoch_us(valid_from), epoch_us(valid_to)"

    assert rows(two_forms, f"SELECT {columns} FROM civitai.images_versions ORDER BY 1") == [
        ("embedded", hours(1), None),
        ("listed", hours(0), None),
    ]


def test_what_two_writers_saw_at_one_instant_is_decided_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for writer, name in ((OTHER, "other"), (WRITER, "mine")):
        write_log(tmp_path, "openrouter", writer, [Page(hours(0), [model("a", name)])])
    update(tmp_path, definitions=some("openrouter.models"))

    assert rows(tmp_path, "SELECT name, _writer FROM openrouter.models") == [("mine", WRITER)]
    assert rows(tmp_path, "SELECT name FROM openrouter.models_versions") == [("mine",)]


def test_a_body_that_was_stored_with_a_later_hour_is_shown_from_its_first_sighting(
    tmp_path: Path,
) -> None:
    """A stream may name a body that was written at a later time of its own."""
    roster = {"/x": [("endpoint", "asked#t", 1)]}
    early = Draft(kind=PAGE, members={"roster": roster, "shapes": {"/x": BODY.shape}})
    batches = [(hours(2), envelope(WRITER, 2, 1, BODY)), (hours(1), [early])]
    write_drafts(tmp_path, "openrouter", batches)
    assert update(tmp_path, definitions=some("openrouter.endpoints")).failed == ()
    columns = "epoch_us(_observed_at), epoch_us(_first_seen_at), epoch_us(_last_seen_at)"

    sql = f"SELECT {columns} FROM openrouter.endpoints"
    assert rows(tmp_path, sql, hours(1)) == [(hours(1), hours(1), hours(1))]
    assert rows(tmp_path, sql) == [(hours(1), hours(1), hours(2))]


def test_a_listing_does_not_make_an_entity_absent_that_its_scope_never_had(tmp_path: Path) -> None:
    """`a` comes to that scope later, and was not absent before, however long /x was left alone."""
    (tmp_path / "log").mkdir()
    early = [(0, "/x", "a"), (1, "/y", "z"), (2, "/y", "z"), (3, "/y", "z")]
    listings = [*early, (5, "/y", "az"), (6, "/y", "z"), (7, "/y", "a")]
    pages = [
        Page(hours(at), [model(id, id) for id in ids], f"r{at}", scope, 1, True)
        for at, scope, ids in listings
    ]
    write_log(tmp_path, "openrouter", WRITER, pages)
    update(tmp_path, definitions=some("openrouter.models"))
    columns = "id, epoch_us(valid_from), epoch_us(valid_to)"

    assert rows(tmp_path, f"SELECT {columns} FROM openrouter.models_versions ORDER BY 1, 2") == [
        ("a", hours(0), hours(6)),
        ("a", hours(7), None),
        ("z", hours(1), hours(7)),
    ]
    ids = "SELECT id FROM openrouter.models ORDER BY id"
    assert [rows(tmp_path, ids, hours(at)) for at in (2, 6, 7)] == [
        [("a",), ("z",)],
        [("z",)],
        [("a",)],
    ]


def test_a_listing_that_is_no_longer_requested_keeps_nothing_present(tmp_path: Path) -> None:
    """/x is listed each hour until 3. From 5 on, /y alone decides about `a`, which it lacks."""
    (tmp_path / "log").mkdir()
    listings = [(n, "/x", "ab") for n in range(4)] + [(n + 0.5, "/y", "b") for n in range(1, 8)]
    pages = [
        Page(hours(at), [model(id, id) for id in ids], f"r{at}", scope, 1, True)
        for at, scope, ids in [(0.5, "/y", "ab"), *listings]
    ]
    write_log(tmp_path, "openrouter", WRITER, sorted(pages, key=lambda page: page.at))
    update(tmp_path, definitions=some("openrouter.models"))

    versions = "SELECT id, epoch_us(valid_to) FROM openrouter.models_versions ORDER BY id"
    assert rows(tmp_path, versions) == [("a", hours(5.5)), ("b", None)]
    absent = (
        "SELECT id, epoch_us(_absent_since), _absent_because FROM openrouter.models_all "
        "WHERE _absent_since IS NOT NULL"
    )
    assert rows(tmp_path, absent) == [
        ("a", hours(5.5), "not on the complete listing /y of run r5.5")
    ]
    assert rows(tmp_path, absent, hours(5)) == []


def test_shapes_that_begin_at_one_instant_are_versions_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    page = Page(hours(0), [image("a", "list"), image("b", "embedded")])
    write_log(tmp_path, "civitai", WRITER, [page])
    update(tmp_path, definitions=some("civitai.images"))
    sql = "SELECT username FROM civitai.images_versions ORDER BY 1"

    assert rows(tmp_path, sql) == [("a",), ("b",)]
