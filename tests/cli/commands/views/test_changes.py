"""`changes` and `diff`: what is printed, and when a difference is an exit code."""

from pathlib import Path

import pytest

from cli.commands.views.changes import _matches
from cli.commands.views.entity import _text
from tests.cli.making import hindlog

A = "openrouter/model/x/a"
DAY = ("--since", "2026-11-01")


def entities(*arguments: str, at: Path) -> list[str]:
    return [f"{row[1]} {row[2]}" for row in hindlog("changes", *arguments, at=at).rows[1:]]


def test_diff_exits_with_4_only_when_that_is_requested(shared: Path) -> None:
    plain = hindlog("diff", A, "2026-11-01T00:30", "now", at=shared)
    asked = hindlog("diff", A, "2026-11-01T00:30", "now", "--exit-code", at=shared)
    same = hindlog("diff", A, "2026-11-01T01:30", "now", "--exit-code", at=shared)

    assert (plain.code, asked.code, same.code) == (0, 4, 0)
    in_json = hindlog("diff", A, "2026-11-01T00:30", "--json", at=shared).json()
    assert plain.raw == asked.raw
    assert [list(row.values()) for row in in_json] == plain.rows[1:]
    assert plain.rows[1:] == [
        ["/name", "replace", '"A"', '"A2"'],
        ["/pricing/prompt", "replace", '"0.25"', '"0.5"'],
    ]


def test_diff_without_a_difference_says_so_on_stderr(shared: Path) -> None:
    done = hindlog("diff", A, "2026-11-01T01:30", at=shared)

    assert (done.code, done.rows) == (0, [["path", "kind", "old", "new"]])
    assert done.err == "as of 2026-11-01T01:30:00Z\nno difference\n"


def test_diff_compares_with_now_unless_told_otherwise(shared: Path) -> None:
    assert hindlog("diff", A, "2026-11-01T00:30", at=shared).rows[1][3] == '"A2"'
    assert hindlog("diff", A, "now", "2026-11-01T00:30", at=shared).rows[1][3] == '"A"'
    both = hindlog("diff", A, "2026-11-01", "2026-11-01T00:30", at=shared)
    assert both.err == ("as of 2026-11-01T00:00:00Z\nas of 2026-11-01T00:30:00Z\nno difference\n")


def test_diff_of_an_entity_that_was_not_there_exits_with_6(shared: Path) -> None:
    absent = hindlog("diff", "openrouter/model/x/b", "2026-11-01T01:30", at=shared)
    early = hindlog("diff", A, "2026-10-01", at=shared)
    wrong = hindlog("diff", "openrouter", "2026-11-01", at=shared)

    assert (absent.code, early.code, wrong.code) == (6, 6, 2)
    assert "hindlog: openrouter/model/x/b as of 2026-11-01T01:30: absent: " in absent.err
    assert "  hindlog history openrouter/model/x/b\n" in absent.err
    assert absent.raw == early.raw == wrong.raw == b""


def test_values_of_a_difference_are_json_that_keeps_its_characters() -> None:
    assert _text("grün") == '"grün"'
    assert _text(None) == "null"


def test_changes_are_all_that_happened_in_a_range_the_oldest_first(shared: Path) -> None:
    assert entities(*DAY, "openrouter", at=shared) == [
        "openrouter/model/x/a appeared",
        "openrouter/model/x/b appeared",
        "openrouter/model/x/c appeared",
        "openrouter/model/x/a changed",
        "openrouter/model/x/b gone",
        "openrouter/model/x/b back",
        "openrouter/model/x/c gone",
    ]


def test_changes_begin_with_since_and_end_before_until(shared: Path) -> None:
    middle = ("--since", "2026-11-01T01", "--until", "2026-11-01T02", "openrouter")
    done = hindlog("changes", *middle, at=shared)

    assert [row[0] for row in done.rows[1:]] == ["2026-11-01T01:00:00Z"] * 2
    assert done.err == "since 2026-11-01T01:00:00Z\nuntil 2026-11-01T02:00:00Z\n"
    assert hindlog("changes", at=shared).rows[1:] == []
    assert "since" in hindlog("changes", at=shared).err


def test_a_change_lists_its_paths_and_with_fields_each_value(shared: Path) -> None:
    middle = ("--since", "2026-11-01T01", "--until", "2026-11-01T02", A)
    folded = hindlog("changes", *middle, "--json", at=shared).json()
    fields = hindlog("changes", *middle, "--fields", at=shared).rows

    assert folded == [
        {
            "changed_at": "2026-11-01T01:00:00Z",
            "entity": A,
            "change": "changed",
            "paths": ["/name", "/pricing/prompt"],
        }
    ]
    assert fields[0] == ["changed_at", "entity", "change", "path", "kind", "old", "new"]
    assert [row[2:] for row in fields[1:]] == [
        ["changed", "/name", "replace", '"A"', '"A2"'],
        ["changed", "/pricing/prompt", "replace", '"0.25"', '"0.5"'],
    ]


@pytest.mark.parametrize(
    ("patterns", "matches"),
    [
        ((), True),
        (("openrouter",), True),
        (("openrouter/model",), True),
        (("openrouter/model/x/a",), True),
        (("openrouter/model/x/*",), True),
        (("*/x/a",), True),
        (("civitai", "openrouter/*"), True),
        (("openrouter/mod",), False),
        (("openrouter/model/x/a/b",), False),
        (("OpenRouter/*",), False),
        (("civitai",), False),
    ],
)
def test_a_pattern_is_a_glob_or_the_beginning_of_a_path(
    patterns: tuple[str, ...], matches: bool
) -> None:
    assert _matches(A, patterns) == matches


def test_changes_without_views_say_what_to_do_before_they_print(empty: Path) -> None:
    done = hindlog("changes", *DAY, at=empty)

    assert (done.code, done.raw) == (6, b"")
    assert "hindlog view update" in done.err
