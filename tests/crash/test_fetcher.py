"""Kill -9 at random instants, under faults: nothing served is lost, nothing invented."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from eventlog.clock import now_us
from eventlog.format.event import ANOMALY, PAGE, exact_body
from eventlog.format.manifest import digest
from fetcher.service.queue_commands import list_runs
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.world import World
from fetcher.state.task import COMPLETED
from tests.extent import few_or_all
from tests.fetcher.making import WRITER, lines, responses

pytestmark = pytest.mark.slow
ROUNDS = max(1, int(os.environ.get("HINDLOG_CRASH_ROUNDS") or few_or_all(6, 24)) // 6)
FAULTS = "429:0.05,503:0.05,html:0.03,cut:0.03,torn:0.03,hostile:0.1,repeat:0.1,slow:0.05:0.1"
WORLD = World(7, 60, 30)

CRAWLER = """
import asyncio, sys
from pathlib import Path
from eventlog.clock import now_us
from fetcher.net.retry import RetryPolicy
from fetcher.sources import SOURCES
from fetcher.split.pool import PoolPolicy
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.sync import run_once
root, source = Path(sys.argv[1]), SOURCES[sys.argv[2]]
eager = PoolPolicy(
    max_processes=2, min_split_bytes=0, min_split_share=0.0, min_page_bytes=0
)
policy = RetryPolicy(attempts=12, base_s=0.001, max_wait_s=0.01, max_retry_after_s=0.01)
pool_policy = eager if sys.argv[4] == "apart" else PoolPolicy(max_processes=0)
asyncio.run(run_once(
    Crawler(root, "1a2b3c4d", now_us, pool_policy=pool_policy),
    Upstream(source, sys.argv[3], requests_per_minute=600_000, policy=policy),
))
"""


async def crawl(
    root: Path, name: str, base_url: str, where: str, kill_after_s: float | None
) -> int:
    """One process that crawls; killed after so many seconds, if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", CRAWLER, str(root), name, base_url, where),
        cwd=Path(__file__).parents[2],
    )
    try:
        return await asyncio.wait_for(process.wait(), kill_after_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            process.send_signal(signal.SIGKILL)
        return await process.wait()


@pytest.mark.parametrize(
    ("name", "where"), [("civitai", "here"), ("civitai", "apart"), ("openrouter", "here")]
)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_crawl_under_faults_that_is_killed_again_and_again_loses_nothing(
    tmp_path: Path, name: str, where: str, seed: int
) -> None:
    chance = random.Random(f"{name} {seed}")
    served: list[tuple[str, int, bytes]] = []
    instant = now_us()

    async def go() -> None:
        app = make_app(
            WORLD,
            lambda: instant,
            parse_faults(FAULTS),
            lambda path, status, body: served.append((path, status, body)),
        )
        async with serve(app, lambda: instant) as origin:
            base_url = origin + ("/civitai/api/v1" if name == "civitai" else "")
            for _ in range(4):
                await crawl(tmp_path, name, base_url, where, chance.uniform(0.3, 1.3))
            assert await crawl(tmp_path, name, base_url, where, None) == 0

    asyncio.run(go())

    found = lines(tmp_path, name)
    taken_apart = {digest(body) for body in responses(tmp_path, name)}
    kept = taken_apart | {digest(exact_body(each) or b"") for each in found if each.kind == ANOMALY}
    last_of = {path: digest(body) for path, status, body in served if status == 200}
    assert {path for path, body in last_of.items() if body not in kept} == set()
    assert taken_apart <= {digest(body) for _, _, body in served}
    assert {task.state for task in list_runs(tmp_path, name, now_us)} == {COMPLETED}
    asked = [(each.run, str(each.params)) for each in found if each.kind == PAGE]
    assert len(set(asked)) == len(asked)


def test_the_writer_of_the_crawler_is_the_one_looked_at() -> None:
    assert f'Crawler(root, "{WRITER}"' in CRAWLER
