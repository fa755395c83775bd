"""The recipes of docs/sql-recipes.md run, and print what the page shows."""

from pathlib import Path

import pytest

from tests.docs.recipes import PAGE, RECIPE, make_archive, with_outputs


@pytest.mark.slow
def test_every_recipe_prints_what_the_page_shows(tmp_path: Path) -> None:
    make_archive(tmp_path / "archive")

    page = PAGE.read_text()
    assert page == with_outputs(page, tmp_path / "archive"), "run: python -m tests.docs.recipes"


def test_there_are_as_many_recipes_as_the_page_says_and_each_shows_rows() -> None:
    page = PAGE.read_text()
    recipes = list(RECIPE.finditer(page))

    assert page.startswith(f"# {len(recipes)} recipes in SQL\n")
    assert page.count("```sql\n") == page.count("\n### ") == len(recipes)
    assert [it["query"] for it in recipes if it["output"].count("\n") < 3] == []
