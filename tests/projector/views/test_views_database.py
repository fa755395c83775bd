"""The views file: replaced in part where possible, with the same content as a new one."""

import contextlib
import re

import pytest

from projector.query.open_views import open_views
from projector.update.update import update
from projector.views import views_database as views_file
from projector.views.views_database import _create as create_file
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS, chosen

WITH_LISTINGS = chosen("openrouter.models", "log.listings", "log.coverage")


def sql_of_views(root):
    """Returns the macros and views of the views file with their SQL."""
    with contextlib.closing(open_views(root)) as connection:
        definitions = connection.execute(
            "SELECT schema_name, function_name, macro_definition FROM duckdb_functions() "
            "WHERE NOT internal UNION ALL "
            "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal "
            "ORDER BY 1, 2"
        ).fetchall()
    # DuckDB reports the names after EXCLUDE in any order.
    return [(*names, re.sub(r"EXCLUDE \(.*?\)", _in_order, text)) for *names, text in definitions]


def _in_order(match):
    return " ".join(sorted(re.findall(r"\w+", match[0])))


def test_a_partly_replaced_views_file_has_the_content_of_one_written_as_a_whole(
    archive, monkeypatch
):
    update(archive, definitions=WITH_LISTINGS)
    whole = []
    monkeypatch.setattr(views_file, "_create", lambda *args: whole.append(create_file(*args)))
    for n in range(3, 6):
        listed = [model("a", f"A{n}"), model("b", "B")]
        write_log(
            archive, "openrouter", WRITER, [Page(hours(n), listed, f"r{n}", "/models", 1, True)]
        )
        assert update(archive, definitions=WITH_LISTINGS).swapped
    assert len(whole) < 2, "most hours only add a file to the lists of files"
    before = sql_of_views(archive)
    (archive / "views" / views_file.FILE).unlink()
    assert update(archive, definitions=WITH_LISTINGS).swapped

    assert sql_of_views(archive) == before
    assert {("log", "coverage"), ("openrouter", "models_at")} <= {row[:2] for row in before}


def test_after_an_interrupted_swap_the_views_file_is_written_as_a_whole(archive, monkeypatch):
    """Otherwise a view that the interrupted swap had removed would be assumed to exist still."""
    path = archive / "views" / views_file.SCRIPT
    before = path.read_text()
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [model("c", "C")], "r3")])
    swapped = []

    def interrupted(path, data):
        swapped.append(path)
        if len(swapped) > 1:
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        write = views_file.replace_file
        patch.setattr(views_file, "replace_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            update(archive, definitions=MODELS)
    assert before in path.read_text(), "the script of the previous views file is kept"
    whole = []
    monkeypatch.setattr(views_file, "_create", lambda *args: whole.append(create_file(*args)))
    assert update(archive, definitions=MODELS).swapped
    assert len(whole) == 1
    assert rows(archive, MODEL_NAMES) == [("a", "A2"), ("b", "B"), ("c", "C")]
    assert not update(archive, definitions=MODELS).swapped
