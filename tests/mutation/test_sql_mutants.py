"""The mutants of SQL: each rule makes the faults that a refactoring could make."""

import pytest

from tests.mutation.mutant import apply
from tests.mutation.sql_mutants import mutants_of


def changed(sql: str, rule: str) -> list[str]:
    """Returns the texts that the mutants of one rule produce."""
    return [apply(sql, each) for each in mutants_of("x.sql", sql) if each.rule == rule]


def test_a_comparison_is_moved_by_its_boundary_and_turned_around() -> None:
    assert changed("SELECT a WHERE b < c", "operator") == [
        "SELECT a WHERE b <= c",
        "SELECT a WHERE b > c",
    ]


def test_an_asterisk_is_mutated_only_as_a_product() -> None:
    assert changed("SELECT * EXCLUDE (a), count(*), 3 * n FROM t", "operator") == [
        "SELECT * EXCLUDE (a), count(*), 3 / n FROM t"
    ]


def test_each_condition_is_dropped_in_turn() -> None:
    sql = "SELECT a FROM t WHERE f(b, 1) = c AND d IN (1, 2) GROUP BY e"

    assert changed(sql, "conjunct") == [
        "SELECT a FROM t WHERE  d IN (1, 2) GROUP BY e",
        "SELECT a FROM t WHERE f(b, 1) = c  GROUP BY e",
    ]


def test_a_single_condition_is_dropped_with_its_keyword() -> None:
    assert changed("(SELECT a FROM t WHERE b = 1)", "conjunct") == ["(SELECT a FROM t )"]


def test_the_and_of_between_is_no_conjunction() -> None:
    sql = "SELECT a FROM t WHERE b BETWEEN 1 AND 2"

    assert changed(sql, "word") == []
    assert changed(sql, "conjunct") == ["SELECT a FROM t "]


def test_an_ordering_loses_its_tie_break_and_its_direction() -> None:
    assert changed("SELECT row_number() OVER (ORDER BY a, b)", "order") == [
        "SELECT row_number() OVER (ORDER BY a)",
        "SELECT row_number() OVER (ORDER BY a, b DESC)",
    ]


def test_a_partition_loses_its_last_column() -> None:
    assert changed("SELECT lag(a) OVER (PARTITION BY b, c ORDER BY d)", "partition") == [
        "SELECT lag(a) OVER (PARTITION BY b ORDER BY d)"
    ]


@pytest.mark.parametrize(
    ("sql", "rule", "expected"),
    [
        ("SELECT DISTINCT a", "distinct", "SELECT  a"),
        ("SELECT 1 UNION SELECT 2", "distinct", "SELECT 1 UNION ALL SELECT 2"),
        ("SELECT 1 UNION ALL SELECT 2", "distinct", "SELECT 1 UNION  SELECT 2"),
        ("SELECT a IS NULL", "null", "SELECT a IS NOT NULL"),
        ("SELECT a IS NOT NULL", "null", "SELECT a IS  NULL"),
        ("SELECT coalesce(a, f(b, c), 0)", "null", "SELECT coalesce(a, f(b, c))"),
        ("FROM a LEFT JOIN b", "join", "FROM a  JOIN b"),
        ("FROM a JOIN b", "join", "FROM a LEFT JOIN b"),
        ("HAVING count(*) > 10", "number", "HAVING count(*) > 11"),
        ("WHERE NOT a", "negation", "WHERE  a"),
        ("SELECT max(a) FROM t", "word", "SELECT min(a) FROM t"),
        ("--   price  /pricing/prompt  price\nSELECT 1", "column_cast",
         "--   price  /pricing/prompt  text\nSELECT 1"),
    ],
)  # fmt: skip
def test_each_rule_changes_one_thing(sql: str, rule: str, expected: str) -> None:
    assert expected in changed(sql, rule)


def test_comments_and_string_literals_are_not_mutated() -> None:
    sql = "-- a AND b\nSELECT 'x < y AND z'"

    assert mutants_of("x.sql", sql) == []


def test_create_or_replace_is_not_mutated() -> None:
    assert mutants_of("x.sql", "CREATE OR REPLACE VIEW v") == []
