"""Kills updates of views at random steps, and checks the views afterwards.

    extend the log ──> update, killed with SIGKILL at a random step or instant
                   ──> the views can still be read
    every few rounds: update ──> the same content as a build from scratch

Each of these runs in a child process, forked before any database was opened.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import attrs

from eventlog.clock import HOUR
from eventlog.files.listing import list_segments
from projector.query.open_views import open_views
from projector.update.check import check
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.compare_views import DEFINITIONS, SIBLINGS, views_that_differ
from tests.projector.logs import T0, Page, Seen, write_log
from tests.projector.small_limits import SMALL

EARLIEST = T0 - 2003 * HOUR
"""Instant before all listings, which are all in the past: views refuse an instant in the future."""
STEPS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.link"})
"""Audit events of the changes to the file system at which an update may be killed."""
MAX_STEPS = 60
MAX_WAIT_S = 0.6
ROUNDS_BETWEEN_CHECKS = 5
"""Number of rounds after which the content of the views is checked."""
LIMITS = attrs.evolve(SMALL, min_keyframe_rows=0, max_pairing_sightings=50)


def grow(root: Path, chance: random.Random) -> None:
    """Appends one to three hourly listings of a random time, by one of two writers."""
    hour = chance.randrange(1, 2000)
    pages = [
        Page(
            EARLIEST + (hour + n) * HOUR,
            [
                Seen("thing", id, {"id": id, "value": chance.randrange(3)})
                for id in chance.sample("abcdef", chance.randrange(1, 7))
            ],
            f"r{hour + n}",
            "/x",
            1,
            True,
        )
        for n in range(chance.randrange(1, 4))
    ]
    writer = chance.choice(("0000000a", "0000000b"))
    write_log(root, "shop", writer, pages, seal=chance.random() < 0.7)


def run_until_killed(action: Callable[[], object], chance: random.Random) -> None:
    """Runs an action and kills this process: at a random step, at a random time, or at its end."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if chance.random() < 0.6:
        steps_left = [chance.randrange(1, MAX_STEPS)]

        def hook(event: str, _args: object) -> None:
            if event in STEPS:
                steps_left[0] -= 1
                if steps_left[0] == 0:
                    die()

        sys.addaudithook(hook)
    else:
        threading.Timer(chance.uniform(0, MAX_WAIT_S), die).start()
    action()
    die()


def read_all_views(root: Path) -> None:
    """Reads every row of the views, if there are any."""
    if (root / "views" / "hindlog.duckdb").exists():
        connection = open_views(root)
        for view in ("things", "things_all", "things_versions", "things_changes"):
            connection.execute(f"FROM shop.{view}").fetchall()


def check_content(root: Path) -> None:
    """Checks that an update after the kills gives the same content as a build from scratch."""
    assert update(root, definitions=DEFINITIONS, limits=LIMITS).failed == ()
    assert check(root, definitions=DEFINITIONS, limits=LIMITS) == []
    hours = {segment.name.starts_at for segment in list_segments(root, "shop")}
    no_keyframes = attrs.evolve(LIMITS, min_keyframe_rows=10**9)
    instants = sorted(hours)[::7]
    assert views_that_differ(root, DEFINITIONS, SIBLINGS, instants, limits=no_keyframes) == []
    file_kinds = {kind for kind in "spkr" for _ in (root / "views").rglob(f"{kind}-2*.parquet")}
    assert file_kinds == set("spkr")
    leftovers = [path for path in (root / "views").rglob("*.tmp") if "aside" in str(path)]
    assert not leftovers


def run_in_child(action: Callable[[], object]) -> int:
    """Runs an action in a child process. Returns its exit status, or minus the fatal signal."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, rounds: int, seed: int) -> int:
    """Runs the rounds. Returns 1 if a kill did not happen or a check failed, else 0."""
    chance = random.Random(seed)
    (root / "log").mkdir(parents=True)
    kills = 0
    for number in range(1, rounds + 1):
        round_chance = random.Random(chance.random())
        if round_chance.random() < 0.7 and run_in_child(
            lambda round_chance=round_chance: grow(root, round_chance)
        ):
            return 1
        action = rebuild_views if round_chance.random() < 0.3 else update
        ended = run_in_child(
            lambda action=action, round_chance=round_chance: run_until_killed(
                lambda: action(root, definitions=DEFINITIONS, limits=LIMITS), round_chance
            )
        )
        kills += ended == -signal.SIGKILL
        if ended != -signal.SIGKILL or run_in_child(lambda: read_all_views(root)):
            return 1
        if number % ROUNDS_BETWEEN_CHECKS == 0 and run_in_child(lambda: check_content(root)):
            return 1
    print(f"{kills} kills")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
