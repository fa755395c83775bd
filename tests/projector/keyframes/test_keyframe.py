"""Keyframes: the same answers from fewer files, and nothing lost with them."""

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
from projector.keyframes import build as keyframing
from projector.keyframes.cut_points import next_due
from projector.keyframes.keyframe import (
    Keyframe,
    SourceParts,
    covered_segments,
    load_source_parts,
    usable_chain,
)
from projector.limits import LIMITS
from projector.parts import compact
from projector.parts import part as parts_of
from projector.parts.part import Part
from projector.parts.plan import definitions_of, list_source
from projector.query.open_views import open_views
from projector.query.select import run_query
from projector.update.check import check
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.extent import few_or_all
from tests.projector.conftest import WRITER, model
from tests.projector.logs import UNSAFE, Gone, Page, hours, write_log
from tests.projector.projections import MODELS

pytestmark = pytest.mark.sampled
ASKED = few_or_all((0, 2, 3, 8), range(9))
"""Hours of which the views are asked."""
ALL = "SELECT * FROM openrouter.models_all ORDER BY ALL"


AT_ONCE = attrs.evolve(LIMITS, min_keyframe_rows=0, max_moved_share=1)
"""Limits with which a keyframe and a row cache are due after the first update."""
NEVER = attrs.evolve(LIMITS, min_keyframe_rows=10**9)
"""Limits with which no keyframe is ever due."""


@pytest.fixture(scope="module")
def six_hours(tmp_path_factory):
    """Six hours, an update each; `c` is away from the third on."""
    root = tmp_path_factory.mktemp("six-hours")
    (root / "log").mkdir()
    for n in range(6):
        listed = [model("a", "A"), model("b", f"B{n}"), *([model("c", "C")] if n < 3 else [])]
        page = Page(hours(n), listed, f"r{n}", "/models", 1, True)
        write_log(root, "openrouter", WRITER, [page])
        update(root, definitions=MODELS, limits=AT_ONCE)
    return root


@pytest.fixture
def grown(empty, six_hours):
    """A copy of those six hours."""
    shutil.copytree(six_hours, empty, dirs_exist_ok=True)
    return empty


def found(root, kind="s"):
    return sorted((root / "views").rglob(f"{kind}-2*.parquet"))


def answers(root):
    with contextlib.closing(open_views(root)) as views:
        return [answer(views, hours(n + 0.6)) for n in ASKED]


def answer(views, instant):
    views.execute("SET VARIABLE as_of = ?::VARCHAR", [format_us(instant)])
    return views.execute(ALL).fetchall()


def without(root):
    """The answers of the same log without keyframes."""
    shutil.rmtree(root / "views")
    update(root, definitions=MODELS, limits=NEVER)
    assert found(root) == []
    return answers(root)


def test_keyframes_come_as_the_log_grows_and_change_no_answer(grown):
    assert len(found(grown)) == len(found(grown, "p")) > 1
    assert found(grown, "k")
    told = answers(grown)

    assert told == without(grown)


@pytest.mark.slow
def test_an_update_with_nothing_new_builds_no_keyframe(grown):
    before = {path: path.stat().st_mtime_ns for path in found(grown)}
    update(grown, definitions=MODELS, limits=AT_ONCE)

    assert {path: path.stat().st_mtime_ns for path in found(grown)} == before


def listing(n, *entities, page=1, last=True, run=None):
    return Page(hours(n), list(entities), run or f"r{n}", "/models", page, last)


@pytest.mark.slow
def test_a_keyframe_without_its_pages_is_none(grown):
    told = answers(grown)
    for kind in "pk":
        last = found(grown, kind)[-1]
        last.unlink()
        update(grown, definitions=MODELS, limits=AT_ONCE)

        assert last.exists(), "it is made again"
        assert answers(grown) == told


@pytest.mark.parametrize(
    "kind",
    ["s-", pytest.param("p-", marks=pytest.mark.slow), pytest.param("k-", marks=pytest.mark.slow)],
)
def test_a_build_that_ends_halfway_is_gone_on_with(empty, monkeypatch, kind):
    def publish(connection, query, path, *args, **more):
        if path.name.startswith(kind):
            raise Invalid("no space")
        return parts_of.publish(connection, query, path, *args, **more)

    write_log(empty, "openrouter", WRITER, [listing(0, model("a", "A"))])
    with monkeypatch.context() as patch:
        patch.setattr(keyframing, "publish", publish)
        assert update(empty, definitions=MODELS, limits=AT_ONCE).failed == ("no space",)
    assert len(found(empty)) == (kind != "s-")
    update(empty, definitions=MODELS, limits=AT_ONCE)

    assert len(found(empty)) == len(found(empty, "p")) == 1
    assert answers(empty) == without(empty)


