"""kill -9 of a crawl under faults at random instants: no served page is lost or invented."""

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
FAULTS = (
    "429:0.05,503:0.05,html:0.03,cut:0.03,torn:0.03,hostile:0.1,repeat:0.1,slow:0.05:0.1,"
    "encoding:0.1,bom:0.1,badheader:0.03,longheader:0.05,oddid:0.1,errorbody:0.03"
)
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
pool_policy = eager if sys.argv[4] == "processes" else PoolPolicy(max_processes=0)
asyncio.run(run_once(
    Crawler(root, "1a2b3c4d", now_us, pool_policy=pool_policy),
    Upstream(source, sys.argv[3], requests_per_minute=600_000, policy=policy),
))
"""


async def crawl(
    root: Path, name: str, base_url: str, split_in: str, kill_after_s: float | None
) -> int:
    """Crawls in a process, which is killed after `kill_after_s`. Returns its exit status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", CRAWLER, str(root), name, base_url, split_in),
        cwd=Path(__file__).parents[2],
    )
    try:
        return await asyncio.wait_for(process.wait(), kill_after_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself just now
            process.send_signal(signal.SIGKILL)
        return await process.wait()


@pytest.mark.parametrize(
    ("name", "split_in"),
    [("civitai", "crawler"), ("civitai", "processes"), ("openrouter", "crawler")],
)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_crawl_under_faults_that_is_killed_repeatedly_loses_no_page(
    tmp_path: Path, name: str, split_in: str, seed: int
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
                await crawl(tmp_path, name, base_url, split_in, chance.uniform(0.3, 1.3))
            assert await crawl(tmp_path, name, base_url, split_in, None) == 0

    asyncio.run(go())

    events = lines(tmp_path, name)
    split_pages = {digest(body) for body in responses(tmp_path, name)}
    anomalies = {digest(exact_body(event) or b"") for event in events if event.kind == ANOMALY}
    last_of = {path: digest(body) for path, status, body in served if status == 200}
    lost = {path for path, body in last_of.items() if body not in split_pages | anomalies}
    assert lost == set()
    assert split_pages <= {digest(body) for _, _, body in served}
    assert {task.state for task in list_runs(tmp_path, name, now_us)} == {COMPLETED}
    requests = [(event.run, str(event.params)) for event in events if event.kind == PAGE]
    assert len(set(requests)) == len(requests)


def test_the_crawler_writes_as_the_writer_that_the_test_reads() -> None:
    assert f'Crawler(root, "{WRITER}"' in CRAWLER
