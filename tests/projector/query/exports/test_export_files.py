"""Exported files as other tools read them: replacement, manifest and types of values."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow.parquet
import pytest

from eventlog.errors import Invalid
from projector.definition import parse_definition
from projector.query.exports import target_folder
from projector.query.exports.export import export_views
from projector.query.exports.target_folder import EXPORT_MANIFEST
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import make_archive, some
from tests.projector.logs import Page, hours, write_log

VIEWS = ("openrouter.models", "openrouter.endpoints")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three models of two authors, one of them absent since the second hour."""
    first = [model("x/b", "B", benchmarks={"e": 1}), model("x/a", "A"), model("y/c", "C")]
    pages = [Page(hours(n), first[: 3 - n], f"r{n}", "/models", 1, True) for n in range(2)]
    return make_archive(tmp_path_factory.mktemp("shop"), "openrouter", pages, *VIEWS)


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((folder / EXPORT_MANIFEST).read_bytes())
    return content


def test_a_complete_export_exists_whenever_something_is_deleted(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash there leaves the old export or the new one."""
    to = tmp_path / "out"
    export_views(shop, ["openrouter.models"], to, format="csv")
    seen: list[tuple[str, ...]] = []
    delete = shutil.rmtree

    def watched(path: Path, ignore_errors: bool = False) -> None:
        delete(path, ignore_errors=ignore_errors)
        seen.append(tuple(files(to)))

    monkeypatch.setattr(target_folder.shutil, "rmtree", watched)
    export_views(shop, ["openrouter.models"], to, format="ndjson")

    old, new = (("manifest.json", f"openrouter/models.{suffix}") for suffix in ("csv", "ndjson"))
    assert seen
    assert set(seen) <= {old, new}
    assert seen[-1] == new
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_manifest_describes_every_file_and_the_instant(shop: Path, tmp_path: Path) -> None:
    report = export_views(shop, list(VIEWS), tmp_path / "out")
    content = manifest(tmp_path / "out")
    path = tmp_path / "out" / "openrouter" / "models.parquet"

    assert (content["format"], content["as_of"]) == ("parquet", None)
    assert content["position"] == "2026-11-01T01:00:00.000000Z"
    assert [(view["view"], view["rows"]) for view in content["views"]] == [
        ("openrouter.models", 2),
        ("openrouter.endpoints", 0),
    ]
    assert content["views"][0]["files"] == [
        {
            "path": "openrouter/models.parquet",
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    ]
    assert [(view.view, view.rows, view.files) for view in report.views] == [
        ("openrouter.models", 2, ("openrouter/models.parquet",)),
        ("openrouter.endpoints", 0, ("openrouter/endpoints.parquet",)),
    ]
    assert (report.to, report.as_of) == (tmp_path / "out", None)


def test_rows_are_in_order_and_json_is_text_of_the_logical_type_json(
    shop: Path, tmp_path: Path
) -> None:
    export_views(shop, ["openrouter.models", "openrouter.models_all"], tmp_path / "out")
    folder = tmp_path / "out" / "openrouter"
    table = pyarrow.parquet.read_table(folder / "models.parquet")
    table_of_all = pyarrow.parquet.read_table(folder / "models_all.parquet")

    assert table.column("id").to_pylist() == ["x/a", "x/b"]
    assert table.column("benchmarks").to_pylist() == [None, '{"e":1}']
    assert table_of_all.column("id").to_pylist() == ["x/a", "x/b", "y/c"]
    assert str(table.schema.field("benchmarks").type) == "extension<arrow.json>"
    described = duckdb.sql(f"DESCRIBE FROM '{folder}/models.parquet'").fetchall()
    assert ("benchmarks", "JSON") in {row[:2] for row in described}


def test_a_view_of_the_log_is_exported_when_it_is_named(shop: Path, tmp_path: Path) -> None:
    report = export_views(shop, ["log.events"], tmp_path / "out")
    table = pyarrow.parquet.read_table(tmp_path / "out" / "log" / "events.parquet")

    assert report.views[0].rows == table.num_rows == 5
    assert str(table.schema.field("why").type) == "string"


def test_partitions_name_their_values_and_the_manifest_their_files(
    shop: Path, tmp_path: Path
) -> None:
    views = ["openrouter.models_all", "openrouter.endpoints"]
    report = export_views(shop, views[:1], tmp_path / "out", partition=["author"], format="ndjson")
    paths = files(tmp_path / "out")

    assert [Path(name).parent.as_posix() for name in paths] == [
        ".",
        "openrouter/models_all/author=x",
        "openrouter/models_all/author=y",
    ]
    assert report.views[0].files == tuple(paths[1:])
    assert {Path(name).suffix for name in paths[1:]} == {".ndjson"}
    assert report.views[0].rows == 3


def test_a_view_without_rows_has_its_folder_of_partitions(shop: Path, tmp_path: Path) -> None:
    report = export_views(shop, ["openrouter.endpoints"], tmp_path / "out", partition=["tag"])

    assert (report.views[0].rows, report.views[0].files) == (0, ())
    assert (tmp_path / "out" / "openrouter" / "endpoints").is_dir()


def test_a_csv_has_a_header_and_ndjson_a_line_per_row(shop: Path, tmp_path: Path) -> None:
    for format in ("csv", "ndjson"):
        export_views(shop, ["openrouter.models"], tmp_path / format, format=format)
    csv = (tmp_path / "csv" / "openrouter" / "models.csv").read_text().splitlines()
    ndjson = (tmp_path / "ndjson" / "openrouter" / "models.ndjson").read_bytes().splitlines()

    assert csv[0].startswith("id,canonical_slug,name,")
    assert len(csv) == 3
    assert [orjson.loads(line)["name"] for line in ndjson] == ["A", "B"]


def test_a_view_that_is_named_twice_is_written_once(shop: Path, tmp_path: Path) -> None:
    report = export_views(shop, ["openrouter.models"] * 2, tmp_path / "out")

    assert [view.view for view in report.views] == ["openrouter.models"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("notes.txt", "mine", "contains 'notes.txt', which no export wrote"),
        ("openrouter/models.csv", "mine", "which no export wrote"),
        (EXPORT_MANIFEST, "{}", "not the manifest of an export"),
        (EXPORT_MANIFEST, "not JSON", "not the manifest of an export"),
    ],
)
def test_a_folder_with_a_file_that_no_export_wrote_is_not_replaced(
    shop: Path, tmp_path: Path, name: str, text: str, why: str
) -> None:
    to = tmp_path / "out"
    export_views(shop, ["openrouter.models"], to)
    (to / name).write_text(text)
    with pytest.raises(Invalid, match=why):
        export_views(shop, ["openrouter.models"], to)

    assert (to / name).read_text() == text
    assert "openrouter/models.parquet" in files(to)


def test_an_empty_folder_may_be_filled_and_a_file_may_not_be_replaced(
    shop: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    export_views(shop, ["openrouter.models"], tmp_path / "empty")
    with pytest.raises(Invalid, match="expected an export or nothing"):
        export_views(shop, ["openrouter.models"], tmp_path / "file")

    assert files(tmp_path / "empty") == [EXPORT_MANIFEST, "openrouter/models.parquet"]
    assert (tmp_path / "file").read_text() == "mine"


def test_leftovers_of_a_crashed_export_are_deleted_and_those_of_a_running_one_are_not(
    shop: Path, tmp_path: Path
) -> None:
    dead, living, other = (tmp_path / f".{name}.tmp" for name in ("out.1", "out.2", "other.1"))
    for folder in (dead, living, other):
        folder.mkdir()
    handle = target_folder._lock(living)
    assert handle is not None
    try:
        export_views(shop, ["openrouter.models"], tmp_path / "out")
    finally:
        target_folder.os.close(handle)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.1.tmp", ".out.2.tmp", "out"]


def test_an_unknown_format_is_refused_with_the_list_of_formats(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="expected one of parquet, ndjson, csv"):
        export_views(shop, ["openrouter.models"], tmp_path / "out", format="xml")

    assert list(tmp_path.iterdir()) == []


def test_decimals_keep_every_digit(tmp_path: Path) -> None:
    price = "0.000000083333333333333333"
    page = Page(hours(0), [model("a", "A", pricing={"prompt": price})])
    root = make_archive(tmp_path / "shop", "openrouter", [page], *VIEWS)
    export_views(root, ["openrouter.models"], tmp_path / "out")
    path = tmp_path / "out" / "openrouter" / "models.parquet"

    assert duckdb.sql(f"SELECT prompt::VARCHAR FROM '{path}'").fetchall() == [(price,)]


def test_a_column_of_uuids_is_written_as_text_and_one_of_json_as_json(tmp_path: Path) -> None:
    columns = "SELECT *, body AS whole, uuid() AS mark FROM event"
    head = "-- openrouter.whole: bodies\n-- types: model\n"
    definition = parse_definition(head + columns, "openrouter", "whole")
    (tmp_path / "shop" / "log").mkdir(parents=True)
    write_log(tmp_path / "shop", "openrouter", WRITER, [Page(hours(0), [model("a", "A")])])
    update(tmp_path / "shop", definitions=(*some(), definition))
    export_views(tmp_path / "shop", ["openrouter.whole"], tmp_path / "out")
    schema = pyarrow.parquet.read_schema(tmp_path / "out" / "openrouter" / "whole.parquet")

    assert str(schema.field("mark").type) == "string"
    assert str(schema.field("whole").type) == "extension<arrow.json>"
