"""The generated page of the views is current and complete."""

import re
from collections.abc import Mapping
from pathlib import Path

from cli.views_reference import views_page
from projector.update.view_columns import Columns

ROOT = Path(__file__).parents[2]


def test_the_reference_of_views_is_current(view_columns: Mapping[str, Columns]) -> None:
    assert (ROOT / "docs/views.md").read_text() == views_page(view_columns), "run: make docs"


def test_the_reference_of_views_lists_every_column_of_a_view_once(
    view_columns: Mapping[str, Columns],
) -> None:
    _, _, section = views_page(view_columns).partition("## civitai.models\n")
    rows = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.M)

    shared = [name for name, _ in view_columns["civitai.models"] if name.startswith("_")]
    assert [*rows, *shared] == [name for name, _ in view_columns["civitai.models"]]
