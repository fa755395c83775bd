"""Opening the views: the instant, the folder of the archive, and what is missing."""

import contextlib
import shutil
import subprocess
import sys

import duckdb
import pytest

from eventlog.errors import Invalid, NoArchive, NotFound
from projector.query.open_views import open_views
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


@pytest.mark.slow
def test_a_reader_of_another_process_and_folder_keeps_its_snapshot(archive, tmp_path_factory):
    script = f"""
import duckdb
c = duckdb.connect({str(archive / "views" / "hindlog.duckdb")!r}, read_only=True)
print(c.execute("SELECT name FROM openrouter.models WHERE id = 'a'").fetchall())
input()
print(c.execute("SELECT name FROM openrouter.models WHERE id = 'a'").fetchall())
"""
    reader = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    assert reader.stdin is not None
    assert reader.stdout.readline() == "[('A2',)]\n"
    write_log(archive, "openrouter", WRITER, [Page(hours(5), [model("a", "A5")])])
    update(archive, definitions=MODELS)
    rebuild_views(archive, definitions=MODELS)
    out, _ = reader.communicate("\n", timeout=300)

    assert out == "[('A2',)]\n"
    assert rows(archive, MODEL_NAMES)[0] == ("a", "A5")


def test_the_session_chooses_the_instant(archive):
    with contextlib.closing(
        duckdb.connect(str(archive / "views" / "hindlog.duckdb"), read_only=True)
    ) as session:
        session.execute("SET TimeZone = 'America/New_York'")
        for text in (
            "'2026-11-01T01:30'",
            "'2026-11-01 01:30:00Z'",
            "'2026-11-01T03:30:00+02:00'",
            "TIMESTAMP '2026-11-01 01:30:00'",
            "TIMESTAMPTZ '2026-11-01 01:30:00+00'",
        ):
            session.execute(f"SET VARIABLE as_of = {text}")
            assert session.execute(MODEL_NAMES).fetchall() == [("a", "A2")], text
        session.execute("SET VARIABLE as_of = DATE '2026-11-01'")
        assert session.execute(MODEL_NAMES).fetchall() == [("a", "A"), ("b", "B")]
        session.execute("RESET VARIABLE as_of")
        assert session.execute(MODEL_NAMES).fetchall() == [("a", "A2"), ("b", "B")]
        with pytest.raises(duckdb.Error):
            session.execute("FROM openrouter.models_at('yesterday-ish')")


def test_a_moved_archive_answers_with_its_new_root(archive, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "archive"
    shutil.move(archive, moved)
    with contextlib.closing(
        duckdb.connect(str(moved / "views" / "hindlog.duckdb"), read_only=True)
    ) as session:
        session.execute("SET VARIABLE hindlog_root = ?", [str(moved)])
        assert session.execute(MODEL_NAMES).fetchall() == [("a", "A2"), ("b", "B")]
    update(moved, definitions=MODELS)

    assert rows(moved, MODEL_NAMES) == [("a", "A2"), ("b", "B")]


def test_missing_views_and_archives_are_errors(empty, tmp_path_factory):
    with pytest.raises(NotFound, match="no views yet"):
        open_views(empty)
    with pytest.raises(NotFound, match=r"no view 'openrouter\.nope'"):
        update(empty, ["openrouter.nope"], definitions=MODELS)
    with pytest.raises(NoArchive):
        update(tmp_path_factory.mktemp("nothing"))
    update(empty, definitions=MODELS)
    with pytest.raises(Invalid, match="after now"):
        open_views(empty, hours(2), now=hours(1))