def test_an_absent_entity_stays_in_keyframes_and_no_late_sighting_raises_it(grown):
    """Without its last sighting the listing that missed it would have nobody to miss."""
    write_log(grown, "openrouter", "0000000b", [Page(hours(0.5), [model("c", "late")], "l")])
    update(grown, definitions=MODELS, limits=AT_ONCE)

    assert list(run_query(grown, "SELECT id FROM openrouter.models ORDER BY id").rows) == [
        ("a",),
        ("b",),
    ]
    assert answers(grown) == without(grown)


def test_a_probe_that_found_nothing_is_remembered(empty):
    happenings = [listing(0, model("a", "A"), model("b", "B")), Gone(hours(1), "model", "a")]
    write_log(empty, "openrouter", WRITER, happenings)
    update(empty, definitions=MODELS, limits=AT_ONCE)
    for n in range(2, 6):
        write_log(empty, "openrouter", WRITER, [Page(hours(n), [model("b", f"B{n}")], f"r{n}")])
        update(empty, definitions=MODELS, limits=AT_ONCE)

    assert len(found(empty)) > 1
    assert list(run_query(empty, "SELECT id FROM openrouter.models").rows) == [("b",)]
    assert answers(empty) == without(empty)


@pytest.mark.slow
def test_a_first_page_taken_again_after_a_keyframe_is_no_new_walk(empty):
    a, b = model("a", "A"), model("b", "B")
    for portion in (
        [listing(0, a, b), listing(1, a, page=1, last=False, run="w")],
        [listing(2, a, b)],
        [listing(3, a, page=1, last=False, run="w"), listing(3.5, page=2, last=True, run="w")],
    ):
        write_log(empty, "openrouter", WRITER, portion)
        update(empty, definitions=MODELS, limits=AT_ONCE)

    assert len(found(empty)) > 1
    assert list(run_query(empty, "SELECT id FROM openrouter.models ORDER BY id").rows) == [
        ("a",),
        ("b",),
    ]
    assert answers(empty) == without(empty)


def test_a_walk_that_ends_after_a_keyframe_still_tells_who_is_absent(empty):
    a, b = model("a", "A"), model("b", "B")
    for portion in (
        [listing(0, a, b), *(listing(n, a, page=n, last=False, run="w") for n in (1, 2))],
        [listing(3, page=3, last=True, run="w")],
    ):
        write_log(empty, "openrouter", WRITER, portion)
        update(empty, definitions=MODELS, limits=AT_ONCE)

    assert found(empty)
    assert list(run_query(empty, "SELECT id FROM openrouter.models").rows) == [("a",)]
    assert answers(empty) == without(empty)


@pytest.mark.slow
def test_parts_are_put_together_between_keyframes_only(grown):
    told = answers(grown)
    before = found(grown)
    limits = attrs.evolve(AT_ONCE, max_newest_parts=1)
    for n in (6, 7, 8):
        write_log(grown, "openrouter", WRITER, [listing(n, model("a", "A"), model("b", "B"))])
        update(grown, definitions=MODELS, limits=limits)

    assert set(before) <= set(found(grown))
    named = {Path(path) for path in files_of_views(grown / "views")}
    assert {path.relative_to(grown / "views") for path in before} <= named, "all are still read"
    first_six = sum(n < 6 for n in ASKED)
    assert answers(grown)[:first_six] == told[:first_six]
    assert answers(grown) == without(grown)


@pytest.mark.slow
def test_a_changed_definition_never_reads_the_keyframes_of_the_old_one(grown):
    folders = {path.parent for path in found(grown)}
    names = ("log.sightings", "log.pages", "openrouter.models")
    changed = [
        attrs.evolve(each, hash=f"{each.hash}0") if each.name in names else each for each in MODELS
    ]
    update(grown, definitions=changed, limits=AT_ONCE)

    named = {Path(path).parent for path in files_of_views(grown / "views") if "/s-" in path}
    assert named
    assert not {folder.relative_to(grown / "views") for folder in folders} & named
    assert check(grown, definitions=changed, limits=AT_ONCE) == []


def test_late_segments_reach_behind_keyframes(grown):
    late = [
        Page(hours(0.5), [model("d", "ghost"), model("a", "late")], "l", "/models", 1, False),
        Gone(hours(0.7), "model", "a"),
        Page(hours(1.2), [], "l", "/models", 2, True),
    ]
    write_log(grown, "openrouter", "0000000b", late)
    update(grown, definitions=MODELS, limits=AT_ONCE)
    told = answers(grown)
    rows = run_query(grown, "SELECT id FROM openrouter.models ORDER BY id").rows

    assert list(rows) == [("a",), ("b",)]
    assert check(grown, definitions=MODELS, limits=AT_ONCE) == []
    assert told == without(grown)


