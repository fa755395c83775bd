"""An export says what it contains: in every Parquet file and in its manifest."""

from importlib.metadata import version
from pathlib import Path

import duckdb
import orjson
import pyarrow.parquet
import pytest

from eventlog.errors import NotFound
from projector.definition import load_definitions
from projector.query.exports.export import export_views
from projector.views.columns.sentences import read_sentences
from tests.projector.logs import hours

HASHES = {definition.name: definition.hash for definition in load_definitions()}


def metadata(path: Path) -> dict[str, str]:
    """The metadata of a file, as pyarrow and DuckDB both read it."""
    by_arrow = {
        key.decode(): value.decode()
        for key, value in pyarrow.parquet.read_schema(path).metadata.items()
        if key.startswith(b"hindlog.")
    }
    query = f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{path}')"
    assert by_arrow.items() <= dict(duckdb.sql(query).fetchall()).items()
    return by_arrow


def test_a_parquet_file_names_its_view_position_definition_and_the_meaning_of_its_columns(
    shared, tmp_path
):
    export_views(shared, ["openrouter.models_all"], tmp_path / "out", as_of=hours(1.5))
    values = metadata(tmp_path / "out" / "openrouter" / "models_all.parquet")
    columns = orjson.loads(values.pop("hindlog.columns"))

    assert values == {
        "hindlog.view": "openrouter.models_all",
        "hindlog.about": "All rows of openrouter.models, those of absent entities, too.",
        "hindlog.definition": HASHES["openrouter.models"],
        "hindlog.as_of": "2026-11-01T01:30:00.000000Z",
        "hindlog.position": "2026-11-01T01:00:00.000000Z",
        "hindlog.version": version("hindlog"),
    }
    assert columns["prompt"] == read_sentences()["openrouter"]["prompt"]
    assert columns["_absent_since"] == read_sentences()["_all"]["_absent_since"]


def test_every_file_of_a_partition_has_the_metadata(shared, tmp_path):
    export_views(shared, ["openrouter.models"], tmp_path / "out", partition=["id"])
    values = [metadata(path) for path in (tmp_path / "out").rglob("*.parquet")]

    assert [value["hindlog.view"] for value in values] == ["openrouter.models"] * 2
    assert "hindlog.as_of" not in values[0]


def test_the_manifest_has_the_same_for_every_format(shared, tmp_path):
    export_views(shared, ["openrouter.models"], tmp_path / "out", format="csv")
    manifest = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())
    (view,) = manifest["views"]

    assert manifest["version"] == version("hindlog")
    assert view["definition"] == HASHES["openrouter.models"]
    assert view["position"] == manifest["position"]
    assert view["columns"]["id"].startswith("Id of the model")
    assert view["about"].startswith("One row per model")


def test_patterns_choose_siblings_and_views_of_the_log(shared, tmp_path):
    report = export_views(shared, ["log.*", "openrouter.models*"], tmp_path / "out")
    names = [view.view for view in report.views]

    siblings = [f"openrouter.models{suffix}" for suffix in ("", "_all", "_changes", "_versions")]
    assert [name for name in names if name.startswith("openrouter")] == siblings
    assert {"log.events", "log.sightings", "log.pages"} <= set(names)
    assert {path.name for path in (tmp_path / "out" / "openrouter").iterdir()} == {
        f"{name.removeprefix('openrouter.')}.parquet" for name in siblings
    }


def test_versions_and_changes_are_exported_as_of_an_instant(shared, tmp_path):
    names = ["openrouter.models_versions", "openrouter.models_changes"]
    now, then = (
        {view.view: view.rows for view in export_views(shared, names, to, as_of=instant).views}
        for to, instant in ((tmp_path / "now", None), (tmp_path / "then", hours(0.5)))
    )

    assert all(0 < then[name] < now[name] for name in names)


def test_a_pattern_of_no_view_is_an_error(shared, tmp_path):
    with pytest.raises(NotFound, match=r"no view matches 'shop\.\*'"):
        export_views(shared, ["shop.*"], tmp_path / "out")

    assert list(tmp_path.iterdir()) == []
