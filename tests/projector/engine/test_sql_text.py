"""SQL text: templates without their comments, literals and names."""

import duckdb
import pytest

from projector.engine.sql_text import fill, identifier, literal, literals, template_text


@pytest.mark.parametrize("text", ["", "plain", "it's", "''", 'a "b"', "a\nb", "--", "\\'", "é"])
def test_a_literal_is_read_as_the_same_text(text: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


def test_literals_are_separated_by_commas() -> None:
    assert literals(["a", "b'c"]) == "'a', 'b''c'"
    assert literals([]) == ""


def test_an_identifier_is_quoted_and_any_other_text_is_refused() -> None:
    assert [identifier(name) for name in ("models", "my-shop", "_x1")] == [
        *('"models"', '"my-shop"', '"_x1"')
    ]
    for text in ("", "Models", "1st", 'a"b', "a b", "a;b", "a\n"):
        with pytest.raises(ValueError, match="expected a name"):
            identifier(text)


def test_a_template_is_filled_without_its_comments() -> None:
    assert template_text("export").startswith("--")
    assert fill("export", columns="*", view="v", target="'f'", options="o") == (
        "COPY (SELECT * FROM v ORDER BY ALL) TO 'f' (o)"
    )


def test_a_placeholder_without_a_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="options"):
        fill("export", columns="*", view="v", target="'f'")
