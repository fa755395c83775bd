"""Exports: complete or not at all, with a manifest."""

import hashlib

import duckdb
import orjson
import pyarrow.parquet
import pytest

from eventlog.errors import Corrupt, Invalid, NotFound
from projector.definition import load_definitions
from projector.query.exports.export import _refuse_long_values, export_views
from projector.query.open_views import open_views
from tests.projector.conftest import write_archive
from tests.projector.logs import hours


@pytest.fixture(scope="module")
def every_view(tmp_path_factory):
    """The archive `shared`, with all views."""
    return write_archive(tmp_path_factory.mktemp("every-view"), load_definitions())


def test_a_view_as_of_an_instant_with_its_manifest(shared, tmp_path):
    to = tmp_path / "out"
    report = export_views(shared, ["openrouter.models"], to, as_of=hours(1.5))
    manifest = orjson.loads((to / "manifest.json").read_bytes())

    assert report.views[0].rows == 1
    assert manifest["as_of"] == "2026-11-01T01:30:00.000000Z"
    assert manifest["position"] == "2026-11-01T01:00:00.000000Z"
    assert manifest["views"][0]["rows"] == 1
    (file,) = manifest["views"][0]["files"]
    assert hashlib.sha256((to / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    table = pyarrow.parquet.read_table(to / file["path"])
    assert table.column("name").to_pylist() == ["A2"]


@pytest.mark.parametrize("format", ["parquet", "ndjson", "csv"])
def test_every_format_is_read_back(shared, tmp_path, format):
    export_views(shared, ["openrouter.models"], tmp_path / "out", format=format)
    path = tmp_path / "out" / "openrouter" / f"models.{format}"

    assert duckdb.sql(f"SELECT id FROM '{path}' ORDER BY id").fetchall() == [("a",), ("b",)]


def test_partitions_are_hive_folders(shared, tmp_path):
    export_views(shared, ["openrouter.models"], tmp_path / "out", partition=["variant", "id"])
    ids = duckdb.sql(
        f"SELECT id FROM read_parquet('{tmp_path}/out/openrouter/models/**/*.parquet', "
        "hive_partitioning = true) ORDER BY id"
    ).fetchall()

    assert ids == [("a",), ("b",)]


@pytest.mark.slow
def test_without_names_every_view_of_the_present_is_exported(every_view, tmp_path):
    names = {view.view for view in export_views(every_view, [], tmp_path / "out").views}

    assert {"openrouter.models", "civitai.model_versions", "civitai.images"} <= names
    assert not any(name.startswith("log.") for name in names)


def test_an_earlier_export_is_replaced_and_anything_else_is_not(shared, tmp_path):
    to = tmp_path / "out"
    export_views(shared, ["openrouter.models"], to)
    export_views(shared, ["openrouter.models"], to, format="csv")
    assert sorted(p.name for p in to.rglob("*") if p.is_file()) == ["manifest.json", "models.csv"]

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(Invalid, match="expected an export or nothing"):
        export_views(shared, [], tmp_path / "mine")


def test_an_unreadable_part_is_an_error_whose_hint_is_a_rebuild(archive, tmp_path):
    for part in (archive / "views").rglob("*.parquet"):
        part.write_bytes(b"")

    with pytest.raises(Corrupt) as raised:
        export_views(archive, ["openrouter.models"], tmp_path / "out")

    assert raised.value.hint == "hindlog view rebuild"
    assert not (tmp_path / "out").exists()


def test_a_failed_export_leaves_nothing(shared, tmp_path):
    with pytest.raises(NotFound):
        export_views(shared, ["openrouter.nope"], tmp_path / "out")
    with pytest.raises(Invalid, match="no column"):
        export_views(shared, ["openrouter.models"], tmp_path / "out", partition=["nope"])

    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.slow
def test_an_export_of_fewer_views_never_deletes_an_earlier_view(every_view, tmp_path):
    to = tmp_path / "out"
    both = ("openrouter.models", "civitai.models")
    export_views(every_view, both, to)

    with pytest.raises(Invalid, match=r"an export of civitai\.models, which this one would delete"):
        export_views(every_view, both[:1], to)
    assert (to / "civitai" / "models.parquet").is_file()
    assert len(export_views(every_view, both, to).views) == 2


def test_a_partition_value_that_no_folder_can_be_named_after_is_an_error(archive, tmp_path):
    long = "ü" * 100
    with open_views(archive) as connection:
        connection.execute(f"CREATE TEMP TABLE t AS SELECT '{long}' AS name")
        with pytest.raises(Invalid, match=r"v: name='ü{80}…' is longer than .*\(255 bytes, 200 in"):
            _refuse_long_values(connection, "v", "t", ["name"])
