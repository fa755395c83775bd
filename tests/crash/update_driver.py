"""Kills updates of views, and asks afterwards whether anything came of it.

    grow the log ──> update, killed -9 at a random step or instant ──> the views still answer
    every few rounds: update ──> the same content as built from nothing

Each part runs in a process of its own, forked before any database was opened.
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
from tests.projector.logs import T0, Page, Seen, write_log
from tests.projector.roads import DEFINITIONS, SIBLINGS, differing
from tests.projector.small_limits import SMALL

STEPS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.link"})
MOST_STEPS = 60
LONGEST_S = 0.6
CHECKED = 5
"""So many rounds go by between two looks at the content."""
FEW = attrs.evolve(SMALL, min_keyframe_rows=0, max_pairing_sightings=50)


def grow(root: Path, chance: random.Random) -> None:
    """An hour or two more of listings, some late, by one of two writers."""
    hour = chance.randrange(1, 2000)
    pages = [
        Page(
            T0 + (hour + n) * HOUR,
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


def killed(act: Callable[[], object], chance: random.Random) -> None:
    """Do something until a step, or an instant, at which this process dies."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if chance.random() < 0.6:
        left = [chance.randrange(1, MOST_STEPS)]

        def hook(event: str, _args: object) -> None:
            if event in STEPS:
                left[0] -= 1
                if left[0] == 0:
                    die()

        sys.addaudithook(hook)
    else:
        threading.Timer(chance.uniform(0, LONGEST_S), die).start()
    act()
    die()


def answers(root: Path) -> None:
    """The views that are there, if any, can be read to their end."""
    if (root / "views" / "hindlog.duckdb").exists():
        connection = open_views(root)
        for view in ("things", "things_all", "things_versions", "things_changes"):
            connection.execute(f"FROM shop.{view}").fetchall()


def is_right(root: Path) -> None:
    """An update after all those kills gives what the log says."""
    assert update(root, definitions=DEFINITIONS, limits=FEW).failed == ()
    assert check(root, definitions=DEFINITIONS, limits=FEW) == []
    hours = {each.name.starts_at for each in list_segments(root, "shop")}
    never = attrs.evolve(FEW, min_keyframe_rows=10**9)
    instants = sorted(hours)[::7]
    assert differing(root, DEFINITIONS, SIBLINGS, instants, limits=never) == []
    keyframed = {kind for kind in "spkr" for _ in (root / "views").rglob(f"{kind}-2*.parquet")}
    assert keyframed == set("spkr")
    crumbs = [path for path in (root / "views").rglob("*.tmp") if "aside" in str(path)]
    assert not crumbs


def apart(act: Callable[[], object]) -> int:
    """Do it in a process of its own; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, rounds: int, seed: int) -> int:
    chance = random.Random(seed)
    (root / "log").mkdir(parents=True)
    kills = 0
    for number in range(1, rounds + 1):
        luck = random.Random(chance.random())
        if luck.random() < 0.7 and apart(lambda luck=luck: grow(root, luck)):
            return 1
        act = rebuild_views if luck.random() < 0.3 else update
        ended = apart(
            lambda act=act, luck=luck: killed(
                lambda: act(root, definitions=DEFINITIONS, limits=FEW), luck
            )
        )
        kills += ended == -signal.SIGKILL
        if ended != -signal.SIGKILL or apart(lambda: answers(root)):
            return 1
        if number % CHECKED == 0 and apart(lambda: is_right(root)):
            return 1
    print(f"{kills} kills")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
