"""Plans of parts: missing parts, their order, and how segments are split into batches."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from hypothesis import given, settings

from eventlog.errors import Corrupt
from eventlog.files.listing import list_segments
from eventlog.format.paths import SegmentName, open_path, parse_segment, sealed_path
from projector.definition import parse_definition
from projector.limits import LIMITS
from projector.parts import plan
from projector.parts.part import Segment
from projector.parts.plan import (
    SegmentListing,
    definitions_of,
    find_missing,
    list_source,
    split_into_batches,
)
from tests.eventlog.catalog.changing_log import SOURCES, ChangingLog, Step
from tests.eventlog.catalog.log_steps import steps
from tests.extent import few_or_all
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log

HEAD = "-- s.v: about\n-- types: thing\n-- shapes: detail* full, list*\n"


def segment(date: str, hour: int, first: int, last: int, raw_bytes: int = 1) -> Segment:
    name = parse_segment(f"openrouter/{date}/{hour:02d}-0a0b0c0d-000")
    assert name is not None
    return Segment(name, Path("x"), first, last, raw_bytes, 1, 1)


def sizes(batches: Iterable[list[Segment]]) -> list[int]:
    return [len(batch) for batch in batches]


def test_a_batch_ends_before_the_segment_that_would_make_it_too_large() -> None:
    limits = attrs.evolve(LIMITS, max_batch_bytes=30)
    ten = [segment("2026-01-01", hour, 0, 0, 10) for hour in range(7)]
    large = segment("2026-01-01", 8, 0, 0, 31)

    assert sizes(split_into_batches(ten, limits)) == [3, 3, 1]
    assert sizes(split_into_batches([ten[0], large, ten[1]], limits)) == [1, 1, 1]
    assert sizes(split_into_batches([], limits)) == []


def test_a_batch_has_a_limited_number_of_segments_of_one_month() -> None:
    limits = attrs.evolve(LIMITS, max_batch_segments=3)
    january = [segment("2026-01-31", hour, 0, 0) for hour in range(4)]
    february = [segment("2026-02-01", hour, 0, 0) for hour in range(2)]
    other_year = [segment("2027-02-01", 0, 0, 0)]

    assert sizes(split_into_batches([*january, *february, *other_year], limits)) == [3, 1, 2, 1]


def test_definitions_that_miss_the_same_segments_are_grouped() -> None:
    known = [parse_definition(HEAD, "openrouter", name) for name in ("one", "two", "three")]
    segments = [segment("2026-01-01", hour, 0, 0).name for hour in range(3)]
    listing = SegmentListing("openrouter", frozenset(map(str, segments)), ())
    first = frozenset({str(segments[0])})

    covered = [(known[0], first), (known[1], listing.sealed_names), (known[2], first)]
    missing = find_missing(listing, covered)
    assert [(group.segments, [d.view for d in group.definitions]) for group in missing] == [
        (tuple(segments[1:]), ["one", "three"])
    ]


def test_parts_of_bodies_are_built_before_parts_that_refer_to_them() -> None:
    log = [
        parse_definition("-- log.x: about\n-- reads: line\nFROM line", "log", name)
        for name in ("events", "other", "pages", "sightings")
    ]
    own, foreign = (
        parse_definition(HEAD, "openrouter", "models"),
        parse_definition(HEAD, "civitai", "models"),
    )
    over = parse_definition("-- s.v: about\n-- reads: view\nSELECT 1", "openrouter", "over")
    definitions = definitions_of([*log, over, foreign, own], "openrouter")

    assert [definition.name for definition in definitions] == [
        *("openrouter.models", "log.sightings", "log.pages", "log.events", "log.other")
    ]


def test_batches_end_with_the_month_and_at_their_size(empty):
    pages = [Page(hours(24 * day), [model("a", str(day))], f"r{day}") for day in (0, 1, 29, 30)]
    write_log(empty, "openrouter", WRITER, pages)
    segments = [
        plan.read_sealed(empty, name) for name in plan.list_source(empty, "openrouter").sealed
    ]

    assert [len(batch) for batch in plan.split_into_batches(segments, LIMITS)] == [3, 1]
    two = attrs.evolve(LIMITS, max_batch_bytes=2 * max(segment.raw_bytes for segment in segments))
    assert [len(batch) for batch in plan.split_into_batches(segments, two)] == [2, 1, 1]


def sealed_segment(root: Path) -> SegmentName:
    """Writes one sealed segment and returns its name."""
    write_log(root, "openrouter", WRITER, [Page(hours(0), [model("a", "A")])])
    (name,) = plan.list_source(root, "openrouter").sealed
    return name


def test_a_sealed_segment_is_described_by_its_manifest(empty: Path) -> None:
    name = sealed_segment(empty)
    described = plan.read_sealed(empty, name)

    assert (described.name, described.rows) == (name, 2)
    assert (described.first_us, described.last_us) == (hours(0), hours(0))
    assert described.sha256 == hashlib.sha256(described.path.read_bytes()).hexdigest()
    assert 0 < described.longest_line < described.raw_bytes


def test_a_sealed_segment_that_is_missing_or_cut_short_is_corrupt(empty: Path) -> None:
    name = sealed_segment(empty)
    path = sealed_path(empty, name)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])

    segments = [plan.read_sealed(empty, name)]  # plans read no sealed file
    with pytest.raises(Corrupt, match=f"expected {size} bytes, found {size - 1}"):
        plan.with_files(empty, segments, empty / "scratch")
    path.unlink()
    with pytest.raises(Corrupt, match="missing, but its manifest exists"):
        plan.with_files(empty, segments, empty / "scratch")


def test_files_of_a_mirrored_archive_stay_readable_though_a_prune_deletes_them(
    empty: Path,
) -> None:
    name = sealed_segment(empty)
    data = sealed_path(empty, name).read_bytes()
    [segment] = plan.with_files(empty, [plan.read_sealed(empty, name)], empty / "scratch")
    assert segment.path == sealed_path(empty, name)  # without a mirror nothing is pruned
    (empty / "log" / "archive.json").touch()

    [segment] = plan.with_files(empty, [plan.read_sealed(empty, name)], empty / "scratch")
    sealed_path(empty, name).unlink()
    assert segment.path.read_bytes() == data


def test_the_copy_of_an_open_segment_has_its_durable_lines_only(
    empty: Path, tmp_path: Path
) -> None:
    page = Page(hours(0), [model("a", "A")])
    write_log(empty, "openrouter", WRITER, [page], seal=False)
    (name,) = plan.list_source(empty, "openrouter").open
    lines = open_path(empty, name).read_bytes()
    with open_path(empty, name).open("ab") as file:
        file.write(b'{"v":1,"torn')
    copy = plan.copy_open_segment(empty, name, tmp_path / "scratch")

    assert copy is not None
    assert copy.path.read_bytes() == lines
    assert (copy.raw_bytes, copy.rows, copy.sha256) == (len(lines), None, None)
    assert copy.longest_line == max(map(len, lines.splitlines()))


def test_an_open_segment_without_a_complete_line_has_no_copy(empty: Path, tmp_path: Path) -> None:
    write_log(empty, "openrouter", WRITER, [Page(hours(0), [])], seal=False)
    (name,) = plan.list_source(empty, "openrouter").open
    shutil.rmtree(empty / "state")
    open_path(empty, name).write_bytes(b'{"v":1,"torn')

    assert plan.copy_open_segment(empty, name, tmp_path / "scratch") is None
    open_path(empty, name).unlink()
    with pytest.raises(FileNotFoundError):
        plan.copy_open_segment(empty, name, tmp_path / "scratch")


@given(steps)
@settings(max_examples=few_or_all(5, 100), deadline=None)
def test_a_listing_of_a_source_equals_that_of_its_folders(actions: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        log = ChangingLog(Path(folder))
        for action in actions:
            log.apply(action)
            for source in SOURCES:
                files = list_segments(log.root, source)
                expected = SegmentListing(
                    source,
                    frozenset(str(file.name) for file in files if file.is_sealed),
                    tuple(file.name for file in files if file.is_open and not file.is_sealed),
                )

                assert list_source(log.root, source, log.times) == expected
