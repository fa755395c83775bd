"""`show` and `history`: the bytes of an entity, its versions, and 6 where there is nothing."""

from pathlib import Path

import pytest

from cli.options.arguments import parse_entity
from eventlog.errors import Invalid
from tests.cli.making import hindlog

A, B, C = (f"openrouter/model/x/{name}" for name in "abc")


def test_show_prints_the_bytes_and_says_why_on_stderr(shared: Path) -> None:
    done = hindlog("show", A, at=shared)

    assert done.code == 0
    assert done.out == '{"id":"x/a","name":"A2","created":1,"pricing":{"prompt":"0.5"}}\n'
    assert done.err == "last seen 2026-11-01T02:00:00.000000Z\n"


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ("2026-11-01T00:00:00Z", '"A"'),
        ("2026-11-01T00:59:59.999999Z", '"A"'),
        ("2026-11-01T01:00:00Z", '"A2"'),
    ],
)
def test_as_of_includes_what_was_observed_at_that_instant(
    shared: Path, when: str, name: str
) -> None:
    done = hindlog("show", A, "--as-of", when, at=shared)

    assert done.code == 0
    assert f'"name":{name},' in done.out
    assert done.err.startswith(f"as of {when}\n")


@pytest.mark.parametrize(
    ("entity", "when", "words", "hint"),
    [
        (C, "now", "absent", f"hindlog history {C}"),
        (B, "2026-11-01T01:30", "absent", f"hindlog history {B}"),
        ("openrouter/model/no", "now", "", "hindlog log 'openrouter/model' --stats"),
    ],
)
def test_show_of_what_is_not_there_exits_with_6_and_says_where_to_look(
    shared: Path, entity: str, when: str, words: str, hint: str
) -> None:
    done = hindlog("show", entity, "--as-of", when, at=shared)

    assert (done.code, done.raw) == (6, b"")
    assert f"hindlog: {entity}: {words}" in done.err
    assert done.err.endswith(f"  {hint}\n")


def test_on_a_terminal_an_entity_is_indented(shared: Path) -> None:
    done = hindlog("show", A, at=shared, terminals=["stdout"])

    assert done.out.splitlines()[:3] == ["{", '  "id": "x/a",', '  "name": "A2",']


def test_history_lists_each_version_with_how_it_began_and_ended(shared: Path) -> None:
    rows = hindlog("history", B, "--json", at=shared).json()

    assert list(rows[0]) == [
        *("valid_from", "valid_to", "kind", "ends", "shape", "hash", "writer", "seq")
    ]
    assert [tuple(row.values())[:4] for row in rows] == [
        ("2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z", "appeared", "gone"),
        ("2026-11-01T02:00:00Z", None, "back", None),
    ]


def test_history_of_what_was_never_seen_exits_with_6(shared: Path) -> None:
    done = hindlog("history", "openrouter/model/no", at=shared)

    assert (done.code, done.raw) == (6, b"")
    assert done.err.endswith("  hindlog log 'openrouter/model' --stats\n")


@pytest.mark.parametrize("word", ["", "a", "a/b", "a/b/", "/b/c", "a//c", "a/b/\udcff"])
def test_an_entity_has_source_type_and_id(word: str) -> None:
    with pytest.raises(Invalid, match="expected source/type/id in UTF-8"):
        parse_entity(word)


def test_an_id_may_hold_slashes() -> None:
    assert parse_entity("a/b/c/d/") == ("a", "b", "c/d/")
