"""Updates build what is missing and nothing else, whatever the state before."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import duckdb
import pytest

from eventlog.errors import Corrupt, Invalid, NoArchive, NotFound
from eventlog.files.listing import list_segments
from eventlog.format.paths import manifest_path, sealed_path
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import parse_definition
from projector.folders import current_parts
from projector.limits import LIMITS
from projector.parts import plan
from projector.query.open_views import open_views
from projector.query.select import run_query
from projector.query.view_info import list_views
from projector.update.check import check
from projector.update.follow import follow_log
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from projector.views import views_database as views_file
from projector.views.views_database import _create as create_file
from projector.views.views_database import files_of_views
from tests.projector.conftest import WRITER, model
from tests.projector.logs import UNSAFE, Page, _drafts, hours, write_log
from tests.projector.projections import MODELS, chosen

NAMES = "SELECT id, name FROM openrouter.models ORDER BY id"


def rows(root, sql=NAMES, **more):
    return list(run_query(root, sql, **more).rows)


def test_an_update_without_new_events_writes_nothing(archive):
    update(archive, definitions=MODELS)
    before = {path: path.stat().st_mtime_ns for path in (archive / "views").rglob("*.parquet")}
    done = update(archive, definitions=MODELS)

    assert (done.segments, done.parts, done.swapped) == (0, 0, False)
    assert before == {p: p.stat().st_mtime_ns for p in (archive / "views").rglob("*.parquet")}


def test_only_segments_that_no_part_covers_are_read(archive):
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [model("c", "C")], "r3")])
    done = update(archive, definitions=MODELS)

    assert done.segments == 1
    assert rows(archive) == [("a", "A2"), ("b", "B"), ("c", "C")]


def test_deleting_views_and_state_gives_the_same_answers(archive):
    before = rows(archive, "FROM openrouter.models_versions ORDER BY ALL")
    shutil.rmtree(archive / "views")
    shutil.rmtree(archive / "state")
    update(archive, definitions=MODELS)

    assert rows(archive, "FROM openrouter.models_versions ORDER BY ALL") == before


def test_a_part_that_is_built_again_has_the_same_name(archive):
    parts = sorted(path.name for path in (archive / "views").rglob("*.parquet"))
    shutil.rmtree(archive / "views")
    update(archive, jobs=2, definitions=MODELS)

    assert sorted(path.name for path in (archive / "views").rglob("*.parquet")) == parts


def only(root, names, folder):
    """Copies some segments of an archive into another folder, which it returns."""
    for name in names:
        for place in (sealed_path, manifest_path):
            place(folder, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place(root, name), place(folder, name))
    return folder


@pytest.mark.parametrize(
    "least",
    [
        pytest.param(10**9, id="from facts"),
        pytest.param(0, id="from rows", marks=pytest.mark.slow),
    ],
)
def test_a_body_that_is_in_two_parts_counts_once(empty, tmp_path_factory, least):
    limits = attrs.evolve(LIMITS, min_keyframe_rows=least, max_moved_share=1)
    listed = [[model("a", f"A{n}"), model("b", f"B{n}")] for n in range(3)]
    pages = [Page(hours(n), listed[n], f"r{n}", "/models", 1, True) for n in range(3)]
    write_log(empty, "openrouter", WRITER, pages)
    names = plan.list_source(empty, "openrouter").sealed
    for some in (names[:2], names[1:]):
        other = only(empty, some, tmp_path_factory.mktemp("some"))
        update(other, ["openrouter.models"], definitions=MODELS, limits=limits)
        for path in (other / "views" / "parts").rglob("2*.parquet"):
            to = empty / path.relative_to(other)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    update(empty, ["openrouter.models"], definitions=MODELS, limits=limits)

    held = [path for path in files_of_views(empty / "views") if "/openrouter.models/" in path]
    assert sum(Path(path).name.startswith("2") for path in held) == 2, (
        "both cover the hour in the middle"
    )
    for n in range(3):
        expected = [("a", f"A{n}"), ("b", f"B{n}")]
        assert rows(empty, as_of=hours(n + 0.5)) == expected
        query_all = "SELECT id, name FROM openrouter.models_all ORDER BY id"
        assert rows(empty, query_all, as_of=hours(n + 0.5)) == expected


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


def test_a_partly_replaced_views_file_equals_one_written_as_a_whole(archive, monkeypatch):
    update(archive, definitions=MODELS)
    whole = []
    monkeypatch.setattr(views_file, "_create", lambda *args: whole.append(create_file(*args)))
    for n in range(3, 6):
        listed = [model("a", f"A{n}"), model("b", "B")]
        write_log(
            archive, "openrouter", WRITER, [Page(hours(n), listed, f"r{n}", "/models", 1, True)]
        )
        assert update(archive, definitions=MODELS).swapped
    assert len(whole) < 2, "most hours add a file to lists, and nothing else"
    before = sql_of_views(archive)
    (archive / "views" / views_file.FILE).unlink()
    assert update(archive, definitions=MODELS).swapped

    assert sql_of_views(archive) == before
    assert len(before) > 20


def test_after_an_interrupted_swap_the_views_file_is_written_as_a_whole(archive, monkeypatch):
    """Else what has been, was swapped away, and is to be again, would be taken as still there."""
    path = archive / "views" / views_file.SCRIPT
    before = path.read_text()
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [model("c", "C")], "r3")])
    swapped = []

    def ended(path, data):
        swapped.append(path)
        if len(swapped) > 1:
            raise KeyboardInterrupt
        write(path, data)

    with monkeypatch.context() as patch:
        write = views_file.replace_file
        patch.setattr(views_file, "replace_file", ended)
        with pytest.raises(KeyboardInterrupt):
            update(archive, definitions=MODELS)
    assert before in path.read_text(), "what the file before named is known"
    whole = []
    monkeypatch.setattr(views_file, "_create", lambda *args: whole.append(create_file(*args)))
    assert update(archive, definitions=MODELS).swapped
    assert len(whole) == 1
    assert rows(archive) == [("a", "A2"), ("b", "B"), ("c", "C")]
    assert not update(archive, definitions=MODELS).swapped


def test_batches_end_with_the_month_and_at_their_size(empty):
    pages = [Page(hours(24 * day), [model("a", str(day))], f"r{day}") for day in (0, 1, 29, 30)]
    write_log(empty, "openrouter", WRITER, pages)
    segments = [
        plan.read_sealed(empty, name) for name in plan.list_source(empty, "openrouter").sealed
    ]

    assert [len(batch) for batch in plan.split_into_batches(segments, LIMITS)] == [3, 1]
    two = attrs.evolve(LIMITS, max_batch_bytes=2 * max(each.raw_bytes for each in segments))
    assert [len(batch) for batch in plan.split_into_batches(segments, two)] == [2, 1, 1]


def test_the_open_segment_is_read_without_its_torn_tail(empty):
    stream = open_stream(empty, "openrouter", WRITER, clock=lambda: hours(0), disk=UNSAFE)
    page = Page(hours(0), [model("a", "A")], "r0")
    append(stream, [lambda seq, at: _drafts(page, seq, {})], hours(0))
    segment = list_segments(empty, "openrouter")[0].name
    with (empty / "log" / f"{segment}.ndjson").open("ab") as file:
        file.write(b'{"v":1,"source":"openrouter","torn')
    update(empty, definitions=MODELS)

    assert rows(empty) == [("a", "A")]
    stream.segment.size = (empty / "log" / f"{segment}.ndjson").stat().st_size
    close_stream(stream)


def test_the_part_of_an_open_segment_is_replaced_until_it_is_sealed(empty):
    for n in range(3):
        write_log(
            empty, "openrouter", WRITER, [Page(hours(n / 9), [model("a", str(n))])], seal=False
        )
        update(empty, definitions=MODELS)
        assert rows(empty) == [("a", str(n))]
    opened = list((empty / "views").rglob("openrouter.models/*/open-*.parquet"))
    assert len(opened) == 1
    write_log(empty, "openrouter", WRITER, [Page(hours(2), [model("a", "last")])])
    update(empty, definitions=MODELS)

    assert rows(empty) == [("a", "last")]
    assert len(rows(empty, "SELECT * FROM openrouter.models_versions")) == 4
    assert opened[0].exists(), "a reader that opened the views before still reads it"


def test_an_open_segment_that_has_not_grown_is_not_read_again(empty):
    write_log(empty, "openrouter", WRITER, [Page(hours(0), [model("a", "A")])], seal=False)

    assert update(empty, definitions=MODELS).parts > 0
    assert update(empty, definitions=MODELS).parts == 0


def test_views_follow_the_log_until_they_are_stopped(empty):
    done = []

    def wait(_seconds):
        n = len(done)
        write_log(empty, "openrouter", WRITER, [Page(hours(n), [model("a", str(n))])], seal=False)

    follow_log(
        empty,
        ["openrouter.models"],
        stopped=lambda: len(done) == 3,
        on_update=done.append,
        wait=wait,
    )

    assert rows(empty) == [("a", "2")]


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
    assert rows(archive)[0] == ("a", "A5")


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
            assert session.execute(NAMES).fetchall() == [("a", "A2")], text
        session.execute("SET VARIABLE as_of = DATE '2026-11-01'")
        assert session.execute(NAMES).fetchall() == [("a", "A"), ("b", "B")]
        session.execute("RESET VARIABLE as_of")
        assert session.execute(NAMES).fetchall() == [("a", "A2"), ("b", "B")]
        with pytest.raises(duckdb.Error):
            session.execute("FROM openrouter.models_at('yesterday-ish')")


def test_a_moved_archive_answers_with_its_new_root(archive, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "archive"
    shutil.move(archive, moved)
    with contextlib.closing(
        duckdb.connect(str(moved / "views" / "hindlog.duckdb"), read_only=True)
    ) as session:
        session.execute("SET VARIABLE hindlog_root = ?", [str(moved)])
        assert session.execute(NAMES).fetchall() == [("a", "A2"), ("b", "B")]
    update(moved, definitions=MODELS)

    assert rows(moved) == [("a", "A2"), ("b", "B")]


@pytest.mark.slow
def test_small_parts_are_merged_without_a_change_of_rows(archive):
    limits = attrs.evolve(LIMITS, max_newest_parts=3)
    for n in range(3, 8):
        write_log(archive, "openrouter", WRITER, [Page(hours(n), [model("a", str(n))])])
        update(archive, definitions=MODELS, limits=limits)
    named = files_of_views(archive / "views")

    assert sum("/openrouter.models/" in path for path in named) <= 1 + 3
    assert check(archive, definitions=MODELS, limits=limits) == []
    assert len(rows(archive, "SELECT * FROM openrouter.models_versions WHERE id = 'a'")) == 7


def test_a_sealed_segment_of_another_size_is_refused(archive):
    shutil.rmtree(archive / "views")
    path = next((archive / "log").rglob("*.zst"))
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(Corrupt, match="bytes, found"):
        update(archive, definitions=MODELS)


def test_a_projection_that_fails_does_not_affect_the_others(archive):
    broken = parse_definition(
        "-- openrouter.broken: x\n-- types: model\nSELECT *, error(_id) AS x FROM event",
        "openrouter",
        "broken",
    )
    done = update(archive, definitions=(*MODELS, broken))
    assert done.failed == ()
    assert len(done.quarantined) == 3
    assert all("refused by openrouter.broken" in each for each in done.quarantined)
    assert rows(archive) == [("a", "A2"), ("b", "B")]


def test_a_definition_with_invalid_sql_gets_no_view_and_does_not_affect_the_others(archive):
    broken = parse_definition(
        "-- openrouter.broken: x\n-- types: model\nSELEC", "openrouter", "broken"
    )
    done = update(archive, definitions=(*MODELS, broken))

    assert any("openrouter.broken" in text for text in done.failed)
    assert rows(archive) == [("a", "A2"), ("b", "B")]


def test_a_changed_definition_gets_parts_of_its_own(archive):
    old = sorted((archive / "views").rglob("openrouter.models/*/2*.parquet"))
    text = "-- openrouter.models: x\n-- types: model\n-- key: id VARCHAR\n-- columns:\n"
    known = chosen("openrouter.authors", "openrouter.prices")
    others = [definition for definition in known if definition.name != "openrouter.models"]
    changed = parse_definition(text + "--   title  /name  text\n", "openrouter", "models")
    done = update(archive, definitions=(*others, changed))

    assert [message.partition(":")[0] for message in done.failed] == [
        'CREATE VIEW "openrouter"."authors"',
        'CREATE VIEW "openrouter"."prices"',
    ]
    assert rows(archive, "SELECT title FROM openrouter.models ORDER BY 1") == [("A2",), ("B",)]
    assert all(path.exists() for path in old)


def test_rebuild_swaps_to_new_parts_and_check_agrees(archive):
    before = current_parts(archive / "views")
    report = rebuild_views(archive, definitions=MODELS)

    assert current_parts(archive / "views") != before
    assert ("openrouter.models", 2) in report.rows
    assert check(archive, definitions=MODELS) == []
    assert update(archive, definitions=MODELS).parts == 0


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

    assert {each.view for each in check(archive, definitions=MODELS)} == {
        "openrouter.models",
        "openrouter.models_all",
        "openrouter.models_versions",
    }


@pytest.mark.parametrize("name", ["m.parquet", "m.duckdb"])
def test_the_view_at_an_instant_is_written_to_a_file(archive, tmp_path, name):
    done = rebuild_views(
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
    assert done.rows == (("openrouter.models", 1),)


def test_views_are_listed_with_rows_position_and_columns(archive):
    views = {view.name: view for view in list_views(archive, definitions=MODELS)}

    assert views["openrouter.models"].rows == 2
    assert views["openrouter.models"].last_instant == hours(2)
    assert ("prompt", "DECIMAL(38,24)") in views["openrouter.models"].columns
    assert views["log.events"].rows == 6


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


@pytest.mark.slow
def test_a_copy_that_runs_out_of_memory_is_repeated_with_more(empty):
    long = ["x" * 40_000 + str(n) for n in range(600)]
    models = [model(str(n), text, description=text) for n, text in enumerate(long)]
    write_log(empty, "openrouter", WRITER, [Page(hours(0), models, "r0", "/models", 1, True)])
    limits = attrs.evolve(LIMITS, memory_mb=60, min_job_memory_mb=60)
    done = update(empty, definitions=MODELS, limits=limits)

    assert done.failed == ()
    assert rows(empty, "SELECT count(*), min(len(name)) FROM openrouter.models") == [(600, 40_001)]


def test_sources_crawled_by_one_writer_at_one_instant_keep_their_events_apart(empty):
    for source in ("civitai", "openrouter"):
        write_log(
            empty, source, WRITER, [Page(hours(0), [model("a", "A")], "r", "/models", 1, True)]
        )
    update(empty, definitions=MODELS)

    for view, expected in (("events", 2), ("pages", 1), ("sightings", 2)):
        counted = f"SELECT count(*) FROM log.{view}"
        assert rows(empty, counted) == [(2 * expected,)], view
