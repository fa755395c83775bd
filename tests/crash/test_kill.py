"""kill -9 of real writers, sealers and tailers at random instants."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.rounds import ROUNDS

pytestmark = pytest.mark.sampled

SHARES = 4


@pytest.mark.parametrize("seed", range(SHARES))
def test_every_batch_acknowledged_before_a_kill_is_in_the_log(tmp_path: Path, seed: int) -> None:
    command = [sys.executable, "-m", "tests.crash.driver", str(tmp_path)]
    done = subprocess.run(
        [*command, str(ROUNDS // SHARES), str(seed)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{ROUNDS // SHARES} kills" in done.stdout
