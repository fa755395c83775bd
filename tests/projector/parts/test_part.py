"""Parts: how they are chosen, named and split into batches."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import attrs

from eventlog.clock import HOUR, parse_us
from eventlog.format.paths import parse_segment
from projector.definition import parse_definition
from projector.limits import LIMITS
from projector.parts.part import Part, Segment, choose_parts, compact_instant, name_over, part_name
from projector.parts.part_sql import best_rank, shape_rank, shape_test
from projector.parts.plan import SegmentListing, definitions_of, find_missing, split_into_batches


def part(name: str, *covers: str) -> Part:
    return Part(Path(f"{name}.parquet"), name, frozenset(covers))


def names(parts: Iterable[Part]) -> list[str]:
    return [part.path.stem for part in parts]


EVERY = frozenset("abcd")


def test_the_largest_parts_are_chosen_and_those_that_add_no_segment_are_not() -> None:
    parts = [part("1", "a"), part("2", "a", "b"), part("3", "b"), part("4", "c")]

    assert names(choose_parts(parts, EVERY)) == ["2", "4"]


def test_a_part_that_adds_a_segment_is_chosen_even_if_it_overlaps_another() -> None:
    assert names(choose_parts([part("1", "a", "b"), part("2", "b", "c")], EVERY)) == ["1", "2"]


def test_a_part_over_a_segment_that_the_log_no_longer_has_is_not_chosen() -> None:
    parts = [part("1", "a", "lost"), part("2", "a")]

    assert names(choose_parts(parts, EVERY)) == ["2"]


def test_of_parts_over_the_same_segments_the_first_by_name_is_chosen() -> None:
    assert names(choose_parts([part("2", "a"), part("1", "a")], EVERY)) == ["1"]


def test_chosen_parts_are_in_the_order_of_their_names() -> None:
    assert names(choose_parts([part("3", "a"), part("1", "b"), part("2", "c", "d")], EVERY)) == [
        *("1", "2", "3")
    ]


def test_an_instant_in_a_name_consists_of_its_digits_and_a_T() -> None:
    at = parse_us("2026-01-02T03:04:05.000678Z")

    assert compact_instant(at) == "20260102T030405000678"


def segment(date: str, hour: int, first: int, last: int, raw_bytes: int = 1) -> Segment:
    name = parse_segment(f"openrouter/{date}/{hour:02d}-0a0b0c0d-000")
    assert name is not None
    return Segment(name, Path("x"), first, last, raw_bytes, 1, 1)


def test_the_name_of_a_part_does_not_depend_on_the_order_of_its_segments() -> None:
    late, early = segment("2026-01-01", 1, HOUR, 2 * HOUR), segment("2026-01-01", 0, 0, 3 * HOUR)
    digest = hashlib.sha256(f"{early.name}\n{late.name}".encode()).hexdigest()[:16]

    assert part_name([late, early]) == (
        f"19700101T000000000000-19700101T030000000000-{digest}.parquet"
    )
    assert name_over("a", "b", ["x", "y"]) == name_over("a", "b", ["y", "x"])
    assert name_over("a", "b", ["x", "y"]) != name_over("a", "b", ["x"])


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


HEAD = "-- s.v: about\n-- types: thing\n-- shapes: detail* full, list*\n"


def test_definitions_that_miss_the_same_segments_are_grouped() -> None:
    known = [parse_definition(HEAD, "openrouter", name) for name in ("one", "two", "three")]
    segments = [segment("2026-01-01", hour, 0, 0).name for hour in range(3)]
    listing = SegmentListing("openrouter", tuple(segments), ())
    every = part("1", *map(str, segments))
    first = part("2", str(segments[0]))

    missing = find_missing(listing, [(known[0], [first]), (known[1], [every]), (known[2], [first])])
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

    assert [each.name for each in definitions] == [
        *("openrouter.models", "log.sightings", "log.pages", "log.events", "log.other")
    ]


def test_the_first_group_of_shapes_has_the_highest_rank() -> None:
    definition = parse_definition(HEAD, "openrouter", "things")

    assert definition.shapes == (("detail*", "full"), ("list*",))
    assert best_rank(definition) == 1
    assert shape_rank(definition, "s") == (
        "CASE WHEN coalesce(s, '') GLOB 'detail*' OR coalesce(s, '') GLOB 'full' THEN 1 "
        "WHEN coalesce(s, '') GLOB 'list*' THEN 0 END"
    )
    assert shape_test(definition, "s").count("GLOB") == 3