@pytest.mark.slow
def test_a_few_late_sightings_and_their_bodies_are_found_beside_keyframes(empty):
    many = [model(f"m{n}", "M") for n in range(12)]
    for n in range(3):
        write_log(empty, "openrouter", WRITER, [listing(n, *many)])
        update(empty, definitions=MODELS, limits=AT_ONCE)
    before = found(empty)
    write_log(empty, "openrouter", "0000000b", [Page(hours(0.5), [model("z", "late")], "l")])
    update(empty, definitions=MODELS, limits=AT_ONCE)

    assert found(empty) == before
    assert list(run_query(empty, "SELECT name FROM openrouter.models WHERE id = 'z'").rows) == [
        ("late",)
    ]
    assert answers(empty) == without(empty)


def test_a_segment_without_pages_is_late_for_no_keyframe(grown):
    """A queue writes beside the crawl, and its hours are sealed when they are over."""
    at = hours(0.5)
    stream = open_stream(grown, "openrouter", "0000000c", clock=lambda: at, disk=UNSAFE)
    append(stream, [lambda seq, _at: [Draft(kind=HEARTBEAT)]], at)
    close_stream(stream, seal_open=True)
    update(grown, definitions=MODELS, limits=AT_ONCE)

    definitions = definitions_of(MODELS, "openrouter")
    with contextlib.closing(builder(grown, 1)) as connection:
        listing = list_source(grown, "openrouter")
        source = load_source_parts(
            connection, grown / "views" / "parts", listing, definitions, AT_ONCE
        )
    assert len(source.chain) > 1
    covered, last = covered_segments(source.chain), source.chain[-1].instant
    assert any(each.first < last and not each.covers <= covered for each in source.pages)
    assert all(each.decides for each in source.chain)


@pytest.mark.slow
def test_keyframes_deleted_by_hand_come_back(grown):
    told = answers(grown)
    for path in (*found(grown), *found(grown, "p"), *found(grown, "k")):
        path.unlink()
    update(grown, definitions=MODELS, limits=AT_ONCE)

    assert found(grown)
    assert answers(grown) == told


def part(begin, end, *covers):
    return Part(Path(f"{begin}-{end}-x.parquet"), begin, frozenset(covers))


def source(sightings, pages, chain=(), rows=10):
    counts = {str(each.path): rows for each in sightings}
    sealed = frozenset().union(*(each.covers for each in (*sightings, *pages)))
    return SourceParts(Path(), tuple(sightings), tuple(pages), counts, (), sealed, tuple(chain))


ONE, TWO, THREE = (part(f"2026010{n}T00", f"2026010{n}T01", f"s{n}") for n in (1, 2, 3))


def test_one_is_due_at_a_cut_once_half_as_many_rows_have_come():
    base = Keyframe(Path("s-20260101T01-x.parquet"), "", frozenset({"s1"}), 30, 1, decides=True)

    assert next_due(source([ONE, TWO], [ONE, TWO], [base]), frozenset(), AT_ONCE) is None
    found = next_due(source([ONE, TWO, THREE], [ONE, TWO, THREE], [base]), frozenset(), AT_ONCE)
    assert found is not None
    assert (found.instant, found.adds) == ("20260103T01", ("s2", "s3"))


def test_none_lies_where_a_part_reaches_across_or_an_hour_is_still_written():
    across = part("20260101T00", "20260102T00", "s1")

    found = next_due(source([across, TWO], [across, TWO]), frozenset(), AT_ONCE)
    assert found is not None
    assert found.instant == "20260102T01"
    assert next_due(source([ONE], [ONE]), frozenset({"20260101T01"}), AT_ONCE) is None


def test_none_covers_a_segment_whose_pages_or_sightings_are_missing():
    assert next_due(source([ONE, TWO], [TWO]), frozenset(), AT_ONCE) is None
    assert next_due(source([TWO], [ONE, TWO]), frozenset(), AT_ONCE) is None


def test_what_is_too_late_for_a_keyframe_ends_the_chain_there():
    first = Keyframe(Path("s-20260101T01-x.parquet"), "", frozenset({"s1"}), 30, 1)
    second = Keyframe(Path("s-20260103T01-y.parquet"), first.name, frozenset({"s3"}), 30, 1)
    parts = [ONE, TWO, THREE]

    links = usable_chain(source(parts, parts), [first, second], AT_ONCE)
    assert links == [
        attrs.evolve(first, decides=True),
        attrs.evolve(second, late=(TWO,)),
    ]
    assert usable_chain(source(parts, parts, rows=16), [first, second], AT_ONCE) == links[:1]
    empty = attrs.evolve(source(parts, parts), rows={str(TWO.path): 0, str(THREE.path): 10})
    assert usable_chain(empty, [first, second], AT_ONCE)[1] == attrs.evolve(second, decides=True), (
        "nothing in it is late"
    )
    assert usable_chain(source(parts[1:], parts[1:]), [first, second], AT_ONCE) == [], (
        "its segment is gone"
    )
    assert usable_chain(source(parts, parts), [second], AT_ONCE) == [], (
        "what it was made of is gone"
    )
    place = compact.grouping_key([(each.instant, each.adds) for each in links])
    assert [place(each) for each in parts] == [(0, 0), (2, 1), (1, 1)]
