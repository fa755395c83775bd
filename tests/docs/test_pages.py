"""Every block of commands in docs/ runs, or says why it does not; tables name what exists."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.output.exit_codes import MEANINGS
from tests.docs.blocks import SHELL, Block, blocks_of
from tests.docs.test_readme import environment, upstream

__all__ = ["upstream"]
DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("concepts.md", "time.md", "messages.md", "privacy.md", "operations.md", "cluster.md")
"""The pages whose commands are run here, one after the other, in one archive."""
ELSEWHERE = {
    "cli.md": "tests/cli/test_program_examples.py",
    "mirror.md": "tests/docs/test_mirror.py",
}
"""The test that runs the commands of a page."""


def run_block(block: Block, folder: Path, upstream: str) -> str:
    """Runs a block in a shell; returns its stderr."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.script],
        cwd=folder,
        env={**environment(upstream), "HINDLOG_ARCHIVE": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
    return done.stderr


@pytest.mark.slow
def test_the_blocks_of_the_pages_run(tmp_path: Path, upstream: str) -> None:
    first = "hindlog init data\nhindlog -q fetch run --once\nhindlog -q view update\n"
    run_block(Block("sh", first, None, None), tmp_path, upstream)

    for name in PAGES:
        for block in blocks_of((DOCS / name).read_text()):
            if block.reason is None:
                err = run_block(block, tmp_path, upstream)
                assert "Traceback" not in err
                assert block.message is None or block.message in err, block.text


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_block_of_commands_is_run_or_says_why_not(path: Path) -> None:
    blocks = [block for block in blocks_of(path.read_text()) if block.language in SHELL]

    if path.name in ELSEWHERE:
        assert path.name in (DOCS.parent / ELSEWHERE[path.name]).read_text() or blocks
    elif path.name not in PAGES:
        tests = "".join(test.read_text() for test in Path(__file__).parent.glob("test_*.py"))
        assert not blocks or path.name in tests or path.stem in tests, path.name
    for block in blocks:
        assert block.language == "sh" or block.reason, block.text


def test_a_block_says_its_exit_codes_and_why_it_is_not_run() -> None:
    page = "<!-- not run: root -->\n```sh\nrm x\n```\n\n```sh\nls nowhere   # exits with 2\n```\n"

    skipped, failing = blocks_of(page)
    assert (skipped.reason, failing.reason) == ("root", None)
    assert failing.script == "code=0; ls nowhere || code=$?; test $code -eq 2\n"


def test_the_table_of_exit_codes_is_complete() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", (DOCS / "messages.md").read_text(), re.M)

    assert {int(code): meaning for code, meaning in rows} == MEANINGS


def test_the_index_of_the_site_names_every_page() -> None:
    menu = (DOCS.parent / "mkdocs.yml").read_text()

    for page in DOCS.glob("*.md"):
        assert page.name in menu or f"/{page.name}" in menu, page.name
