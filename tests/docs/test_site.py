"""The documentation is built as a site without warnings, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=\"(https?:)?//")


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_without_other_hosts(tmp_path: Path) -> None:
    site = tmp_path / "site"

    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", site],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(list((ROOT / "docs").rglob("*.md")))
    assert [page.name for page in pages if LOADED.search(page.read_text())] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", styles)


def test_the_picture_of_the_readme_names_no_font_file_and_no_host() -> None:
    picture = (ROOT / "docs/hindlog.svg").read_text()

    assert "docs/hindlog.svg" in (ROOT / "README.md").read_text()
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    assert "url(https" not in picture and "hindlog changes" in picture.replace("&#160;", " ")
