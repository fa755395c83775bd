"""Keyframes that an update builds: views read fewer files and give the same rows."""

import contextlib
import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.clock import format_us
from eventlog.errors import Invalid
from eventlog.format.event import HEARTBEAT, Draft
from eventlog.write.writer import append, close_stream, open_stream
from projector.engine.connections import builder
from projector.keyframes import build
from projector.keyframes.keyframe import covered_segments, load_source_parts
from projector.limits import LIMITS
from projector.parts import part as part_module
from projector.parts.plan import definitions_of, list_source
from projector.query.open_views import open_views
from projector.query.select import run_query
from projector.update.check import check
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.extent import few_or_all
from tests.projector.conftest import WRITER, model
from tests.projector.keyframes.source_parts import EAGER
from tests.projector.logs import UNSAFE, Gone, Page, hours, write_log
from tests.projector.projections import MODELS

pytestmark = pytest.mark.sampled
HOURS = few_or_all((0, 2, 3, 8), range(9))
"""Hours as of which the views are read."""
UPDATED = few_or_all((0, 2, 3, 5), range(6))
"""Hours after which the first six are updated."""
ALL = "SELECT * FROM openrouter.models_all ORDER BY ALL"
NEVER = attrs.evolve(LIMITS, min_keyframe_rows=10**9)
"""Limits with which no keyframe is ever due."""


@pytest.fixture(scope="module")
def six_hours(tmp_path_factory):
    """Six hours with an update after most; `c` is absent from hour 3 on."""
    root = tmp_path_factory.mktemp("six-hours")
    (root / "log").mkdir()
    for n in range(6):
        listed = [model("a", "A"), model("b", f"B{n}"), *([model("c", "C")] if n < 3 else [])]
        page = Page(hours(n), listed, f"r{n}", "/models", 1, True)
        write_log(root, "openrouter", WRITER, [page])
        if n in UPDATED:
            update(root, definitions=MODELS, limits=EAGER)
    return root


@pytest.fixture
def grown(empty, six_hours):
    """A copy of `six_hours`, for a test that writes."""
    shutil.copytree(six_hours, empty, dirs_exist_ok=True)
    return empty


def keyframe_files(root, kind="s"):
    """Returns the files of all keyframes. Kinds: `s` sightings, `p` pages, `k` keys."""
    return sorted((root / "views").rglob(f"{kind}-2*.parquet"))


def rows_by_hour(root):
    """Returns the rows of the view as of a moment in each hour."""
    with contextlib.closing(open_views(root)) as views:
        return [rows_at(views, hours(n + 0.6)) for n in HOURS]


def rows_at(views, instant):
    views.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(instant)])
    return views.execute(ALL).fetchall()


def rows_without_keyframes(root):
    """Returns the rows of the same log by hour, from views without keyframes."""
    shutil.rmtree(root / "views")
    update(root, definitions=MODELS, limits=NEVER)
    assert keyframe_files(root) == []
    return rows_by_hour(root)


def listing(n, *entities, page=1, last=True, run=None):
    return Page(hours(n), list(entities), run or f"r{n}", "/models", page, last)


def test_keyframes_are_built_as_the_log_grows_and_change_no_row(grown):
    assert len(keyframe_files(grown)) == len(keyframe_files(grown, "p")) > 1
    assert keyframe_files(grown, "k")
    expected = rows_by_hour(grown)

    assert expected == rows_without_keyframes(grown)


@pytest.mark.slow
def test_an_update_with_nothing_new_builds_no_keyframe(grown):
    before = {path: path.stat().st_mtime_ns for path in keyframe_files(grown)}
    update(grown, definitions=MODELS, limits=EAGER)

    assert {path: path.stat().st_mtime_ns for path in keyframe_files(grown)} == before


@pytest.mark.slow
def test_a_keyframe_without_its_pages_is_built_again(grown):
    expected = rows_by_hour(grown)
    for kind in "pk":
        last = keyframe_files(grown, kind)[-1]
        last.unlink()
        update(grown, definitions=MODELS, limits=EAGER)

        assert last.exists(), "it is built again"
        assert rows_by_hour(grown) == expected


