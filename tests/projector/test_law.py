"""The law of the semilattice: views equal the reference model, however their log arrived."""

import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR, format_us
from eventlog.files.listing import list_segments
from eventlog.format.event import Line, observed_us
from eventlog.format.paths import manifest_path, sealed_path
from projector.limits import Limits
from projector.query.open_views import open_views
from projector.update.update import update
from projector.views.views_database import files_of_views
from tests.eventlog.making import settle
from tests.extent import few_or_all
from tests.projector import reference_model
from tests.projector.compare_views import DEFINITIONS, SIBLINGS, views_that_differ
from tests.projector.logs import T0, Gone, Page, Seen, write_log
from tests.projector.mishaps import MISHAPS, keep_record, remove_record, restore_record
from tests.projector.small_limits import SMALL

WRITERS = ("0000000a", "0000000b", "ffffffff")
NEVER = 10**9
KINDS = ("s-", "p-", "k-", "r-")
"""Prefixes of the files that spare views the reading of history."""

things = st.builds(
    lambda id, value, shape: Seen("thing", id, {"id": id, "value": value}, shape),
    st.sampled_from("abc"),
    st.integers(0, 2),
    st.sampled_from(["list", "list", "list", "detail"]),
)
instants = st.integers(0, 9).map(lambda half: T0 + half * HOUR // 2)
pages = st.builds(
    Page,
    at=instants,
    entities=st.lists(things, max_size=3),
    run=st.sampled_from(["r1", "r2", "r3"]),
    scope=st.sampled_from(["/x", "/x", "/y", None]),
    page_no=st.sampled_from([1, 1, 1, 2, 3, None]),
    last=st.booleans(),
)
gones = st.builds(Gone, at=instants, type=st.just("thing"), id=st.sampled_from("abc"))
portions = st.lists(
    st.tuples(st.sampled_from(WRITERS), st.lists(pages | pages | pages | gones, max_size=6)),
    min_size=1,
    max_size=4,
)


def _listed(hour: int, run: str, ids: str) -> Page:
    listed = [Seen("thing", id, {"id": id, "value": hour}, "list") for id in ids]
    return Page(T0 + hour * HOUR, listed, run, "/x", 1, True)


TWO_LISTINGS = [
    (WRITERS[0], [_listed(0, "r1", "abc")]),
    (WRITERS[0], [_listed(1, "r2", "ab")]),
    (WRITERS[0], [_listed(2, "r3", "bc")]),
]
"""A log for which files of every kind are built."""


def small_limits(min_keyframe_rows: int) -> Limits:
    """Returns limits with which a keyframe is built from this number of rows on."""
    return attrs.evolve(
        SMALL,
        min_keyframe_rows=min_keyframe_rows,
        max_pairing_sightings=8,
        max_start_sightings=8,
        max_chunk_keys=8,
        max_open_partitions=2,
    )


def grow(root: Path, log: Sequence, seal: bool) -> Iterator[None]:
    """Appends the log, portion by portion; without `seal` hours are sealed late."""
    for writer, happenings in log:
        write_log(root, "shop", writer, happenings, seal=seal)
        yield


def arrive(root: Path, log: Sequence, order: Sequence[int]) -> Iterator[None]:
    """Copies the segments of a log that was sealed elsewhere, in any order."""
    other = root / "other"
    (other / "log").mkdir(parents=True)
    for writer, happenings in log:
        write_log(other, "shop", writer, happenings)
    names = [segment.name for segment in list_segments(other, "shop")]
    ranks = [(order[n % len(order)], n) for n in range(len(names))]
    for count, (_, n) in enumerate(sorted(ranks)):
        for path_of in (sealed_path, manifest_path):
            path_of(root, names[n]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path_of(other, names[n]), path_of(root, names[n]))
        if count % 3 == 2:
            yield
    yield


@pytest.mark.sampled
def test_views_equal_the_reference_model_in_whatever_order_the_log_arrives():
    kinds_built: Counter[str] = Counter()

    @given(
        portions,
        st.one_of(st.booleans(), st.lists(st.integers(0, 99), min_size=1, max_size=20)),
        st.sampled_from([0, 0, 8]),
        st.sampled_from([0, NEVER]),
        st.sampled_from([1, 2]),
        st.lists(st.sampled_from(MISHAPS), min_size=1, max_size=4),
    )
    @example(TWO_LISTINGS, True, 0, NEVER, 1, [settle, keep_record, restore_record])
    @settings(max_examples=few_or_all(1, 6), suppress_health_check=list(HealthCheck))
    def check_law(log, seal_or_order, rows, other_rows, jobs, mishaps):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "log").mkdir()
            steps = (
                grow(root, log, seal_or_order)
                if isinstance(seal_or_order, bool)
                else arrive(root, log, seal_or_order)
            )
            limits = small_limits(rows)
            for number, _ in enumerate(steps):
                assert update(root, definitions=DEFINITIONS, limits=limits).failed == ()
                mishaps[number % len(mishaps)](root)
            assert update(root, definitions=DEFINITIONS, limits=limits).failed == ()
            remove_record(root)
            again = update(root, definitions=DEFINITIONS, limits=limits)
            assert (again.parts, again.swapped) == (0, False), "the record hid nothing"
            files = [Path(path).name for path in files_of_views(root / "views")]
            kinds_built.update({name[:2] for name in files if name[:2] in KINDS})

            _compare(root, reference_model.read_lines(root, "shop"), jobs, small_limits(other_rows))

    check_law()
    assert all(kinds_built[kind] for kind in KINDS), kinds_built


def _compare(root: Path, lines: list[Line], jobs: int, limits: Limits) -> None:
    """Asserts that the views equal views built from nothing, and the reference model."""
    instants = sorted({observed_us(line) for line in lines})
    assert views_that_differ(root, DEFINITIONS, SIBLINGS, instants, jobs, limits) == []
    with contextlib.closing(open_views(root)) as views:
        views.execute("SET TimeZone = 'Asia/Tokyo'")
        for instant in instants:
            _compare_at(views, instant, reference_model.view_at(lines, instant))
            _check_changed_types(views, instant)
            _check_changed_types(views, instant + 1)
        versions = views.execute(
            "SELECT id, _shape, epoch_us(valid_from), epoch_us(valid_to), _hash "
            "FROM shop.things_versions"
        ).fetchall()
        assert sorted(versions, key=str) == sorted(reference_model.versions(lines), key=str)


def _check_changed_types(views, instant: int) -> None:
    """Asserts that no type with changes since an instant is omitted by the feed."""
    text = format_us(instant)
    changes = "SELECT count(*) FROM shop.things_changes_at(NULL) WHERE changed_at >= ?::TIMESTAMPTZ"
    ((count,),) = views.execute(changes, [text]).fetchall()
    types = views.execute("FROM shop._types_changed(?::TIMESTAMPTZ)", [text]).fetchall()
    assert types == [("thing",)] or not count


def _compare_at(views, instant: int, expected: dict) -> None:
    text = format_us(instant)
    columns = "id, _hash, epoch_us(_observed_at)"
    present = views.execute(f"SELECT {columns} FROM shop.things_at(?)", [text]).fetchall()
    every = views.execute(
        f"SELECT {columns}, epoch_us(_absent_since) FROM shop.things_all_at(?)", [text]
    ).fetchall()
    assert sorted(present) == sorted(
        (id_, state.hash, state.observed_at)
        for id_, state in expected.items()
        if state.absent_since is None
    )
    assert sorted(every) == sorted(
        (id_, state.hash, state.observed_at, state.absent_since) for id_, state in expected.items()
    )
