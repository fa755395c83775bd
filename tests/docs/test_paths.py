"""Every file and folder that the documentation names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md")
    if path.name != "CHANGELOG.md"
)
PLACE = re.compile(r"`((?:eventlog|fetcher|projector|cli|tests|docs|bench)/[\w./-]+)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_and_link_of_a_page_exists(page: Path) -> None:
    text = page.read_text()

    for name in PLACE.findall(text):
        assert "bookshop" in name or (ROOT / name).exists(), name
    for name in LINK.findall(text):
        assert (page.parent / name).exists(), name


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_a_module_is_named_by_its_path_from_the_root(name: str) -> None:
    for path in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|sql|toml))`", (ROOT / name).read_text()):
        assert (ROOT / path).is_file(), path
