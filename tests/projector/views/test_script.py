"""The script of a views file: which statements, in which order, over which files."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from projector.definition import Definition, parse_definition
from projector.engine.connections import connect
from projector.folders import current_parts
from projector.keyframes.keyframe import load_source_parts
from projector.parts.plan import list_source
from projector.update.update import update
from projector.views.script import Script, script_for
from projector.views.statement import Statement, named_files
from projector.views.views_database import read_script
from tests.projector.compare_views import DEFINITIONS
from tests.projector.keyframes.row_archives import FIRST, SEEN_AGAIN, A, B, thing
from tests.projector.keyframes.source_parts import EAGER
from tests.projector.logs import Page, Seen, hours, write_log

BOOKS = parse_definition(
    "-- store.books: books\n-- types: novel, atlas\n-- shapes: list*\n", "store", "books"
)
MAPS = parse_definition("-- store.maps: maps\n-- types: atlas\n-- shapes: list*\n", "store", "maps")
NUMBERS = parse_definition(
    """-- shop.numbers: fails unless the text is a number
-- types: thing
-- shapes: list*
-- columns:
--   text  /text  text
SELECT * EXCLUDE (text), CAST(text AS INTEGER) AS number FROM event
""",
    "shop",
    "numbers",
)
LEAST = parse_definition(
    "-- shop.a_least: the least id\n-- reads: view\nSELECT min(id) AS id FROM shop.between(1, 3)",
    "shop",
    "a_least",
)
BETWEEN = parse_definition(
    "-- shop.between: things with such a value\n-- reads: macro\n-- takes: low, high\n"
    "SELECT * FROM shop.things WHERE value BETWEEN low AND high",
    "shop",
    "between",
)
KNOWN = (LEAST, BOOKS, MAPS, *DEFINITIONS, NUMBERS, BETWEEN)
"""Definitions of two sources; the first one reads the last."""
OPEN_PAGE = [Page(hours(3), [thing(0, 3)], "r3")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with all kinds of files: a row cache, differences, an open segment,
    a refused line. The source `store` has no events.
    """
    root = tmp_path_factory.mktemp("archive")
    (root / "log").mkdir()
    refused = Page(hours(0.7), [Seen("thing", "t1", {"id": "t1", "value": 1, "text": "x"})])
    write_log(root, "shop", A, [*FIRST, refused])
    update(root, definitions=KNOWN, limits=EAGER)
    write_log(root, "shop", *SEEN_AGAIN)
    write_log(root, "shop", B, OPEN_PAGE, seal=False)
    assert update(root, definitions=KNOWN, limits=EAGER).failed == ()
    return root


def script_of(
    root: Path,
    definitions: Sequence[Definition] = KNOWN,
    sources: Sequence[str] = ("shop", "store"),
) -> Script:
    """Returns the script over the parts of an archive as they are."""
    parts = current_parts(root / "views")
    with contextlib.closing(connect()) as connection:
        loaded = [
            load_source_parts(connection, parts, list_source(root, source), definitions, EAGER)
            for source in sources
        ]
    return script_for(root, parts, loaded, definitions)


@pytest.fixture(scope="module")
def script(root: Path) -> Script:
    return script_of(root)


def titles(statements: Sequence[Statement]) -> list[tuple[str, str]]:
    return [(statement.kind, statement.name.replace('"', "")) for statement in statements]


def definition_of(script: Script, name: str) -> str:
    """Returns the definition of a view or macro."""
    (statement,) = (
        statement
        for statement in (*script.statements, *script.derived)
        if statement.name.replace('"', "") == name
    )
    return statement.definition


def siblings_of(name: str) -> list[tuple[str, str]]:
    """Returns the titles of a definition of entities: each macro is before the view over it."""
    return [
        title
        for suffix in ("", "_all", "_versions", "_changes")
        for title in (("MACRO", f"{name}{suffix}_at"), ("VIEW", f"{name}{suffix}"))
    ]


def test_schemas_come_first_then_look_ups_the_log_and_the_views_of_entities(
    script: Script,
) -> None:
    assert titles(script.statements) == [
        *(("SCHEMA", name) for name in ("shop", "store", "log")),
        *(("MACRO", f"shop.{name}") for name in ("_entity", "_history", "_types_changed")),
        *(("MACRO", f"store.{name}") for name in ("_entity", "_history", "_types_changed")),
        *(("MACRO", f"log.{name}") for name in ("_refused", "_seen_bodies")),
        *(("VIEW", f"log.{name}") for name in ("sightings", "pages", "events")),
        *siblings_of("store.books"),
        *siblings_of("store.maps"),
        *siblings_of("shop.things"),
        *siblings_of("shop.numbers"),
    ]


def test_derived_views_come_after_those_that_they_read(script: Script) -> None:
    assert titles(script.derived) == [("MACRO", "shop.between"), ("VIEW", "shop.a_least")]
    macro = script.derived[0].definition
    assert macro.startswith('(low, high) AS TABLE\nWITH "shop.things" AS NOT MATERIALIZED (\n')
    read = BETWEEN.select.replace("shop.things", '"shop.things" AS things')
    assert macro.endswith(f"\nFROM (\n{read}\n)")
    assert script.derived[1].definition == f" AS\n{LEAST.select}"


def test_the_files_are_exactly_those_that_the_statements_name(script: Script) -> None:
    texts = [statement.text for statement in (*script.statements, *script.derived)]

    assert script.files == named_files(texts)


