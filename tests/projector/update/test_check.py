"""Checks: views that differ from a build from scratch are named."""

import contextlib

import duckdb

from projector.update.check import check
from tests.projector.projections import MODELS


def test_check_finds_a_part_with_other_values(archive):
    part = next((archive / "views").rglob("openrouter.models/*/2*.parquet"))
    with contextlib.closing(duckdb.connect()) as connection:
        covers = connection.execute(
            "SELECT value FROM parquet_kv_metadata(?) WHERE key = 'covers'", [str(part)]
        ).fetchone()[0]
        connection.execute(
            f"COPY (SELECT * REPLACE ('X' AS name) FROM '{part}') TO '{part}.new' "
            f"(FORMAT parquet, KV_METADATA {{covers: '{covers.decode()}'}})"
        )
    part.with_name(f"{part.name}.new").replace(part)

    assert {difference.view for difference in check(archive, definitions=MODELS)} == {
        "openrouter.models",
        "openrouter.models_all",
        "openrouter.models_versions",
    }
