"""Building parts: sealed segments once, open segments when they have grown, bad lines left out."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import attrs
import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eventlog.errors import Invalid
from eventlog.progress import no_progress
from projector.definition import LOG, Definition, load_definitions, parse_definition
from projector.engine.connections import builder
from projector.engine.parquet_files import SCHEMA
from projector.engine.workers import workers
from projector.limits import LIMITS, Limits
from projector.parts.build import BuildResult, Context, build_open, build_sealed
from projector.parts.part import Segment, folder_of, open_name, part_name
from projector.parts.plan import list_source, read_sealed
from projector.update.empty_parts import build_schemas
from tests.extent import few_or_all
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, Seen, hours, write_log

NAMES, LENGTHS = (
    parse_definition(f"-- openrouter.{view}: x\n-- types: model\n{select}", "openrouter", view)
    for view, select in (
        ("names", "SELECT * FROM event"),
        ("lengths", "SELECT *, CASE WHEN _id = 'b' THEN error('too long') END AS x FROM event"),
    )
)
BROKEN = parse_definition(
    "-- openrouter.broken: x\n-- types: model\nSELECT nothing FROM event", "openrouter", "broken"
)
MODELS_AB = Page(hours(0), [model("a", "A"), model("b", "B")])


@pytest.fixture
def context(empty: Path) -> Iterator[Context]:
    scratch = empty / "scratch"
    scratch.mkdir()
    with workers(1) as crew:
        yield Context(empty, empty / "parts", scratch, 1, crew, no_progress)


def sealed(context: Context) -> list[Segment]:
    write_log(context.root, "openrouter", WRITER, [MODELS_AB])
    names = list_source(context.root, "openrouter").sealed
    return [read_sealed(context.root, name) for name in names]


def files(context: Context, definition: Definition) -> list[Path]:
    return list(folder_of(context.parts, "openrouter", definition).glob("*.parquet"))


def test_each_definition_gets_one_part_over_the_segments(context: Context) -> None:
    other = attrs.evolve(NAMES, view="others")
    result = build_sealed(context, "openrouter", sealed(context), [NAMES, other])

    assert result == BuildResult(segments=1, parts=2, rows=4)
    assert [len(files(context, definition)) for definition in (NAMES, other)] == [1, 1]
    assert list(context.scratch.iterdir()) == []


def test_a_definition_that_fails_has_a_message_and_no_part(context: Context) -> None:
    result = build_sealed(context, "openrouter", sealed(context), [BROKEN, NAMES])

    assert (result.parts, result.rows, result.quarantined) == (1, 2, ())
    (message,) = result.failed
    assert message.startswith("openrouter.broken over openrouter/2026-11-01/00-")
    assert files(context, BROKEN) == []


@pytest.mark.parametrize("others", [[], [NAMES]], ids=["alone", "beside another"])
def test_a_line_on_which_a_definition_fails_is_left_out_of_its_part(
    context: Context, others: list[Definition]
) -> None:
    result = build_sealed(context, "openrouter", sealed(context), [LENGTHS, *others])

    assert (result.failed, result.rows) == ((), 1 + 2 * len(others))
    (message,) = result.quarantined
    assert "refused by openrouter.lengths" in message


def test_a_strict_build_fails_on_such_a_line(context: Context) -> None:
    strict = attrs.evolve(context, strict=True)
    result = build_sealed(strict, "openrouter", sealed(strict), [LENGTHS])

    assert (result.parts, result.quarantined) == (0, ())
    assert "refused by openrouter.lengths" in result.failed[0]


def test_a_strict_build_refuses_a_line_that_is_not_json(context: Context) -> None:
    segments = sealed(context)
    bad = context.root / "bad.ndjson"
    bad.write_bytes(b'{"v":1,"seq":\n')
    damaged = attrs.evolve(segments[0], path=bad, rows=None, sha256=None, zst_bytes=None)

    with pytest.raises(Invalid):
        build_sealed(attrs.evolve(context, strict=True), "openrouter", [damaged], [NAMES, LENGTHS])


BODIES_OF_HOURS = [
    [model(id, f"{id}{hour}" * (200 if hour == 2 else 1)) for id in "ab"] for hour in range(6)
]
BODIES_OF_HOURS[3].append(Seen("endpoint", "e", {"id": "e"}))
ENDS = parse_definition(
    "-- openrouter.ends: x\n-- types: endpoint\nSELECT *, 1 AS n FROM event", "openrouter", "ends"
)
GROUPED = (
    NAMES,
    ENDS,
    *(each for each in load_definitions() if each.source == LOG and each.has_parts),
)
SMALL = attrs.evolve(LIMITS, max_small_segment_bytes=1000)
"""Limits with which all of these hours but one are concatenated."""


def rows_of_parts(context: Context, definition: Definition) -> list[tuple[Any, ...]]:
    """Returns the rows in all parts of a definition, sorted."""
    with duckdb.connect() as connection:
        paths = [str(path) for path in files(context, definition)]
        return connection.execute("FROM read_parquet(?) ORDER BY ALL", [paths]).fetchall()


@pytest.mark.sampled
def test_rows_do_not_depend_on_how_segments_are_grouped_into_jobs(context: Context) -> None:
    pages = [Page(hours(hour), bodies, scope="/x") for hour, bodies in enumerate(BODIES_OF_HOURS)]
    write_log(context.root, "openrouter", WRITER, pages)
    names = list_source(context.root, "openrouter").sealed
    segments = [read_sealed(context.root, name) for name in names]
    numbers = count()

    def rows_by_group(
        groups: Sequence[Sequence[Segment]], limits: Limits, with_empty_parts: Sequence[Definition]
    ) -> list[object]:
        folder = context.root / f"parts-{next(numbers)}"
        own = attrs.evolve(context, parts=folder, limits=limits)
        with contextlib.closing(builder(context.scratch, 1)) as connection:
            assert build_schemas(own, connection, with_empty_parts, ["openrouter"]) == {}
        for group in groups:
            assert build_sealed(own, "openrouter", group, GROUPED).failed == ()
        return [rows_of_parts(own, definition) for definition in GROUPED]

    expected = rows_by_group([segments], attrs.evolve(LIMITS, max_small_segment_bytes=0), [])

    @given(st.permutations(segments), st.sets(st.integers(1, 5)), st.sampled_from([SMALL, LIMITS]))
    @example(segments, set(), SMALL)
    @settings(max_examples=few_or_all(1, 10), suppress_health_check=list(HealthCheck))
    def check_groups(order: list[Segment], cuts: set[int], limits: Limits) -> None:
        groups = [order[begin:end] for begin, end in pairwise([0, *sorted(cuts), 6])]

        assert rows_by_group(groups, limits, GROUPED) == expected

    check_groups()


def test_a_definition_without_entities_in_the_lines_gets_a_copy_of_its_empty_part_if_there_is_one(
    context: Context,
) -> None:
    segments = sealed(context)
    for definition in (NAMES, ENDS):
        folder = folder_of(context.parts, "openrouter", definition)
        folder.mkdir(parents=True)
        duckdb.sql("SELECT 'copied' AS found").write_parquet(str(folder / SCHEMA))
    new = attrs.evolve(ENDS, view="new")
    assert build_sealed(context, "openrouter", segments, [NAMES, ENDS, new]).failed == ()

    for definition, is_copied in ((NAMES, False), (ENDS, True), (new, False)):
        (folder,) = {path.parent for path in files(context, definition)}
        columns = duckdb.read_parquet(str(folder / part_name(segments))).columns
        assert (columns == ["found"]) is is_copied


def test_of_many_small_segments_only_the_bad_line_is_left_out(context: Context) -> None:
    pages = [Page(hours(hour), bodies, scope="/x") for hour, bodies in enumerate(BODIES_OF_HOURS)]
    bad = [model("a", "A"), Seen("model", "b", rb'{"name":"\ud800"}'), model("c", "C")]
    pages[4] = attrs.evolve(pages[4], entities=bad)
    write_log(context.root, "openrouter", WRITER, pages)
    names = list_source(context.root, "openrouter").sealed
    segments = [read_sealed(context.root, name) for name in names]
    other = attrs.evolve(NAMES, view="others")
    result = build_sealed(context, "openrouter", segments, [NAMES, other])

    assert result.failed == ()
    (message,) = result.quarantined
    assert message.startswith("openrouter/2026-11-01/04-0a0b0c0d-000, seq 15: refused by DuckDB")
    assert '"some/log/openrouter/2026-11-01/04-0a0b0c0d-000.ndjson", at byte 235' in message
    assert len(rows_of_parts(context, NAMES)) == 12
    assert (result.parts, result.rows) == (2, 24)


def test_the_part_of_an_open_segment_is_rebuilt_only_if_it_has_grown(context: Context) -> None:
    write_log(context.root, "openrouter", WRITER, [MODELS_AB], seal=False)
    listing = list_source(context.root, "openrouter")

    assert build_open(context, listing, [NAMES]) == BuildResult(parts=1, rows=2)
    assert build_open(context, listing, [NAMES]) == BuildResult()
    write_log(context.root, "openrouter", WRITER, [Page(hours(0.1), [model("c", "C")])], seal=False)
    assert build_open(context, listing, [NAMES]) == BuildResult(parts=1, rows=3)
    assert [path.name for path in files(context, NAMES)] == [open_name(listing.open[0])]
