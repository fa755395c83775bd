"""Crawling: 60,000 images, against Scrapy writing JSON lines from the same upstream.

Ours has every fsync, hash and roster on. Scrapy is not a dependency: name a Python that
has it in HINDLOG_SCRAPY, else only our own figures are shown.
"""

import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from aiohttp import web

PAGES, PER_PAGE, ROUNDS = 300, 200, 3

SPIDER = """
import scrapy
from scrapy.crawler import CrawlerProcess

class Images(scrapy.Spider):
    name = "images"
    start_urls = ["{origin}/images"]

    def parse(self, response):
        page = response.json()
        yield from page["items"]
        cursor = page["metadata"].get("nextCursor")
        if cursor:
            yield response.follow(f"/images?cursor={{cursor}}", self.parse)

process = CrawlerProcess({{
    "FEEDS": {{"{out}": {{"format": "jsonlines"}}}}, "LOG_LEVEL": "ERROR", "DOWNLOAD_DELAY": 0,
    "TELNETCONSOLE_ENABLED": False,
}})
process.crawl(Images)
process.start()
"""


def image(number: int) -> dict[str, object]:
    """An item of `/images` as large as they are."""
    name = f"{number:08x}-61ad-4276-85f7-68b7cd4c7a10"
    return {
        "id": number,
        "url": f"https://image.civitai.com/xG1nkqKTMzGDvpLrqFT7WA/{name}/original=true/{name}.jpeg",
        "hash": "UgLWqq-:RjRP*0bIWVkBkqWAogxuoeays:kC",
        "width": 512,
        "height": 768,
        "nsfwLevel": "None",
        "browsingLevel": 1,
        "createdAt": "2025-01-11T13:43:59.244Z",
        "postId": number // 3,
        "stats": {"likeCount": number % 1296, "heartCount": 305, "commentCount": 2},
        "meta": {
            "seed": number * 977,
            "steps": 25,
            "prompt": f"a lighthouse number {number} in fog, <lora:harbour:0.8>, soft light " * 3,
            "sampler": "Euler a",
            "cfgScale": 4,
            "negativePrompt": "lowres, text, error, worst quality, low quality, jpeg artifacts",
            "civitaiResources": [{"type": "checkpoint", "modelVersionId": 1218156}],
        },
        "username": f"user{number % 500}",
        "baseModel": "SD 1.5",
        "modelVersionIds": [1218156],
    }


def serve(ready: "multiprocessing.Queue[int]") -> None:
    """The upstream: pages made beforehand, so that it costs next to nothing."""
    pages = []
    for page in range(PAGES):
        items = [image(page * PER_PAGE + place) for place in range(PER_PAGE)]
        onward = {"nextCursor": str(page + 1)} if page + 1 < PAGES else {"total": PAGES}
        made = {"items": items, "metadata": onward}
        pages.append(json.dumps(made, separators=(",", ":")).encode())

    async def handle(request: web.Request) -> web.Response:
        body = pages[int(request.query.get("cursor", 0))]
        return web.Response(body=body, content_type="application/json")

    async def forever() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


def ours(origin: str) -> None:
    """Crawl in this process; prints entities and the most memory it took, in MiB."""
    from eventlog.clock import now_us
    from fetcher.sources import SOURCES
    from fetcher.sync import run_once

    with tempfile.TemporaryDirectory() as root:
        told = asyncio.run(
            run_once(
                Path(root),
                SOURCES["civitai"],
                base_url=origin,
                key=None,
                writer="1a2b3c4d",
                now=now_us,
                listings=["images"],
                requests_per_minute=10_000_000,
            )
        )
    print(told.total("stored"), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def timed(command: list[str]) -> tuple[float, str]:
    """Seconds a process took, its start included, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, done.stdout


def theirs(python: str, origin: str) -> float:
    """Seconds that Scrapy takes."""
    with tempfile.TemporaryDirectory() as folder:
        out, spider = Path(folder) / "out.jl", Path(folder) / "images.py"
        spider.write_text(SPIDER.format(origin=origin, out=out))
        took, _ = timed([python, str(spider)])
        assert out.read_bytes().count(b"\n") == PAGES * PER_PAGE
    return took


def main() -> None:
    """Both in turn, and the ratio of the medians."""
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    upstream = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    upstream.start()
    origin = f"http://127.0.0.1:{ready.get()}"
    scrapy = os.environ.get("HINDLOG_SCRAPY")
    mine, others, memory = [], [], 0
    for _ in range(ROUNDS):
        took, said = timed([sys.executable, __file__, origin])
        stored, held = map(int, said.split())
        assert stored == PAGES * PER_PAGE
        mine.append(took)
        memory = max(memory, held)
        if scrapy:
            others.append(theirs(scrapy, origin))
    count = PAGES * PER_PAGE
    print(f"hindlog: {count / median(mine):,.0f} images/s, most memory {memory} MiB")
    if others:
        print(f"scrapy:  {count / median(others):,.0f} images/s")
        print(f"ratio:   {median(others) / median(mine):.1f}")
    upstream.kill()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    ours(sys.argv[1]) if len(sys.argv) > 1 else main()
