"""The prompt takes statements apart as a reader would."""

import pytest

from cli.prompt import statements


def read_from(lines: list[str | type[BaseException]]) -> list[str]:
    left = iter(lines)

    def read(_prompt: str) -> str | None:
        found = next(left, None)
        if isinstance(found, type):
            raise found
        return found

    return list(statements(read))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        (["SELECT 1;"], ["SELECT 1;"]),
        (["SELECT 1", "  + 1;", "SELECT 2;"], ["SELECT 1\n  + 1;", "SELECT 2;"]),
        (["", "  ", ".views"], [".views"]),
        (["SELECT", ".5;"], ["SELECT\n.5;"]),
        (["SELECT 1"], []),
    ],
)
def test_a_statement_ends_with_a_semicolon_or_begins_with_a_dot(
    lines: list[str | type[BaseException]], expected: list[str]
) -> None:
    assert read_from(lines) == expected


def test_ctrl_c_drops_what_was_begun() -> None:
    assert read_from(["SELECT bad", KeyboardInterrupt, "SELECT 1;"]) == ["SELECT 1;"]
