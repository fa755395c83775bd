"""`status` tells what upstream changed in the form of its answers."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from eventlog.clock import DAY, HOUR, now_us
from projector.update import update
from tests.projector.logs import Page, Seen, write_log


def hindlog(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "cli.main", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_recent_drift_is_counted_with_the_command_that_shows_it(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text("")
    now = now_us()
    pages = [
        Page(at, [Seen("model", "a", body)], f"r{at}", "/models", 1, True)
        for at, body in (
            (now - 20 * DAY, {"name": "A"}),
            (now - 10 * DAY, {"name": "A", "old": 1}),
            (now - HOUR, {"name": "A", "old": 1, "links": {}}),
        )
    ]
    write_log(tmp_path, "openrouter", "0a0b0c0d", pages)
    update(tmp_path)
    told = hindlog(tmp_path, "status")

    (line,) = [each for each in told.splitlines() if each.startswith("drift\t")]
    count, _, command = line.removeprefix("drift\t").partition(": ")
    assert count == "1 in 7 days"
    assert "/links" in hindlog(tmp_path, *shlex.split(command)[1:]).splitlines()[1]
    (drift,) = json.loads(hindlog(tmp_path, "status", "--json"))["views"]["drift"]
    assert (drift["path"], drift["change"], drift["types"]) == ("/links", "new", ["object"])
