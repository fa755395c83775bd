"""`show`, `history` and `diff`: bytes, versions and differences of an entity; exit codes."""

from pathlib import Path

import pytest

from cli.commands.views.spelled_json import spelled_json
from tests.cli.making import hindlog

A, B, C = (f"openrouter/model/x/{name}" for name in "abc")


def test_show_prints_the_bytes_and_the_evidence_on_stderr(shared: Path) -> None:
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
def test_as_of_includes_events_observed_at_that_instant(shared: Path, when: str, name: str) -> None:
    done = hindlog("show", A, "--as-of", when, at=shared)

    assert done.code == 0
    assert f'"name":{name},' in done.out
    assert done.err.startswith(f"as of {when}\n")


@pytest.mark.parametrize(
    ("entity", "when", "state", "hint"),
    [
        (C, "now", "absent", f"hindlog history {C}"),
        (B, "2026-11-01T01:30", "absent", f"hindlog history {B}"),
        ("openrouter/model/no", "now", "", "hindlog log 'openrouter/model' --stats"),
    ],
)
def test_show_of_an_absent_entity_exits_with_6_and_names_the_next_command(
    shared: Path, entity: str, when: str, state: str, hint: str
) -> None:
    done = hindlog("show", entity, "--as-of", when, at=shared)

    assert (done.code, done.raw) == (6, b"")
    assert f"hindlog: {entity}: {state}" in done.err
    assert done.err.endswith(f"  {hint}\n")


LATE = "2026-11-01T09:00:00Z"
"""An instant long after the last listing of the shared archive, which came every hour."""


def test_show_after_the_last_listing_prints_the_last_known_body(shared: Path) -> None:
    done = hindlog("show", A, "--as-of", LATE, at=shared)
    strict = hindlog("show", A, "--as-of", LATE, "--strict", at=shared)
    covered = hindlog("show", A, "--as-of", "2026-11-01T02:30", "--strict", at=shared)
    (in_sql,) = hindlog("sql", f"SELECT name FROM openrouter.models WHERE id = '{A[17:]}'",
                        "--as-of", LATE, at=shared).rows[1]  # fmt: skip
    evidence = "nobody looked at 2026-11-01T09:00:00.000000Z, nor since 2026-11-01T02:00:00.000000Z"

    assert (done.code, f'"name":"{in_sql}"' in done.out) == (0, True)
    assert done.err == f"as of {LATE}\n{evidence}, when it was last seen\n"
    assert (strict.code, strict.raw) == (6, b"")
    assert f"hindlog: {A}: unknown: {evidence}" in strict.err
    assert covered.code == 0


def test_strict_or_not_an_absent_entity_is_not_shown_long_after(shared: Path) -> None:
    assert hindlog("show", C, "--as-of", LATE, at=shared).code == 6
    assert hindlog("show", A, "--as-of", "2026-10-01", at=shared).code == 6


def test_diff_after_the_last_listing_compares_the_last_known_body_and_says_so(
    shared: Path,
) -> None:
    done = hindlog("diff", A, "2026-11-01T01:30", LATE, at=shared)

    assert (done.code, done.rows[1:]) == (0, [])
    assert f"{A} as of {LATE}: nobody looked at " in done.err


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


def test_history_of_an_unknown_entity_exits_with_6(shared: Path) -> None:
    done = hindlog("history", "openrouter/model/no", at=shared)

    assert (done.code, done.raw) == (6, b"")
    assert done.err.endswith("  hindlog log 'openrouter/model' --stats\n")


def test_diff_exits_with_4_only_when_that_is_requested(shared: Path) -> None:
    plain = hindlog("diff", A, "2026-11-01T00:30", "now", at=shared)
    strict = hindlog("diff", A, "2026-11-01T00:30", "now", "--exit-code", at=shared)
    same = hindlog("diff", A, "2026-11-01T01:30", "now", "--exit-code", at=shared)

    assert (plain.code, strict.code, same.code) == (0, 4, 0)
    in_json = hindlog("diff", A, "2026-11-01T00:30", "--json", at=shared).json()
    assert plain.raw == strict.raw
    assert [list(row.values()) for row in in_json] == plain.rows[1:]
    assert plain.rows[1:] == [
        ["/name", "replace", '"A"', '"A2"'],
        ["/pricing/prompt", "replace", '"0.25"', '"0.5"'],
    ]


def test_diff_without_a_difference_prints_that_on_stderr(shared: Path) -> None:
    done = hindlog("diff", A, "2026-11-01T01:30", at=shared)

    assert (done.code, done.rows) == (0, [["path", "kind", "old", "new"]])
    assert done.err == "as of 2026-11-01T01:30:00Z\nno difference\n"


def test_diff_compares_with_now_by_default(shared: Path) -> None:
    assert hindlog("diff", A, "2026-11-01T00:30", at=shared).rows[1][3] == '"A2"'
    assert hindlog("diff", A, "now", "2026-11-01T00:30", at=shared).rows[1][3] == '"A"'
    both = hindlog("diff", A, "2026-11-01", "2026-11-01T00:30", at=shared)
    assert both.err == ("as of 2026-11-01T00:00:00Z\nas of 2026-11-01T00:30:00Z\nno difference\n")


def test_diff_of_an_absent_entity_exits_with_6(shared: Path) -> None:
    absent = hindlog("diff", "openrouter/model/x/b", "2026-11-01T01:30", at=shared)
    early = hindlog("diff", A, "2026-10-01", at=shared)
    invalid = hindlog("diff", "openrouter", "2026-11-01", at=shared)

    assert (absent.code, early.code, invalid.code) == (6, 6, 2)
    assert "hindlog: openrouter/model/x/b as of 2026-11-01T01:30: absent: " in absent.err
    assert "  hindlog history openrouter/model/x/b\n" in absent.err
    assert absent.raw == early.raw == invalid.raw == b""


def test_values_of_a_difference_are_json_without_ascii_escapes() -> None:
    assert spelled_json("grün") == '"grün"'
    assert spelled_json(None) == "null"
