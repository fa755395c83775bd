"""Macros that contain the views they read, whatever name the views file is attached under."""

import contextlib
from pathlib import Path

import pytest

from projector.engine.connections import connect
from projector.folders import views_dir
from projector.update.update import update
from projector.views.inlined import ViewSelect, selects_of, with_inlined_views
from projector.views.statement import Statement
from projector.views.views_database import FILE
from tests.projector.conftest import WRITER
from tests.projector.image_shelf import HELPERS
from tests.projector.logs import Page, Seen, hours, write_log

CALLS = {
    "images_of_lora('DETAIL')": [(2,), (4,)],
    "images_of_lora('2e4a2d6b2c')": [(1,), (2,), (5,)],
    "images_of_model(11)": [(1,), (2,), (3,), (5,)],
    "images_of_model(4)": [],
    "images_of_user('ann')": [(1,), (4,)],
    "images_of_version(22)": [(1,), (2,), (5,)],
}


@pytest.mark.parametrize("call", CALLS)
def test_a_macro_over_views_works_under_another_name(shelf: Path, call: str) -> None:
    with contextlib.closing(connect()) as connection:
        connection.execute(f"ATTACH '{views_dir(shelf) / FILE}' AS mine (READ_ONLY)")

        images = connection.execute(f"SELECT id FROM mine.civitai.{call} ORDER BY id").fetchall()
        assert images == CALLS[call]
        version = "SELECT version_id FROM mine.civitai.version_of_hash('FF')"
        assert connection.execute(version).fetchall() == [(22,)]
        connection.execute("SET VARIABLE as_of = '2026-10-01'")
        assert connection.execute(f"SELECT id FROM mine.civitai.{call}").fetchall() == []


@pytest.mark.slow
def test_a_macro_reads_what_came_since_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for hour, id in enumerate(("7", "8")):
        write_log(
            tmp_path,
            "civitai",
            WRITER,
            [Page(hours(hour), [Seen("image", id, {"id": int(id), "username": "ann"})])],
        )
        assert update(tmp_path, definitions=HELPERS).failed == ()

    with contextlib.closing(connect()) as connection:
        connection.execute(f"ATTACH '{views_dir(tmp_path) / FILE}' AS mine (READ_ONLY)")
        found = connection.execute("SELECT id FROM mine.civitai.images_of_user('ann') ORDER BY 1")
        assert found.fetchall() == [(7,), (8,)]


SELECTS = {
    "a.x": ViewSelect("SELECT 1 AS id, 10 AS value", reads_views=False),
    "a.y": ViewSelect("SELECT id + 1 AS id FROM a.x", reads_views=True),
    "b.x": ViewSelect("SELECT x.id FROM a.x", reads_views=True),
}
QUERIES = {
    "SELECT id FROM a.x": [(1,)],
    "SELECT x.id, a.x.value FROM a.x WHERE x.id = 1": [(1, 10)],
    "SELECT one.id FROM a.x AS one JOIN b.x two USING (id)": [(1,)],
    "WITH x AS (SELECT id FROM a.y) SELECT x.id FROM x": [(2,)],
    'SELECT id FROM a.x -- a.y\nUNION ALL SELECT id FROM "a"."y" ORDER BY id': [(1,), (2,)],
    "SELECT 'a.x' AS text, (SELECT max(id) FROM A.Y) AS top": [("a.x", 2)],
}


@pytest.mark.parametrize("query", QUERIES)
def test_the_select_reads_ctes_instead_of_views(query: str) -> None:
    with contextlib.closing(connect()) as connection:
        inlined = with_inlined_views(query, ["of_id"], SELECTS)
        assert connection.execute(inlined).fetchall() == QUERIES[query]


def test_a_select_without_views_and_one_whose_parameter_is_a_column_stay_as_they_are() -> None:
    for query, parameters in (
        ("SELECT id FROM c.z", ["of_id"]),
        ("SELECT id FROM a.x WHERE value = id", ["id"]),
        ("SELECT id FROM a.x_at(1)", ["of_id"]),
    ):
        assert with_inlined_views(query, parameters, SELECTS) == query


def test_the_select_of_a_view_over_a_macro_is_the_body_of_the_macro() -> None:
    statements = [
        Statement("SCHEMA", '"a"'),
        Statement("MACRO", '"a"."x_at"', "(t) AS TABLE\nSELECT 1 AS one"),
        Statement("VIEW", '"a"."x"', ' AS FROM "a"."x_at"(getvariable(\'as_of\')) WHERE true'),
        Statement("VIEW", '"a"."y"', " AS\nSELECT 2"),
    ]

    assert selects_of(statements) == {
        "a.x": ViewSelect("FROM (SELECT 1 AS one) WHERE true", reads_views=False),
        "a.y": ViewSelect("SELECT 2", reads_views=False),
    }
