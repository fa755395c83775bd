"""Every benchmark still runs: each script, at its smallest size, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "bench").glob("bench_*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_runs_at_its_smallest_size(script: Path, tmp_path: Path) -> None:
    """The figures are not checked: at this size they mean nothing."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("HINDLOG_")}

    result = subprocess.run(
        [sys.executable, str(script)],
        env={**env, "HINDLOG_BENCH": "smallest", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
    assert not result.stdout.startswith("skipped")
    assert list(tmp_path.iterdir()) == []