@pytest.mark.parametrize(
    "kind",
    ["s-", pytest.param("p-", marks=pytest.mark.slow), pytest.param("k-", marks=pytest.mark.slow)],
)
def test_the_next_update_completes_an_interrupted_build(empty, monkeypatch, kind):
    def publish(connection, query, path, *args, **more):
        if path.name.startswith(kind):
            raise Invalid("no space")
        return part_module.publish(connection, query, path, *args, **more)

    write_log(empty, "openrouter", WRITER, [listing(0, model("a", "A"))])
    with monkeypatch.context() as patch:
        patch.setattr(build, "publish", publish)
        assert update(empty, definitions=MODELS, limits=EAGER).failed == ("no space",)
    assert len(keyframe_files(empty)) == (kind != "s-")
    update(empty, definitions=MODELS, limits=EAGER)

    assert len(keyframe_files(empty)) == len(keyframe_files(empty, "p")) == 1
    assert rows_by_hour(empty) == rows_without_keyframes(empty)


def test_an_absent_entity_stays_in_keyframes_and_a_late_sighting_does_not_bring_it_back(grown):
    """A keyframe keeps its last sighting, without which a later listing proves no absence."""
    write_log(grown, "openrouter", "0000000b", [Page(hours(0.5), [model("c", "late")], "l")])
    update(grown, definitions=MODELS, limits=EAGER)

    assert list(run_query(grown, "SELECT id FROM openrouter.models ORDER BY id").rows) == [
        ("a",),
        ("b",),
    ]
    assert rows_by_hour(grown) == rows_without_keyframes(grown)


@pytest.mark.slow
def test_keyframes_keep_tombstones(empty):
    happenings = [listing(0, model("a", "A"), model("b", "B")), Gone(hours(1), "model", "a")]
    write_log(empty, "openrouter", WRITER, happenings)
    update(empty, definitions=MODELS, limits=EAGER)
    for n in range(2, 6):
        write_log(empty, "openrouter", WRITER, [Page(hours(n), [model("b", f"B{n}")], f"r{n}")])
        update(empty, definitions=MODELS, limits=EAGER)

    assert len(keyframe_files(empty)) > 1
    assert list(run_query(empty, "SELECT id FROM openrouter.models").rows) == [("b",)]
    assert rows_by_hour(empty) == rows_without_keyframes(empty)


@pytest.mark.slow
def test_a_first_page_that_is_fetched_again_after_a_keyframe_begins_no_new_pagination(empty):
    a, b = model("a", "A"), model("b", "B")
    for portion in (
        [listing(0, a, b), listing(1, a, page=1, last=False, run="w")],
        [listing(2, a, b)],
        [listing(3, a, page=1, last=False, run="w"), listing(3.5, page=2, last=True, run="w")],
    ):
        write_log(empty, "openrouter", WRITER, portion)
        update(empty, definitions=MODELS, limits=EAGER)

    assert len(keyframe_files(empty)) > 1
    assert list(run_query(empty, "SELECT id FROM openrouter.models ORDER BY id").rows) == [
        ("a",),
        ("b",),
    ]
    assert rows_by_hour(empty) == rows_without_keyframes(empty)


@pytest.mark.slow
def test_a_pagination_that_ends_after_a_keyframe_proves_absence(empty):
    a, b = model("a", "A"), model("b", "B")
    for portion in (
        [listing(0, a, b), *(listing(n, a, page=n, last=False, run="w") for n in (1, 2))],
        [listing(3, page=3, last=True, run="w")],
    ):
        write_log(empty, "openrouter", WRITER, portion)
        update(empty, definitions=MODELS, limits=EAGER)

    assert keyframe_files(empty)
    assert list(run_query(empty, "SELECT id FROM openrouter.models").rows) == [("a",)]
    assert rows_by_hour(empty) == rows_without_keyframes(empty)


