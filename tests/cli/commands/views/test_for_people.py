"""`changes`, `history` and `diff` on a terminal, as people know it from git."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.commands.views.spelled_json import parse_spelled, spelled_json, spelling_changes
from tests.cli.making import Done, hindlog

A, B = "openrouter/model/x/a", "openrouter/model/x/b"
ALL = ("--since", "2026-11-01", "openrouter", "--color=never")


def shown(*words: str, at: Path) -> Done:
    return hindlog(*words, at=at, terminals=["stdout"])


def test_changes_are_below_their_instants_with_signs(shared: Path) -> None:
    lines = shown("changes", *ALL, at=shared).out.splitlines()

    assert lines[:2] == ["2026-11-01T00:00:00Z", f"  + {A}"]
    assert f"  ~ {A}" in lines
    assert "      /name, /pricing/prompt" in lines
    assert f"  - {B}" in lines
    assert f"  + {B}  back" in lines


def test_changes_with_fields_show_old_and_new_with_the_rate(shared: Path) -> None:
    lines = shown("changes", *ALL, "--fields", at=shared).out.splitlines()

    assert '      ~ /pricing/prompt  "0.25" → "0.5"  +100 %' in lines


def test_a_range_without_changes_says_so(shared: Path) -> None:
    done = shown("changes", "--since", "2026-11-02", at=shared)

    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("no changes\n")


def test_history_has_one_line_per_version_and_with_fields_what_changed(shared: Path) -> None:
    plain = shown("history", A, "--color=never", at=shared).out.splitlines()
    fields = shown("history", A, "--fields", "--color=never", at=shared).out.splitlines()

    assert [line[:22] for line in plain] == ["+ 2026-11-01T00:00:00Z", "~ 2026-11-01T01:00:00Z"]
    assert fields[:2] == plain
    assert fields[2:] == [
        '    ~ /name  "A" → "A2"',
        '    ~ /pricing/prompt  "0.25" → "0.5"  +100 %',
    ]


def test_history_shows_when_an_entity_was_gone(shared: Path) -> None:
    lines = shown("history", B, "--color=never", at=shared).out.splitlines()

    assert [(line[0], line.split()[-1]) for line in lines] == [
        ("+", "appeared"),
        ("-", "gone"),
        ("+", "back"),
    ]


def test_history_with_fields_in_a_pipe_has_one_row_per_field(shared: Path) -> None:
    rows = hindlog("history", A, "--fields", at=shared).rows

    assert rows[0] == ["valid_from", "shape", "path", "kind", "old", "new"]
    assert [row[2:] for row in rows[1:]] == [
        ["/name", "replace", '"A"', '"A2"'],
        ["/pricing/prompt", "replace", '"0.25"', '"0.5"'],
    ]


def test_diff_names_both_sides(shared: Path) -> None:
    when = ("2026-11-01T00:30", "2026-11-01T01:30")
    done = shown("diff", A, *when, "--exit-code", "--color=never", at=shared)

    assert done.code == 4
    assert done.out.splitlines() == [
        f"--- {A} as of 2026-11-01T00:30",
        f"+++ {A} as of 2026-11-01T01:30",
        '~ /name  "A" → "A2"',
        '~ /pricing/prompt  "0.25" → "0.5"  +100 %',
    ]


@pytest.mark.parametrize("command", ["changes", "history", "diff"])
def test_a_named_format_is_the_same_on_a_terminal(command: str, shared: Path) -> None:
    words = {
        "changes": ("changes", *ALL),
        "history": ("history", A),
        "diff": ("diff", A, "2026-11-01T00:30"),
    }[command]

    assert shown(*words, "-F", "csv", at=shared).out == hindlog(*words, "-F", "csv", at=shared).out


@given(st.sampled_from(["1.0", "1.00", "1e3", "-0", "-0.0", "1E400", "7", "123456789012345678901"]))
def test_numbers_keep_their_spelling(text: str) -> None:
    body = f'{{"a": [{text}, "{text}", null, true]}}'

    assert spelled_json(parse_spelled(body.encode())) == body


def test_equal_numbers_that_are_written_differently_are_named_with_their_path() -> None:
    old = parse_spelled(b'{"a": {"b/c": 1.0}, "d": [1e3, 2, true], "e": -0, "f": 1}')
    new = parse_spelled(b'{"a": {"b/c": 1.00}, "d": [1000, 3, 1], "e": 0, "f": 1}')

    assert sorted(spelling_changes(old, new)) == [
        ("/a/b~1c", "1.0", "1.00"),
        ("/d/0", "1e3", "1000"),
        ("/e", "-0", "0"),
    ]
