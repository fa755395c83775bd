"""kill -9 of updates and rebuilds at any step: writing a part, compaction, swapping the views."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.rounds import ROUNDS

pytestmark = pytest.mark.slow

SHARES = 2
ROUNDS_EACH = max(5, ROUNDS // 10 // SHARES)


@pytest.mark.parametrize("seed", range(SHARES))
def test_after_any_kill_the_next_update_gives_the_content_of_a_rebuild(
    tmp_path: Path, seed: int
) -> None:
    command = [sys.executable, "-m", "tests.crash.update_driver", str(tmp_path / "archive")]
    done = subprocess.run(
        [*command, str(ROUNDS_EACH), str(seed)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{ROUNDS_EACH} kills\n"
