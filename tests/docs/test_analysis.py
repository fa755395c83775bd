"""The blocks of docs/analysis.md run, each for which its tool is installed."""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of
from tests.docs.recipes import make_archive
from tests.docs.test_readme import ROOT, environment

BLOCKS = [*blocks_of((ROOT / "docs" / "analysis.md").read_text())]
NO_DEPENDENCIES = {"pandas", "polars", "ibis"}


def packages(code: str) -> set[str]:
    """Returns the names of the packages that a block of Python imports."""
    imports = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import))
    return {name.name.partition(".")[0] for node in imports for name in node.names}


def can_run(block: Block) -> bool:
    return block.language == "sh" or all(find_spec(name) for name in packages(block.text))


@pytest.mark.slow
def test_the_blocks_of_the_page_run_in_order(tmp_path: Path) -> None:
    make_archive(tmp_path / "data", hours=2)

    for block in BLOCKS:
        if block.reason is None and block.language in ("sh", "python") and can_run(block):
            shell = ["bash", "-euo", "pipefail", "-c"]
            done = subprocess.run(
                [*(shell if block.language == "sh" else [sys.executable, "-c"]), block.text],
                cwd=tmp_path,
                env=environment("http://127.0.0.1:9"),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
            assert block.language == "sh" or done.stdout.strip(), "a block shows something"


def test_each_tool_that_is_no_dependency_has_a_block() -> None:
    used = [packages(block.text) for block in BLOCKS if block.language == "python"]

    assert set().union(*used) & NO_DEPENDENCIES == NO_DEPENDENCIES
