"""Parts: which are read, how they are named, and in how large batches they are built."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import attrs

from eventlog.clock import HOUR, parse_us
from eventlog.format.paths import parse_segment
from projector.definition import parse_definition
from projector.limits import LIMITS
from projector.parts.part import Part, Segment, choose, compact_instant, name_over, part_name
from projector.parts.part_sql import best_rank, shape_rank, shape_test
from projector.parts.plan import Listing, batches, definitions_of, tasks


def part(name: str, *covers: str) -> Part:
    return Part(Path(f"{name}.parquet"), name, frozenset(covers))


def names(parts: Iterable[Part]) -> list[str]:
    return [each.path.stem for each in parts]


EVERY = frozenset("abcd")


def test_the_largest_parts_are_read_and_those_that_add_nothing_are_not() -> None:
    parts = [part("1", "a"), part("2", "a", "b"), part("3", "b"), part("4", "c")]

    assert names(choose(parts, EVERY)) == ["2", "4"]


def test_a_part_that_adds_a_segment_is_read_though_it_repeats_another() -> None:
    assert names(choose([part("1", "a", "b"), part("2", "b", "c")], EVERY)) == ["1", "2"]


def test_a_part_over_a_segment_that_is_no_longer_there_is_not_read() -> None:
    parts = [part("1", "a", "lost"), part("2", "a")]

    assert names(choose(parts, EVERY)) == ["2"]


def test_of_equal_parts_the_first_by_name_is_read() -> None:
    assert names(choose([part("2", "a"), part("1", "a")], EVERY)) == ["1"]


def test_parts_are_read_in_the_order_of_their_names() -> None:
    assert names(choose([part("3", "a"), part("1", "b"), part("2", "c", "d")], EVERY)) == [
        *("1", "2", "3")
    ]


def test_an_instant_in_a_name_has_every_digit_and_nothing_else() -> None:
    at = parse_us("2026-01-02T03:04:05.000678Z")

    assert compact_instant(at) == "20260102T030405000678"


def segment(date: str, hour: int, first: int, last: int, raw_bytes: int = 1) -> Segment:
    name = parse_segment(f"openrouter/{date}/{hour:02d}-0a0b0c0d-000")
    assert name is not None
    return Segment(name, Path("x"), first, last, raw_bytes, 1, 1)


def test_a_part_is_named_by_its_first_and_last_instant_and_its_list_in_any_order() -> None:
    late, early = segment("2026-01-01", 1, HOUR, 2 * HOUR), segment("2026-01-01", 0, 0, 3 * HOUR)
    digest = hashlib.sha256(f"{early.name}\n{late.name}".encode()).hexdigest()[:16]

    assert part_name([late, early]) == (
        f"19700101T000000000000-19700101T030000000000-{digest}.parquet"
    )
    assert name_over("a", "b", ["x", "y"]) == name_over("a", "b", ["y", "x"])
    assert name_over("a", "b", ["x", "y"]) != name_over("a", "b", ["x"])


def sizes(found: Iterable[list[Segment]]) -> list[int]:
    return [len(each) for each in found]


def test_a_batch_is_full_when_another_segment_would_be_too_much() -> None:
    limits = attrs.evolve(LIMITS, max_batch_bytes=30)
    ten = [segment("2026-01-01", hour, 0, 0, 10) for hour in range(7)]
    large = segment("2026-01-01", 8, 0, 0, 31)

    assert sizes(batches(ten, limits)) == [3, 3, 1]
    assert sizes(batches([ten[0], large, ten[1]], limits)) == [1, 1, 1]
    assert sizes(batches([], limits)) == []


def test_a_batch_has_so_many_segments_at_most_and_one_month() -> None:
    limits = attrs.evolve(LIMITS, max_batch_segments=3)
    january = [segment("2026-01-31", hour, 0, 0) for hour in range(4)]
    february = [segment("2026-02-01", hour, 0, 0) for hour in range(2)]
    other_year = [segment("2027-02-01", 0, 0, 0)]

    assert sizes(batches([*january, *february, *other_year], limits)) == [3, 1, 2, 1]


HEAD = "-- s.v: about\n-- types: thing\n-- shapes: detail* full, list*\n"


def test_a_task_is_what_one_reading_is_missing() -> None:
    known = [parse_definition(HEAD, "openrouter", name) for name in ("one", "two", "three")]
    segments = [segment("2026-01-01", hour, 0, 0).name for hour in range(3)]
    listing = Listing("openrouter", tuple(segments), ())
    every = part("1", *map(str, segments))
    first = part("2", str(segments[0]))

    found = tasks(listing, [(known[0], [first]), (known[1], [every]), (known[2], [first])])
    assert [(each.segments, [one.view for one in each.definitions]) for each in found] == [
        (tuple(segments[1:]), ["one", "three"])
    ]


def test_parts_of_bodies_come_before_those_that_name_them() -> None:
    log = [
        parse_definition("-- log.x: about\n-- reads: line\nFROM line", "log", name)
        for name in ("events", "other", "pages", "sightings")
    ]
    mine, foreign = (
        parse_definition(HEAD, "openrouter", "models"),
        parse_definition(HEAD, "civitai", "models"),
    )
    over = parse_definition("-- s.v: about\n-- reads: view\nSELECT 1", "openrouter", "over")
    found = definitions_of([*log, over, foreign, mine], "openrouter")

    assert [each.name for each in found] == [
        *("openrouter.models", "log.sightings", "log.pages", "log.events", "log.other")
    ]


def test_the_first_group_of_shapes_is_the_best() -> None:
    definition = parse_definition(HEAD, "openrouter", "things")

    assert definition.shapes == (("detail*", "full"), ("list*",))
    assert best_rank(definition) == 1
    assert shape_rank(definition, "s") == (
        "CASE WHEN coalesce(s, '') GLOB 'detail*' OR coalesce(s, '') GLOB 'full' THEN 1 "
        "WHEN coalesce(s, '') GLOB 'list*' THEN 0 END"
    )
    assert shape_test(definition, "s").count("GLOB") == 3
