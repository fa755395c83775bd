"""One small archive, crawled over HTTP from the built-in upstream, for all these tests."""

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

ROOT = Path(__file__).parents[2]
HOURS = 3
PATIENCE_S = 600
"""No test waits so long for a process, however busy the machine is."""

Begin = Callable[..., "subprocess.Popen[Any]"]


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HINDLOG_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def hindlog(*arguments: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """The program as a user runs it, in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts a program; what still runs at the end of the test is killed."""
    with contextlib.ExitStack() as started:

        def popen(args: Sequence[str], **more: Any) -> "subprocess.Popen[Any]":
            process = started.enter_context(subprocess.Popen(args, **more))
            started.callback(process.kill)
            return process

        yield popen


@pytest.fixture(scope="session")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of both sources, with its views."""
    root = tmp_path_factory.mktemp("crawled") / "archive"
    (root / "log").mkdir(parents=True)
    (root / "hindlog.toml").write_text(default_toml())
    end = hour_start(now_us()) - HOUR
    asyncio.run(rehearse(root, 5, end - HOURS * HOUR, end, lambda *_: None))
    done = hindlog("view", "update", cwd=root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def archive(crawled: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(crawled, tmp_path / "archive"))
