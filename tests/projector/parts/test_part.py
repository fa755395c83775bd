"""Parts: how they are chosen and named."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from eventlog.clock import HOUR, parse_us
from eventlog.format.paths import parse_segment
from projector.definition import ENTITY_ROWS, load_definitions
from projector.engine.connections import builder, connect
from projector.engine.parquet_files import publish
from projector.parts.part import (
    Part,
    Segment,
    build_part,
    choose_parts,
    compact_instant,
    list_parts,
    load_chosen,
    name_over,
    part_name,
)
from projector.parts.staging import stage_empty
from tests.extent import few_or_all


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


DEFINITIONS = {
    definition.name: definition
    for definition in load_definitions()
    if definition.reads == ENTITY_ROWS
}


@pytest.mark.parametrize("name", few_or_all(["openrouter.providers"], list(DEFINITIONS)))
def test_a_copy_of_the_empty_part_is_the_file_that_the_definition_makes_of_no_entity(
    name: str, tmp_path: Path
) -> None:
    definition = DEFINITIONS[name]
    empty, copied, made = (tmp_path / f"{file}.parquet" for file in ("empty", "copied", "made"))
    with contextlib.closing(builder(tmp_path, 1)) as connection:
        stage_empty(connection, tmp_path)
        build_part(connection, definition, empty, [])
        build_part(connection, definition, copied, ["a", "b"], empty=empty)
        build_part(connection, definition, made, ["a", "b"])

    assert copied.read_bytes() == made.read_bytes()


def test_parts_are_chosen_in_each_folder_as_if_it_were_the_only_one(tmp_path: Path) -> None:
    lists = {"ab": "ab", "b": "b", "c": "c", "lost": "dx"}
    folders = {"first": ("ab", "b", "c"), "same": ("ab", "b", "c"), "other": ("b", "lost")}
    with contextlib.closing(connect()) as connection:
        for folder, parts in folders.items():
            for name in parts:
                path = tmp_path / folder / f"20260101-20260101-{name}.parquet"
                publish(connection, "SELECT 1 AS x", path, lists[name], "")
        paths = {folder: tmp_path / folder for folder in folders}
        loaded = load_chosen(connection, paths, EVERY)

        for folder, chosen in loaded.items():
            expected = choose_parts(list_parts(connection, paths[folder]), EVERY)
            assert (chosen.folder, [*chosen.parts]) == (paths[folder], expected)
    assert loaded["first"].covers == loaded["same"].covers == frozenset("abc")
    assert loaded["other"].covers == frozenset("b")
    assert [each.disjoint for each in loaded.values()] == [True, True, True]


def test_parts_that_cover_a_segment_twice_are_not_disjoint(tmp_path: Path) -> None:
    with contextlib.closing(connect()) as connection:
        for name, covers in (("1", "ab"), ("2", "bc")):
            publish(connection, "SELECT 1 AS x", tmp_path / f"{name}.parquet", covers, "")
        (chosen,) = load_chosen(connection, {"x": tmp_path}, EVERY).values()

    assert (len(chosen.parts), chosen.covers, chosen.disjoint) == (2, frozenset("abc"), False)
