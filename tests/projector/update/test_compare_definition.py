"""Another definition: what it would change, and how views go over to it."""

import contextlib

import duckdb
import pytest
from click.testing import CliRunner

from cli.program import cli
from eventlog.errors import Invalid
from projector.definition import FOLDER, parse_definition
from projector.query.select import run_query
from projector.update.compare_definition import compare
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import MODELS, chosen

TEXT = (FOLDER / "openrouter" / "models.sql").read_text()
LOUD = TEXT.replace("ltrim(split_part(_id", "upper(split_part(_id").replace(
    ", '~') AS author", ") AS author"
)


def test_an_equal_definition_has_no_differences(shared):
    assert compare(shared, "openrouter.models", TEXT).is_same


def test_every_changed_version_is_reported_with_its_event(shared):
    comparison = compare(shared, "openrouter.models", LOUD)

    differences = [
        (d.id, d.valid_from, d.column, d.old, d.new, d.segment, d.seq)
        for d in comparison.differences
    ]
    first, second = (f"openrouter/2026-11-01/0{hour}-0a0b0c0d-000" for hour in (0, 1))
    assert differences == [
        ("a", hours(0), "author", '"a"', '"A"', first, 1),
        ("b", hours(0), "author", '"b"', '"B"', first, 2),
        ("a", hours(1), "author", '"a"', '"A"', second, 4),
        ("b", hours(2), "author", '"b"', '"B"', first, 2),
    ]
    assert (comparison.added_columns, comparison.removed_columns) == ((), ())
    assert not list((shared / "views").glob("aside*"))


def test_added_and_removed_columns_are_reported(shared):
    text = TEXT.replace("name                    /name ", "title                   /name ")
    comparison = compare(shared, "openrouter.models", text)

    assert (comparison.added_columns, comparison.removed_columns) == (("title",), ("name",))


@pytest.mark.slow
def test_a_view_with_many_rows_per_version_is_compared_by_whole_rows(empty):
    body = {"id": 1, "files": [{"id": 7, "name": "a", "hashes": {"CRC32": "ff"}}, {"id": 8}]}
    seen = Seen("modelVersion", "1", body, "detail")
    write_log(empty, "civitai", WRITER, [Page(hours(0), [seen])])
    update(empty, definitions=chosen("civitai.files"))
    text = (FOLDER / "civitai" / "files.sql").read_text()
    changed = text.replace("upper(file[14]) AS crc32", "'x' AS crc32")
    found = compare(empty, "civitai.files", changed).differences

    assert sorted((d.change, d.id) for d in found) == [("added", "1")] * 2 + [("removed", "1")] * 2
    assert compare(empty, "civitai.files", text).is_same


def test_a_view_over_views_has_no_versions(shared):
    with pytest.raises(Invalid, match="no versions"):
        compare(shared, "openrouter.prices", TEXT)


@pytest.mark.parametrize(("text", "code"), [(TEXT, 0), (LOUD, 4)])
def test_the_command_exits_4_when_anything_differs(archive, tmp_path, text, code):
    (archive / "hindlog.toml").touch()
    (tmp_path / "new.sql").write_text(text)
    words = ["-C", str(archive), "view", "diff", "openrouter.models"]
    done = CliRunner().invoke(
        cli, [*words, "--definition", str(tmp_path / "new.sql")], standalone_mode=False
    )

    assert (done.return_value or 0) == code


def test_a_changed_definition_builds_beside_the_old_and_is_swapped_in_one_step(archive):
    others = tuple(each for each in MODELS if each.name != "openrouter.models")
    changed = (*others, parse_definition(LOUD, "openrouter", "models"))
    file = str(archive / "views" / "hindlog.duckdb")
    sql = "SELECT id, author FROM openrouter.models ORDER BY id"
    with contextlib.closing(duckdb.connect(file, read_only=True)) as reader:
        update(archive, definitions=changed)

        assert reader.execute(sql).fetchall() == [("a", "a"), ("b", "b")]
    assert list(run_query(archive, sql).rows) == [("a", "A"), ("b", "B")]
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [model("c", "C")])])
    update(archive, definitions=MODELS)

    assert list(run_query(archive, sql).rows) == [("a", "a"), ("b", "b"), ("c", "c")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# no definition at all\n", "names no types"),
        ("", "names no types"),
        (TEXT + "\nSELECT nonsense FROM event", "openrouter.models"),
    ],
)
def test_an_invalid_definition_is_refused_before_anything_is_built(shared, monkeypatch, text, why):
    def built(*_given, **_more):
        raise AssertionError("built")

    monkeypatch.setattr("projector.update.compare_definition.build_views", built)

    with pytest.raises(Invalid, match=why):
        compare(shared, "openrouter.models", text)
    assert not list((shared / "views").glob("aside*"))