@pytest.mark.slow
def test_parts_are_merged_between_keyframes_only(grown):
    expected = rows_by_hour(grown)
    before = keyframe_files(grown)
    limits = attrs.evolve(EAGER, max_newest_parts=1)
    for n in (6, 7, 8):
        write_log(grown, "openrouter", WRITER, [listing(n, model("a", "A"), model("b", "B"))])
        update(grown, definitions=MODELS, limits=limits)

    assert set(before) <= set(keyframe_files(grown))
    named = {Path(path) for path in files_of_views(grown / "views")}
    assert {path.relative_to(grown / "views") for path in before} <= named, (
        "the views still read all of them"
    )
    first_six = sum(n < 6 for n in HOURS)
    assert rows_by_hour(grown)[:first_six] == expected[:first_six]
    assert rows_by_hour(grown) == rows_without_keyframes(grown)


@pytest.mark.slow
def test_a_changed_definition_never_reads_the_keyframes_of_the_old_one(grown):
    folders = {path.parent for path in keyframe_files(grown)}
    names = ("log.sightings", "log.pages", "openrouter.models")
    changed = [
        attrs.evolve(definition, hash=f"{definition.hash}0")
        if definition.name in names
        else definition
        for definition in MODELS
    ]
    update(grown, definitions=changed, limits=EAGER)

    named = {Path(path).parent for path in files_of_views(grown / "views") if "/s-" in path}
    assert named
    assert not {folder.relative_to(grown / "views") for folder in folders} & named
    assert check(grown, definitions=changed, limits=EAGER) == []


@pytest.mark.slow
def test_late_segments_change_rows_before_keyframes(grown):
    late = [
        Page(hours(0.5), [model("d", "ghost"), model("a", "late")], "l", "/models", 1, False),
        Gone(hours(0.7), "model", "a"),
        Page(hours(1.2), [], "l", "/models", 2, True),
    ]
    write_log(grown, "openrouter", "0000000b", late)
    update(grown, definitions=MODELS, limits=EAGER)
    expected = rows_by_hour(grown)
    rows = run_query(grown, "SELECT id FROM openrouter.models ORDER BY id").rows

    assert list(rows) == [("a",), ("b",)]
    assert check(grown, definitions=MODELS, limits=EAGER) == []
    assert expected == rows_without_keyframes(grown)


@pytest.mark.slow
def test_views_read_a_few_late_sightings_in_addition_to_keyframes(empty):
    many = [model(f"m{n}", "M") for n in range(12)]
    for n in range(3):
        write_log(empty, "openrouter", WRITER, [listing(n, *many)])
        update(empty, definitions=MODELS, limits=EAGER)
    before = keyframe_files(empty)
    write_log(empty, "openrouter", "0000000b", [Page(hours(0.5), [model("z", "late")], "l")])
    update(empty, definitions=MODELS, limits=EAGER)

    assert keyframe_files(empty) == before
    assert list(run_query(empty, "SELECT name FROM openrouter.models WHERE id = 'z'").rows) == [
        ("late",)
    ]
    assert rows_by_hour(empty) == rows_without_keyframes(empty)


def test_a_segment_without_pages_is_late_for_no_keyframe(grown):
    """The writer of the queue seals its hours later than the crawl."""
    at = hours(0.5)
    stream = open_stream(grown, "openrouter", "0000000c", clock=lambda: at, disk=UNSAFE)
    append(stream, [lambda seq, _at: [Draft(kind=HEARTBEAT)]], at)
    close_stream(stream, seal_open=True)
    update(grown, definitions=MODELS, limits=EAGER)

    definitions = definitions_of(MODELS, "openrouter")
    with contextlib.closing(builder(grown, 1)) as connection:
        listing = list_source(grown, "openrouter")
        source = load_source_parts(
            connection, grown / "views" / "parts", listing, definitions, EAGER
        )
    assert len(source.chain) > 1
    covered, last = covered_segments(source.chain), source.chain[-1].instant
    assert any(page.first < last and not page.covers <= covered for page in source.pages)
    assert all(keyframe.decides for keyframe in source.chain)


@pytest.mark.slow
def test_keyframes_that_were_deleted_are_built_again(grown):
    expected = rows_by_hour(grown)
    for path in (*keyframe_files(grown), *keyframe_files(grown, "p"), *keyframe_files(grown, "k")):
        path.unlink()
    update(grown, definitions=MODELS, limits=EAGER)

    assert keyframe_files(grown)
    assert rows_by_hour(grown) == expected
