"""Rebuilds: every part is built again, and all are swapped in one step."""

import contextlib

import duckdb
import pytest

from projector.folders import current_parts
from projector.update.check import check
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.logs import hours
from tests.projector.projections import MODELS


@pytest.mark.slow
def test_rebuild_swaps_to_new_parts_and_check_agrees(archive):
    before = current_parts(archive / "views")
    report = rebuild_views(archive, definitions=MODELS)

    assert current_parts(archive / "views") != before
    assert ("openrouter.models", 2) in report.rows
    assert check(archive, definitions=MODELS) == []
    assert update(archive, definitions=MODELS).parts == 0


@pytest.mark.parametrize("name", ["m.parquet", "m.duckdb"])
def test_the_view_at_an_instant_is_written_to_a_file(archive, tmp_path, name):
    report = rebuild_views(
        archive,
        ["openrouter.models"],
        as_of=hours(1.5),
        to=tmp_path / name,
        definitions=MODELS,
    )

    with contextlib.closing(duckdb.connect()) as connection:
        if name.endswith(".duckdb"):
            connection.execute(f"ATTACH '{tmp_path / name}' AS m (READ_ONLY)")
        table = "m.openrouter.models" if name.endswith(".duckdb") else f"'{tmp_path / name}'"
        assert connection.execute(f"SELECT id, name FROM {table}").fetchall() == [("a", "A2")]
    assert report.rows == (("openrouter.models", 1),)
