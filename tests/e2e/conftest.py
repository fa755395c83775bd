"""One small archive for all these tests, crawled over HTTP from the simulated upstream."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.config.load import default_toml
from eventlog.clock import HOUR, hour_start, now_us
from fetcher.service.rehearsal import rehearse
from tests.made_once import made_once

ROOT = Path(__file__).parents[2]
HOURS = 3
PATIENCE_S = 600
"""Time after which a process is taken to hang, also on a busy machine."""

Begin = Callable[..., "subprocess.Popen[Any]"]


def environment(**variables: str) -> dict[str, str]:
    """Returns the environment without hindlog's variables, with `variables`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HINDLOG_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **variables}


def hindlog(*arguments: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs the program as a user does, with its streams as pipes."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts a process that is killed at the end of the test if it still runs."""
    with contextlib.ExitStack() as started:

        def popen(args: Sequence[str], **more: Any) -> "subprocess.Popen[Any]":
            process = started.enter_context(subprocess.Popen(args, **more))
            started.callback(process.kill)
            return process

        yield popen


@pytest.fixture(scope="session")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with three hours of both sources, and its views. Not to be changed."""
    return made_once(tmp_path_factory, "crawled", _crawl) / "archive"


def _crawl(folder: Path) -> None:
    root = folder / "archive"
    (root / "log").mkdir(parents=True)
    (root / "hindlog.toml").write_text(default_toml())
    end = hour_start(now_us()) - HOUR
    asyncio.run(rehearse(root, 5, end - HOURS * HOUR, end, lambda *_: None))
    done = hindlog("view", "update", cwd=root)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def archive(crawled: Path, tmp_path: Path) -> Path:
    """A copy of `crawled` that a test may change."""
    return Path(shutil.copytree(crawled, tmp_path / "archive"))
