"""`view`: the output of each command; exit codes 3 (left out) and 4 (different)."""

import io
import os
import shutil
import signal
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from cli.commands.views.view import _print_report
from cli.program import cli, run
from eventlog.errors import Unavailable
from projector.update.update import UpdateReport
from tests.cli.conftest import WRITER
from tests.cli.making import damage, hindlog, replaced, stream

MODELS = "openrouter.models"
BROKEN = f"openrouter/2026-11-01/02-{WRITER}-000.ndjson.zst"
DEFINITION = Path(__file__).parents[4] / "projector/projections/openrouter/models.sql"


def test_list_shows_every_view_with_rows_and_position(shared: Path) -> None:
    views = {row["view"]: row for row in hindlog("view", "list", "--json", at=shared).json()}

    assert {"civitai.models", MODELS, "log.events"} <= set(views)
    assert views[MODELS]["rows"] == 2
    assert views[MODELS]["position"] == "2026-11-01T02:01:00Z"
    assert views[MODELS]["columns"] > 30
    assert views["log.events"]["rows"] == 14


def test_show_prints_the_columns_and_the_meaning_on_stderr(shared: Path) -> None:
    done = hindlog("view", "show", MODELS, at=shared)

    assert done.code == 0
    assert done.rows[0] == ["column", "type", "meaning"]
    assert done.rows[1][:2] == ["id", "VARCHAR"]
    assert all(row[2].endswith(".") for row in done.rows[1:])
    assert done.err.endswith("; 2 rows up to 2026-11-01T02:01:00Z\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("show", "no.such"), 6, "no.such: no such view; the nearest known one is "),
        (("update", "no.such"), 6, "no view 'no.such'"),
        (("rebuild", "no.such"), 6, "no view 'no.such'"),
        (("check", "no.such"), 6, "no view 'no.such'"),
        (("update", "--jobs", "0"), 2, "--jobs"),
        (("update", "--jobs", "65"), 2, "--jobs"),
        (("rebuild", "--as-of", "2026-11-01"), 2, "--to FILE"),
        (("diff", MODELS), 2, "--definition"),
        (("diff", MODELS, "--definition", "no/such.sql"), 2, "no/such.sql"),
    ],
)
def test_a_view_command_refuses_unknown_views_and_invalid_arguments(
    shared: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = hindlog("view", *arguments, at=shared)

    assert (done.code, done.raw) == (code, b"")
    assert message in done.err


def test_an_update_that_leaves_something_out_reports_it_and_exits_with_3(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_arguments: object) -> None:
        raise Unavailable("ended here")

    monkeypatch.setattr("projector.update.compare_versions.add_differences", ended)
    hindlog("segment", "seal", "--all", at=archive)
    done = hindlog("view", "update", MODELS, at=archive)

    assert (done.code, done.raw) == (3, b"")
    assert "left out: ended here" in done.err.splitlines()
    last = done.err.splitlines()[-1]
    assert last.endswith(" from 1 sealed segment and the open ones")
    assert " rows written, from " in last


def test_an_update_over_a_damaged_segment_exits_with_4_and_names_it(archive: Path) -> None:
    damage(archive / "log" / BROKEN)
    shutil.rmtree(archive / "views")
    done = hindlog("view", "update", MODELS, at=archive)

    assert (done.code, done.raw) == (4, b"")
    assert BROKEN.removesuffix(".ndjson.zst") in done.err
    assert done.err.endswith("\n  hindlog verify\n")


def test_the_report_of_an_update_names_what_was_left_out_and_quarantined() -> None:
    report = UpdateReport(
        segments=3, parts=2, rows=9, failed=("a: damaged",), swapped=True, quarantined=("b: x",)
    )
    err = stream()
    with replaced(stream(), stream(), err), cli.make_context("hindlog", ["view"]):
        _print_report(report)

    assert err.buffer.getvalue().decode().splitlines() == [  # type: ignore[attr-defined]
        "left out: a: damaged",
        "in quarantine: b: x",
        "2 parts with 9 rows written, from 3 sealed segments and the open ones",
    ]


class InterruptingStream(io.BytesIO):
    """Sends SIGINT to this process as soon as the report of an update is written."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        written = super().write(data)
        if b"rows written" in data:
            os.kill(os.getpid(), signal.SIGINT)
        return written


def test_an_update_with_follow_ends_with_the_exit_code_of_the_signal(archive: Path) -> None:
    err = InterruptingStream()
    text = io.TextIOWrapper(err, write_through=True)
    with replaced(stream(), stream(), text):
        code = run(["-C", str(archive), "view", "update", MODELS, "--follow"])

    assert code == 130
    assert err.getvalue().decode().count(" rows written, from 0 ") == 1


def test_check_exits_with_4_and_names_each_view_that_differs(archive: Path) -> None:
    for part in (archive / "views/parts/openrouter" / MODELS).rglob("2*.parquet"):
        other = part.with_suffix(".other")
        with duckdb.connect() as connection:
            rows = f"SELECT * REPLACE ('Z' AS name) FROM '{part}'"
            connection.execute(f"COPY ({rows}) TO '{other}' (FORMAT parquet)")
        other.replace(part)
    done = hindlog("view", "check", MODELS, at=archive)

    assert (done.code, done.out.count("\n")) == (4, 3)
    assert done.out.startswith(f"{MODELS}: expected 2 rows with hash ")
    assert done.err.endswith("3 views differ from a full rebuild\n")


def test_rebuild_writes_the_state_of_an_instant_to_a_file(archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "models.parquet"
    done = hindlog(
        "view", "rebuild", MODELS, "--as-of", "2026-11-01T00:30", "--to", file, at=archive
    )

    assert done.code == 0
    assert done.err.splitlines()[0] == "as of 2026-11-01T00:30:00Z"
    assert done.err.splitlines()[-1] == f"{MODELS}: 3 rows in {file}"
    names = pyarrow.parquet.read_table(file).column("name").to_pylist()
    assert sorted(names) == ["A", "B", "C"]


def test_view_diff_exits_with_4_for_a_changed_column_and_with_0_for_the_same_definition(
    shared: Path, tmp_path: Path
) -> None:
    text = DEFINITION.read_text()
    changed = tmp_path / "models.sql"
    changed.write_text(text.replace("/name ", "/id ", 1))
    same = hindlog("view", "diff", MODELS, "--definition", DEFINITION, at=shared)
    other = hindlog("view", "diff", MODELS, "--definition", changed, "--json", at=shared)

    assert (same.code, len(same.rows)) == (0, 1)
    assert same.err.splitlines()[-1] == "0 differences"
    assert other.code == 4
    rows = other.json()
    assert {row["column"] for row in rows} == {"name"}
    assert other.err.splitlines()[-1] == f"{len(rows)} differences"
    assert {(row["old"], row["new"]) for row in rows} >= {('"A"', '"x/a"'), ('"B"', '"x/b"')}