def test_every_file_named_exists_and_all_kinds_are_among_them(root: Path, script: Script) -> None:
    missing = {path for path in script.files if not (root / "views" / path).is_file()}
    names = [(path.parent.parent.name, path.name[:2]) for path in map(Path, script.files)]

    assert missing == set()
    assert {
        ("shop.things", "sc"),
        ("shop.things", "20"),
        ("shop.things", "op"),
        ("shop.things", "r-"),
        ("shop.things", "ro"),
        ("log.keyframes", "s-"),
        ("log.keyframes", "p-"),
        ("log.diffs", "d-"),
        ("log.starts", "v-"),
        ("log.quarantine", "q-"),
        ("store.maps", "sc"),
    } <= {(folder, name) for folder, name in names}


def test_over_the_same_parts_the_script_is_the_same(root: Path, script: Script) -> None:
    """Then an update writes nothing."""
    assert read_script(root / "views") == script.texts


def test_the_order_of_the_sources_changes_neither_the_order_of_statements_nor_the_files(
    root: Path, script: Script
) -> None:
    other = script_of(root, sources=("store", "shop"))

    assert titles(other.statements) == titles(script.statements)
    assert other.files == script.files
    assert [history.source for history in other.histories] == ["store", "shop"]


def test_a_view_reads_its_macro_as_of_the_instant_of_the_session(script: Script) -> None:
    for suffix in ("", "_all", "_versions"):
        assert definition_of(script, f"shop.things{suffix}").strip() == (
            f"""AS FROM "shop"."things{suffix}_at"(getvariable('as_of'))"""
        )


def test_the_view_of_changes_leaves_out_telemetry_and_waves_and_its_macro_does_not(
    script: Script,
) -> None:
    condition = "WHERE NOT is_telemetry AND NOT is_wave"

    assert definition_of(script, "shop.things_changes").endswith(condition)
    assert condition not in definition_of(script, "shop.things_changes_at")


def test_views_of_entities_read_their_own_source_only(script: Script) -> None:
    for name, source in (("store.maps_at", "store"), ("shop.things_versions_at", "shop")):
        files = named_files([definition_of(script, name)])
        assert {Path(path).parts[1] for path in files} == {source}


def test_a_view_of_the_log_removes_copies_in_each_source_by_itself(script: Script) -> None:
    """Positions are unique within a source only."""
    for name in ("log.sightings", "log.pages", "log.events"):
        selects = definition_of(script, name).split("UNION ALL\n")
        sources = [{Path(path).parts[1] for path in named_files([text])} for text in selects]
        assert sorted(sources, key=str) == [{"shop"}, {"store"}]
        assert all("SELECT DISTINCT ON (_position" in text for text in selects)


def test_copies_of_a_sighting_are_those_of_the_same_entity_at_a_position(script: Script) -> None:
    assert "(_position , _type, _id, _shape, _seq)" in definition_of(script, "log.sightings")
    assert "(_position )" in definition_of(script, "log.pages")


def test_without_sources_there_are_no_views_of_the_log_and_no_refused_lines(root: Path) -> None:
    script = script_of(root, DEFINITIONS[1:], sources=())

    macros = [("MACRO", f"log.{name}") for name in ("_refused", "_seen_bodies")]
    assert titles(script.statements) == [("SCHEMA", "log"), *macros]
    assert (script.files, script.histories) == (frozenset(), ())


def test_refused_lines_are_those_of_the_present_definitions(root: Path, script: Script) -> None:
    hashes = {definition.hash for definition in KNOWN}
    text = definition_of(script, "log._refused")
    (refused,) = (path for path in named_files([text]) if "/q-" in path)

    assert set(re.findall(r"'([0-9a-f]{12})'", text)) == hashes
    assert "IN (NULL)" in definition_of(script_of(root, (), ()), "log._refused")
    assert Path(refused).parts[1] == "shop"


def test_a_history_has_the_types_of_its_source_and_the_segments_that_were_read(
    root: Path, script: Script
) -> None:
    histories = {history.source: history for history in script.histories}
    listing = list_source(root, "shop")
    (open_segment,) = listing.open
    open_part = next((root / "views").rglob("log.sightings/*/open-*.parquet")).stat()

    assert histories["store"].types == ("atlas", "novel")
    assert histories["store"].read == frozenset()
    assert histories["shop"].types == ("thing",)
    assert histories["shop"].read == listing.sealed_names | {
        f"{open_segment} {open_part.st_mtime_ns}-{open_part.st_size}"
    }


def test_the_files_of_a_history_are_the_parts_of_its_source(script: Script) -> None:
    (shop,) = (history for history in script.histories if history.source == "shop")
    parts = {path for path in script.files if Path(path).name[:2] in ("20", "op", "sc")}

    for kind in ("sightings", "pages", "events"):
        folder = f"shop/log.{kind}/"
        assert named_files([getattr(shop, kind)]) == {path for path in parts if folder in path}


def test_a_segment_whose_events_are_not_built_yet_is_not_read_by_the_history(
    root: Path, script: Script
) -> None:
    """Otherwise its versions would count as compared without their bodies."""
    part = min((root / "views").rglob("log.events/*/2026*.parquet"))
    hidden = part.rename(part.with_suffix(".hidden"))
    try:
        (incomplete,) = script_of(root, DEFINITIONS, ["shop"]).histories
    finally:
        hidden.rename(part)

    complete = next(history for history in script.histories if history.source == "shop")
    assert incomplete.read < complete.read
    assert part.name not in incomplete.events
