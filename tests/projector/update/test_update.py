"""Updates build the missing parts and nothing else, whatever was there before."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.format.paths import manifest_path, sealed_path
from projector.limits import LIMITS
from projector.parts import plan
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.projector.conftest import WRITER, model
from tests.projector.few import MODEL_NAMES, rows
from tests.projector.logs import Page, hours, write_log
from tests.projector.projections import MODELS


def test_an_update_without_new_events_writes_nothing(archive):
    update(archive, definitions=MODELS)
    before = {path: path.stat().st_mtime_ns for path in (archive / "views").rglob("*.parquet")}
    report = update(archive, definitions=MODELS)

    assert (report.segments, report.parts, report.swapped) == (0, 0, False)
    assert before == {p: p.stat().st_mtime_ns for p in (archive / "views").rglob("*.parquet")}


def test_only_segments_that_no_part_covers_are_read(archive):
    write_log(archive, "openrouter", WRITER, [Page(hours(3), [model("c", "C")], "r3")])
    report = update(archive, definitions=MODELS)

    assert report.segments == 1
    assert rows(archive, MODEL_NAMES) == [("a", "A2"), ("b", "B"), ("c", "C")]


def test_an_update_reports_how_many_segments_are_read(archive):
    shutil.rmtree(archive / "views")
    steps = []
    update(archive, definitions=MODELS, report=lambda *step: steps.append(step))

    read = [(done, total) for what, done, total in steps if what == "segments read"]
    assert read[-1][0] == read[-1][1] > 0
    assert {what for what, _, _ in steps} >= {
        "manifests of openrouter read",
        "row caches of openrouter checked",
        "pairs of versions of openrouter compared",
    }


def test_deleting_views_and_state_gives_the_same_answers(archive):
    before = rows(archive, "FROM openrouter.models_versions ORDER BY ALL")
    shutil.rmtree(archive / "views")
    shutil.rmtree(archive / "state")
    update(archive, definitions=MODELS)

    assert rows(archive, "FROM openrouter.models_versions ORDER BY ALL") == before


def test_a_part_that_is_rebuilt_has_the_same_name(archive):
    parts = sorted(path.name for path in (archive / "views").rglob("*.parquet"))
    shutil.rmtree(archive / "views")
    update(archive, jobs=2, definitions=MODELS)

    assert sorted(path.name for path in (archive / "views").rglob("*.parquet")) == parts


def copy_segments(root, names, folder):
    """Copies some segments of an archive into another folder. Returns that folder."""
    for name in names:
        for path_of in (sealed_path, manifest_path):
            path_of(folder, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path_of(root, name), path_of(folder, name))
    return folder


@pytest.mark.parametrize(
    "min_keyframe_rows",
    [
        pytest.param(10**9, id="from parts"),
        pytest.param(0, id="from row caches", marks=pytest.mark.slow),
    ],
)
def test_a_body_that_is_in_two_parts_counts_once(empty, tmp_path_factory, min_keyframe_rows):
    limits = attrs.evolve(LIMITS, min_keyframe_rows=min_keyframe_rows, max_moved_share=1)
    listed = [[model("a", f"A{n}"), model("b", f"B{n}")] for n in range(3)]
    pages = [Page(hours(n), listed[n], f"r{n}", "/models", 1, True) for n in range(3)]
    write_log(empty, "openrouter", WRITER, pages)
    names = plan.list_source(empty, "openrouter").sealed
    for overlapping in (names[:2], names[1:]):
        other = copy_segments(empty, overlapping, tmp_path_factory.mktemp("other"))
        update(other, ["openrouter.models"], definitions=MODELS, limits=limits)
        for path in (other / "views" / "parts").rglob("2*.parquet"):
            to = empty / path.relative_to(other)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    update(empty, ["openrouter.models"], definitions=MODELS, limits=limits)

    files = [path for path in files_of_views(empty / "views") if "/openrouter.models/" in path]
    assert sum(Path(path).name.startswith("2") for path in files) == 2, (
        "both parts cover the hour in the middle"
    )
    for n in range(3):
        expected = [("a", f"A{n}"), ("b", f"B{n}")]
        assert rows(empty, MODEL_NAMES, as_of=hours(n + 0.5)) == expected
        query_all = "SELECT id, name FROM openrouter.models_all ORDER BY id"
        assert rows(empty, query_all, as_of=hours(n + 0.5)) == expected


def test_sources_crawled_by_one_writer_at_one_instant_keep_their_events_apart(empty):
    for source in ("civitai", "openrouter"):
        write_log(
            empty, source, WRITER, [Page(hours(0), [model("a", "A")], "r", "/models", 1, True)]
        )
    update(empty, definitions=MODELS)

    for view, expected in (("events", 2), ("pages", 1), ("sightings", 2)):
        counted = f"SELECT count(*) FROM log.{view}"
        assert rows(empty, counted) == [(2 * expected,)], view
