"""Helpers: the images of a model, of a version, of a LoRA, of a user; a version by its hash."""

import contextlib

import duckdb
import pytest

from projector.query.select import run_query
from tests.projector.image_shelf import SHA256


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("images_of_model(11)", [1, 2, 3, 5]),
        ("images_of_version(22)", [1, 2, 5]),
        ("images_of_version(23)", [3]),
        ("images_of_lora('DETAIL')", [2, 4]),
        ("images_of_lora('2e4a2d6b2c')", [1, 2, 5]),
        (f"images_of_lora('{SHA256}')", [1, 2, 5]),
        ("images_of_user('ANN')", [1, 4]),
    ],
)
def test_the_images_of_something(shelf, call, expected):
    rows = run_query(shelf, f"SELECT id FROM civitai.{call} ORDER BY id").rows

    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    "hash", [SHA256, SHA256.lower(), SHA256[:10], "0x2e4a2d6b2c", "ab12cd34ef56", "ff"]
)
def test_a_version_by_any_hash_of_a_file(shelf, hash):
    sql = "SELECT version_id, model_id, version_name, file_name FROM civitai.version_of_hash($hash)"

    assert list(run_query(shelf, sql, params={"hash": hash}).rows) == [(22, 11, "v1", "d")]


def test_helpers_work_in_duckdb_itself(shelf):
    with contextlib.closing(duckdb.connect(str(shelf / "views/hindlog.duckdb"), True)) as shown:
        assert len(shown.execute("FROM civitai.images_of_model(11)").fetchall()) == 4
