"""SQL of `X_at(t)`, executed over tiny files: which template, and which files, give the rows."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import HOUR, format_us
from projector.changes.value_starts import FOLDER as STARTS
from projector.definition import Definition, parse_definition
from projector.engine.sql_text import fill, identifier, literals
from projector.parts.part_sql import shape_rank, shape_test
from projector.views.as_of_sql import Templates, as_of_templates
from projector.views.file_lists import FileList, FileLists, all_bodies_sql, as_of_list_sql, list_sql
from projector.views.script import HIDDEN, key_sql
from projector.views.statement import named_files
from tests.projector.compare_views import THINGS
from tests.projector.keyframes.row_archives import PIECES
from tests.projector.keyframes.tiny_tables import BODY, body
from tests.projector.logs import T0, hours
from tests.projector.shared_connection import shared_connection
from tests.projector.views.tiny_lists import (
    AT,
    add_file,
    with_keyframe,
    with_row_cache,
    write_lists,
)

TWO_TYPES = parse_definition(
    "-- shop.things: goods\n-- types: thing, book\n-- shapes: list* detail*\n", "shop", "things"
)
ABSENCE = ("_absent_since", "_absent_because")


def common_of(root: Path, definition: Definition, lists: FileLists) -> dict[str, str]:
    """Returns the values that all views of a definition are filled with."""
    many = definition.has_many_rows
    return {
        "instant": fill("instant", value="t"),
        "sightings": as_of_list_sql(root, lists["shop", "log.sightings"]),
        "pages": as_of_list_sql(root, lists["shop", "log.pages"]),
        "bodies": all_bodies_sql(root, lists["shop", definition.name]),
        "starts": list_sql(root, lists["shop", STARTS].all),
        "key": identifier(definition.key[0]),
        **key_sql(definition),
        "hidden": ", ".join((*HIDDEN, "_row") if many else HIDDEN),
        "row": ", body._row" if many else "",
        "given": "AND body._row > 0" if many else "",
        "as_json": "",
        "computed": "",
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "rank": shape_rank(definition, "_shape"),
        "one": "",
    }


def sql_of(
    root: Path, lists: FileLists, sibling: str = "at", definition: Definition = THINGS
) -> str:
    """Returns the SQL of a sibling."""
    common = common_of(root, definition, lists)
    template, values = as_of_templates(root, definition, lists, common)[sibling]
    return fill(template, **common, **values)


def shown(root: Path, lists: FileLists, hour: float, sibling: str = "at") -> list[dict[str, Any]]:
    """Returns the rows of a view as of an hour, by id."""
    connection = shared_connection()
    sql = sql_of(root, lists, sibling)
    connection.execute(f"CREATE OR REPLACE TEMP MACRO things_at(t) AS TABLE {sql}")
    result = connection.execute(f"FROM things_at('{format_us(hours(hour))}') ORDER BY id, value")
    names = [str(column[0]) for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def values_at(
    root: Path, lists: FileLists, hour: float, sibling: str = "at"
) -> list[tuple[str, int]]:
    return [(row["id"], row["value"]) for row in shown(root, lists, hour, sibling)]


def test_without_keyframes_rows_come_from_all_facts_up_to_the_instant(tmp_path: Path) -> None:
    lists = write_lists(tmp_path)

    assert values_at(tmp_path, lists, -1) == []
    assert values_at(tmp_path, lists, 1) == [("a", 1), ("b", 2), ("c", 3)]
    assert values_at(tmp_path, lists, 3) == [("a", 4), ("b", 2)]
    assert values_at(tmp_path, lists, 5) == [("a", 4), ("b", 2), ("c", 3)]


@pytest.mark.parametrize("write", [write_lists, with_row_cache], ids=["facts", "row cache"])
def test_the_sibling_all_shows_absent_entities_too_with_two_more_columns(
    tmp_path: Path, write: Any
) -> None:
    lists = write(tmp_path)

    rows = {sibling: shown(tmp_path, lists, 3.5, sibling) for sibling in ("at", "all")}
    assert [row["id"] for row in rows["at"]] == ["a", "b"]
    assert [row["id"] for row in rows["all"]] == ["a", "b", "c"]
    assert list(rows["all"][0]) == [*rows["at"][0], *ABSENCE]
    assert [row["_absent_because"] for row in rows["all"]] == [
        *(None, None),
        "not on the complete listing /x of run r2",
    ]
    assert [row["_absent_since"] and row["_absent_since"].hour for row in rows["all"]] == [
        *(None, None),
        2,
    ]


def test_the_columns_are_the_same_with_a_row_cache_and_without(tmp_path: Path) -> None:
    columns = {
        (write.__name__, sibling): list(shown(tmp_path, write(tmp_path), 5, sibling)[0])
        for write in (write_lists, with_row_cache)
        for sibling in ("at", "all")
    }

    for sibling in ("at", "all"):
        assert columns["write_lists", sibling] == columns["with_row_cache", sibling]
    assert columns["write_lists", "at"][:2] == ["id", "value"]


def test_from_a_keyframe_on_its_facts_replace_the_earlier_ones(tmp_path: Path) -> None:
    """Only the keyframe has a sighting of `d`, which names the body of `c`."""
    lists = with_keyframe(tmp_path)

    assert values_at(tmp_path, lists, 2.5) == [("a", 4), ("b", 2)]
    assert values_at(tmp_path, lists, 3.5) == [("a", 204), ("b", 202), ("d", 3)]
    assert values_at(tmp_path, lists, 5) == [("a", 204), ("b", 202), ("c", 3), ("d", 3)]


def test_bodies_are_searched_near_first_only_if_there_are_keyframes_of_them(
    tmp_path: Path,
) -> None:
    """A keyframe of sightings alone leaves one scan of all bodies."""
    lists = with_keyframe(tmp_path)
    lists["shop", f"near {THINGS.name}"] = lists["shop", THINGS.name]

    assert values_at(tmp_path, lists, 3.5) == [("a", 4), ("b", 2), ("d", 3)]
    assert "near_or_far" not in sql_of(tmp_path, lists)
    assert "near_or_far" in sql_of(tmp_path, with_keyframe(tmp_path))


def test_from_a_row_cache_on_rows_are_copied_unless_a_sighting_is_newer(
    tmp_path: Path,
) -> None:
    lists = with_row_cache(tmp_path)

    assert values_at(tmp_path, lists, 0.5) == [("a", 1), ("b", 2), ("c", 3)]
    assert values_at(tmp_path, lists, 1.5) == [("a", 101), ("b", 102), ("c", 103)]
    assert values_at(tmp_path, lists, 2.5) == [("a", 4), ("b", 102)]
    assert values_at(tmp_path, lists, 3.5) == [("a", 4), ("b", 102)]


def test_the_instants_of_a_copied_row_are_those_of_the_row_cache(tmp_path: Path) -> None:
    lists = with_row_cache(tmp_path)

    a, b = shown(tmp_path, lists, 2.5)
    assert (a["_first_seen_at"].hour, a["_last_seen_at"].hour) == (0, 2)
    assert (b["_first_seen_at"].hour, b["_last_seen_at"].hour) == (0, 2)


@pytest.mark.parametrize("write", [write_lists, with_row_cache], ids=["facts", "row cache"])
@pytest.mark.parametrize("sibling", ["at", "all"])
def test_a_value_was_observed_with_its_body_unless_it_has_another_start(
    tmp_path: Path, write: Any, sibling: str
) -> None:
    lists = write(tmp_path)

    def observed(hour: float) -> dict[str, tuple[float, str | None]]:
        rows = shown(tmp_path, lists, hour, sibling)
        since = {row["id"]: row["_observed_at"].timestamp() * 10**6 for row in rows}
        return {row["id"]: ((since[row["id"]] - T0) / HOUR, row["_epoch"]) for row in rows}

    assert observed(1) == {"a": (0, None), "b": (-2, "since -2"), "c": (0, None)}
    assert observed(2.5)["b"] == (-2, "since -2")
    assert observed(5)["c"] == (4, "since 4")


def test_of_a_body_in_two_parts_that_overlap_one_row_is_shown(tmp_path: Path) -> None:
    """Where no part overlaps, DISTINCT is left out: it costs more than the query."""
    lists = write_lists(tmp_path)
    name = f"near {THINGS.name}"
    bodies = lists["shop", THINGS.name]
    again = add_file(tmp_path, "again", BODY, [body("b", 2, 2)])
    twice = attrs.evolve(bodies, dated=(*bodies.dated, (AT[1], again)))
    lists["shop", THINGS.name] = twice

    lists["shop", name] = attrs.evolve(twice, disjoint=False)
    assert values_at(tmp_path, lists, 3) == [("a", 4), ("b", 2)]
    lists["shop", name] = twice
    assert values_at(tmp_path, lists, 3) == [("a", 4), ("b", 2), ("b", 2)]


def test_of_a_new_body_in_two_parts_one_row_replaces_the_cached_one(tmp_path: Path) -> None:
    lists = with_row_cache(tmp_path)
    bodies = lists["shop", THINGS.name]
    again = add_file(tmp_path, "again", BODY, [body("a", 4, 4)])
    twice = attrs.evolve(bodies, dated=(*bodies.dated, (AT[2], again)))
    lists["shop", f"near {THINGS.name}"] = twice

    lists["shop", THINGS.name] = attrs.evolve(twice, disjoint=False)
    assert values_at(tmp_path, lists, 2.5) == [("a", 4), ("b", 102)]
    lists["shop", THINGS.name] = twice
    assert values_at(tmp_path, lists, 2.5) == [("a", 4), ("a", 4), ("b", 102)]


FACTS = FileList(("facts.parquet",), ())


def lists_without_files(definition: Definition, *kinds: str) -> dict[tuple[str, str], FileList]:
    """Returns lists of one file each, named after its kind, with these kinds of cached rows."""
    names = ["log.sightings", "log.pages", definition.name]
    names += [f"near {name}" for name in names] + [STARTS]
    names += [f"{kind} {definition.name}" for kind in kinds]
    return {
        ("shop", name): attrs.evolve(FACTS, always=(f"{name.replace(' ', '-')}.parquet",))
        for name in names
    }


def templates_of(definition: Definition, *kinds: str) -> Templates:
    lists = lists_without_files(definition, *kinds)
    return as_of_templates(Path("/a"), definition, lists, common_of(Path("/a"), definition, lists))


def test_the_templates_are_those_of_the_siblings_or_one_that_reads_the_row_cache() -> None:
    plain = templates_of(THINGS)
    from_cache = templates_of(THINGS, "rows", "fresh")

    assert {sibling: template for sibling, (template, _) in plain.items()} == {
        "at": "at",
        "all": "all",
    }
    assert {sibling: template for sibling, (template, _) in from_cache.items()} == {
        "at": "rows_at",
        "all": "rows_at",
    }


@pytest.mark.parametrize("definition", [THINGS, PIECES, TWO_TYPES], ids=["one", "many", "types"])
def test_the_files_named_are_those_near_and_all_bodies_and_no_other_facts(
    definition: Definition,
) -> None:
    near = {"near-log.sightings.parquet", "near-log.pages.parquet", f"{STARTS}.parquet"}
    bodies = {f"{definition.name}.parquet", f"near-{definition.name}.parquet"}
    of_cache = {f"{kind}-{definition.name}.parquet" for kind in ("rows", "fresh")}

    for sibling in ("at", "all"):
        lists = lists_without_files(definition)
        sql = sql_of(Path("/a"), lists, sibling, definition)
        assert named_files([sql]) == {*near, f"{definition.name}.parquet"}
        name = f"near {definition.name}"
        lists["shop", name] = attrs.evolve(lists["shop", name], keyframes=((AT[1],),))
        sql = sql_of(Path("/a"), lists, sibling, definition)
        assert named_files([sql]) == near | bodies
        lists = lists_without_files(definition, "rows", "fresh")
        sql = sql_of(Path("/a"), lists, sibling, definition)
        assert named_files([sql]) == near | bodies | of_cache
