"""The README is correct: its blocks of commands run, in order."""

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.clock import now_us
from fetcher.simulator.app import serve
from fetcher.simulator.catalog import World
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """The simulated upstream on a free port, in its own thread."""
    loop = asyncio.new_event_loop()
    origin: list[str] = []
    ready, done = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serve(World(3, civitai_models=20, openrouter_models=12), now_us) as address:
            origin.append(address)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(30)
    yield origin[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def environment(upstream: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HINDLOG_")}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HINDLOG_OPENROUTER_BASE_URL": upstream,
        "HINDLOG_CIVITAI_BASE_URL": f"{upstream}/civitai/api/v1",
        "HINDLOG_CIVITAI_REQUESTS_PER_MINUTE": "1000000",
        "HINDLOG_OPENROUTER_REQUESTS_PER_MINUTE": "1000000",
    }


@pytest.mark.slow
def test_the_blocks_of_the_readme_run_in_order(tmp_path: Path, upstream: str) -> None:
    blocks = [block for block in blocks_of(README) if block.reason is None]

    for block in blocks[1:]:  # CI runs the first one
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.script],
            cwd=tmp_path,
            env=environment(upstream),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr

    assert len(blocks) >= 5
    assert (tmp_path / "data/views/hindlog.duckdb").exists()


def test_the_two_first_commands_are_targets_and_ci_runs_them() -> None:
    first = [line.split("#")[0].strip() for line in next(blocks_of(README)).text.splitlines()]
    makefile, ci = (ROOT / "Makefile").read_text(), (ROOT / ".ci/run").read_text()

    assert first == ["make demo", "make test"]
    for command in first:
        assert f"\n{command.split()[1]}: " in makefile
        assert command in ci.splitlines()


def test_every_link_of_the_documentation_has_a_target() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
