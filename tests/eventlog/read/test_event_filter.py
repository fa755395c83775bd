"""Selecting: limits of time, patterns, and which segments and frames are skipped."""

from pathlib import Path

import pytest

from eventlog.files.listing import read_manifest
from eventlog.format.event import ENTITY, Draft
from eventlog.format.event_codec import encode
from eventlog.format.line_header import line_header
from eventlog.format.manifest import Manifest
from eventlog.format.paths import parse_segment
from eventlog.read.event_filter import (
    Select,
    accepts_header,
    compile_select,
    wants_frame,
    wants_manifest,
    wants_segment,
)
from eventlog.read.reader import read_events
from tests.eventlog.making import HOUR, SECOND, SOURCE, START, WRITER, entity, write_log

NAME = parse_segment(f"{SOURCE}/2026-11-21/05-{WRITER}-000")
AT = "2026-11-21T05:00:00.000000Z"


@pytest.fixture
def sealed(tmp_path: Path) -> Manifest:
    """Returns the manifest of a segment with three models, a second apart."""
    name = write_log(tmp_path, [[entity(n)] for n in range(3)])
    return read_manifest(tmp_path, name)


def test_since_is_inclusive_and_until_is_exclusive(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(n)] for n in range(3)])

    def seqs(**edges: int) -> list[int]:
        return [record.seq for record in read_events(tmp_path, Select(**edges))]

    assert seqs(since=START + 2 * SECOND) == [3]
    assert seqs(since=START + 2 * SECOND + 1) == []
    assert seqs(until=START + 1) == [1]
    assert seqs(until=START) == []
    assert seqs(since=START + SECOND, until=START + 2 * SECOND) == [2]


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        (Select(since=START + 2 * SECOND), True),
        (Select(since=START + 2 * SECOND + 1), False),
        (Select(until=START + 1), True),
        (Select(until=START), False),
        (Select(kinds=frozenset({ENTITY, "gone"})), True),
        (Select(kinds=frozenset({"gone"})), False),
        (Select(types=frozenset({"model", "image"})), True),
        (Select(types=frozenset({"image"})), False),
        (Select(kinds=frozenset({ENTITY}), types=frozenset({"image"})), False),
    ],
)
def test_a_sealed_segment_is_skipped_only_if_it_contains_no_selected_event(
    sealed: Manifest, select: Select, wanted: bool
) -> None:
    assert wants_manifest(select, sealed) is wanted
    if select.since is None and select.until is None:
        assert wants_frame(select, sealed.frames[0]) is wanted


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        (Select(since=START + HOUR - 1), True),
        (Select(since=START + HOUR), False),
        (Select(until=START + 1), True),
        (Select(until=START), False),
        (Select(sources=frozenset({SOURCE, "civitai"})), True),
        (Select(sources=frozenset({"civitai"})), False),
    ],
)
def test_a_segment_of_another_hour_or_source_is_skipped(select: Select, wanted: bool) -> None:
    assert NAME is not None

    assert wants_segment(select, NAME) is wanted


@pytest.mark.parametrize(
    ("pattern", "id_", "wanted"),
    [
        ("openrouter/model", "1", True),
        ("openrouter/mod", "1", False),
        ("openrouter/model/1", "1", True),
        ("openrouter/model/1", "12", False),
        ("openrouter/model/1", "1/2", False),
        ("openrouter/model/a.b", "a.b", True),
        ("openrouter/model/a.b", "axb", False),
        ("openrouter/model/a?b", "a/b", True),
        ("openrouter/model/a?b", "ab", False),
        ("*/model/open*", "openai/gpt-5", True),
        ("*/model/a*b", "a\nb", True),
        ("router/model", "1", False),
    ],
)
def test_a_pattern_must_match_source_type_and_id_completely(
    pattern: str, id_: str, wanted: bool
) -> None:
    draft = Draft(kind=ENTITY, type="model", id=id_)
    head = line_header(encode(draft, source=SOURCE, writer=WRITER, seq=1, observed_at=AT))

    assert accepts_header(compile_select(Select(patterns=(pattern,))), head) is wanted
    assert (
        accepts_header(compile_select(Select(patterns=("none", pattern, "none/x/y"))), head)
        is wanted
    )


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        (Select(since=START), True),
        (Select(since=START + 1), False),
        (Select(until=START + 1), True),
        (Select(until=START), False),
        (Select(sources=frozenset({SOURCE, "civitai"})), True),
        (Select(sources=frozenset({"civitai"})), False),
        (Select(kinds=frozenset({"page"})), False),
        (Select(types=frozenset({"image"})), False),
        (Select(shapes=frozenset({"list"})), True),
        (Select(shapes=frozenset({"detail"})), False),
        (Select(), True),
    ],
)
def test_a_header_is_accepted_if_it_fulfils_every_condition(select: Select, wanted: bool) -> None:
    line = encode(entity(1), source=SOURCE, writer=WRITER, seq=1, observed_at=AT)

    assert accepts_header(compile_select(select), line_header(line)) is wanted
