"""Whatever goes wrong, bucket, archives and what was pulled are equal in the end.

The seed is printed: `HINDLOG_SOAK_SEED` repeats a run, `HINDLOG_SOAK_SECONDS` makes it longer
(`make soak`). Instants of kills differ from run to run, the damage of the line does not.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mirror.soak_processes import random_damage
from tests.object_store.environment import CACHE, has_user_attributes, server_python
from tests.object_store.fault_proxy import Damage


def test_a_seed_has_the_same_damage_each_time_and_flips_only_if_asked() -> None:
    first, again = ([random_damage(random.Random(7), True) for _ in range(2)] for _ in range(2))
    assert first == again
    chance = random.Random(7)
    damages = [random_damage(chance, False) for _ in range(1000)]
    assert damages.count(Damage()) > 400 and any(x.lose_response for x in damages)
    assert all(x.flip_up is x.flip_down is None for x in damages)
    assert any(random_damage(chance, True).flip_up for _ in range(1000))


@pytest.mark.slow
def test_three_writers_and_a_reader_survive_kills_and_a_broken_line(tmp_path: Path) -> None:
    server_python()  # skips the test where the server cannot be installed
    folder = tmp_path
    if not has_user_attributes(folder):
        folder = CACHE / f"soak-{os.getpid()}"
        folder.mkdir()
    seconds = os.environ.get("HINDLOG_SOAK_SECONDS") or "10"
    seed = os.environ.get("HINDLOG_SOAK_SEED") or str(random.SystemRandom().randrange(10**6))

    command = [sys.executable, "-m", "tests.mirror.soak", folder, seconds, seed]
    assert subprocess.run(command, check=False).returncode == 0
