"""Each decision has a date and a status, and is listed in the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
LINE = re.compile(r"Date: (\d{4}-\d\d-\d\d)\. Status: (accepted|replaced by \[.+\]\(.+\))\.")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_decision_has_a_date_and_a_status_and_is_in_the_index(path: Path) -> None:
    title, blank, line = path.read_text().split("\n")[:3]
    match = LINE.fullmatch(line)

    assert title.startswith("# ") and blank == "" and match, line
    row = f"| [{title[2:]}]({path.name}) | {match[1]} | {match[2]} |"
    assert row in (FOLDER / "README.md").read_text().splitlines()
