"""Crawl of 60,000 images, against Scrapy writing JSON lines from the same upstream.

hindlog runs with every fsync, hash and roster. Both programs request the same 300 pages of
200 images of about 2 kB, page by page along the cursor. The upstream is a process of its own
that only sends bytes made beforehand. The duration of a crawl runs from the first request, as
seen by the upstream, until the crawling process has ended; it includes the start of hindlog's
processes that split pages. Memory is the sum of the peaks of all of hindlog's processes, so
shared memory counts once per process.

Scrapy is not a dependency: `HINDLOG_SCRAPY` names a Python that has it; the default is the
Python that runs the script. Without Scrapy, only hindlog is measured. At the smallest size
(`HINDLOG_BENCH=smallest`) there are 3 pages of 20 images, and Scrapy is not run.
"""

import asyncio
import importlib.util
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import attrs
from measuring import IS_SMALLEST, cpu_seconds, record_peaks, sized

if TYPE_CHECKING:
    from fetcher.source import Source

PAGES, PER_PAGE = sized((300, 200), (3, 20))
COUNT = PAGES * PER_PAGE
ROUNDS = int(os.environ.get("HINDLOG_BENCH_ROUNDS", sized("5", "1")))
TARGET, MAX_MEMORY_MIB = 8.0, 150

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
    "FEEDS": {{"{out}": {{"format": "jsonlines"}}}}, "LOG_LEVEL": "ERROR",
    "TELNETCONSOLE_ENABLED": False,
}})
process.crawl(Images)
process.start()
"""

TEXT = (
    "lighthouse fog harbour soft light masterpiece portrait detailed cinematic rain neon street "
    "forest ancient castle dusk golden hour watercolour ink sketch depth of field bokeh film "
    "grain 35mm volumetric moss river mountain crowd market été 光 glow"
)
WORDS = TEXT.split()


def image(number: int, chance: random.Random) -> dict[str, object]:
    """Returns an item of `/images`, as long as a real one."""
    name = f"{chance.getrandbits(32):08x}-61ad-4276-85f7-{chance.getrandbits(48):012x}"
    prompt = " ".join(chance.choices(WORDS, k=chance.randint(40, 120)))
    return {
        "id": 50_000_000 - number,
        "url": f"https://image.civitai.com/xG1nkqKTMzGDvpLrqFT7WA/{name}/original=true/{name}.jpeg",
        "hash": "UgLWqq-:RjRP*0bIWVkBkqWAogxuoeays:kC",
        "width": 832,
        "height": 1216,
        "nsfwLevel": "None",
        "type": "image",
        "nsfw": False,
        "browsingLevel": 1,
        "createdAt": "2025-01-11T13:43:59.244Z",
        "postId": 11_459_763 - number // 3,
        "stats": {
            "cryCount": chance.randint(0, 90),
            "laughCount": chance.randint(0, 200),
            "likeCount": chance.randint(0, 1300),
            "dislikeCount": 0,
            "heartCount": chance.randint(0, 400),
            "commentCount": 2,
        },
        "meta": generation_data(number, prompt, chance),
        "username": f"user{number % 5000}",
        "baseModel": "SD 1.5",
        "modelVersionIds": [1_218_156, 106_916 + number % 900],
    }


def generation_data(number: int, prompt: str, chance: random.Random) -> dict[str, object]:
    """Returns the `meta` of an image: the parameters that it was generated with."""
    return {
        "Size": "832x1216",
        "seed": chance.getrandbits(50),
        "Model": "harbourLights_v70",
        "steps": 25,
        "hashes": {"model": f"{chance.getrandbits(40):010x}", "lora:fog": "0e2c262559"},
        "prompt": f"{prompt},\n<lora:harbour:0.8>, (soft light:1.2), BREAK, {prompt[:80]}",
        "Version": "v1.10.1",
        "sampler": "Euler a",
        "cfgScale": 4.5,
        "clipSkip": 2,
        "resources": [
            {"hash": "0e2c262559", "name": "fog", "type": "lora", "weight": 0.8},
            {"hash": f"{chance.getrandbits(40):010x}", "name": "harbour", "type": "model"},
        ],
        "Created Date": "2025-01-11T1343:22.2770000Z",
        "negativePrompt": 'lowres, text, error, worst quality, low quality, "signature", '
        + " ".join(chance.choices(WORDS, k=20)),
        "Denoising strength": "0.35",
        "civitaiResources": [
            {"type": "checkpoint", "modelVersionId": 1_218_156, "modelVersionName": "v7.0"},
            {"type": "lora", "weight": 0.8, "modelVersionId": 106_916 + number % 900},
        ],
    }


def make_responses() -> list[bytes]:
    """Returns the upstream's HTTP responses, headers and body, one per page."""
    chance = random.Random(7)
    responses = []
    for page in range(PAGES):
        items = [image(page * PER_PAGE + index, chance) for index in range(PER_PAGE)]
        cursor = {"nextCursor": f"{page + 1}|1736603039244"} if page + 1 < PAGES else {}
        listing = {"items": items, "metadata": {**cursor, "pageSize": PER_PAGE}}
        body = json.dumps(listing, separators=(",", ":"), ensure_ascii=False).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        responses.append(head.encode() + b"\r\n\r\n" + body)
    return responses


def serve(notices: Connection) -> None:
    """Runs the upstream. Sends (port, bytes) once, then the time of each request for page one."""
    responses = make_responses()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            request = await reader.readuntil(b"\r\n\r\n")
            _, _, cursor = request.split(b" ", 2)[1].partition(b"cursor=")
            if not cursor:
                notices.send(time.monotonic())
            number = int(cursor.partition(b"%")[0].partition(b"|")[0].partition(b"&")[0] or 0)
            writer.write(responses[number])

    async def respond_until_closed(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await respond(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve_forever() -> None:
        server = await asyncio.start_server(respond_until_closed, "127.0.0.1", 0)
        notices.send((server.sockets[0].getsockname()[1], sum(map(len, responses))))
        await server.serve_forever()

    asyncio.run(serve_forever())


def without_partitions(source: "Source") -> "Source":
    """Returns the source with one pagination for all images, not split near 50,000."""
    images = attrs.evolve(source.listing("images"), ends_silently_at=None, partitions=())
    return attrs.evolve(source, listings=(images,))


def crawl(origin: str, root: str) -> None:
    """Crawls in this process and its children; prints the number of stored entities."""
    from eventlog.clock import now_us
    from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
    from fetcher.service.sync import run_once
    from fetcher.sources import SOURCES

    source = without_partitions(SOURCES["civitai"])
    report = asyncio.run(
        run_once(
            Crawler(Path(root), "1a2b3c4d", now_us),
            Upstream(source, origin, requests_per_minute=10_000_000),
            SyncBounds(listings=["images"]),
        )
    )
    print(report.total("stored"))


@attrs.frozen
class CrawlCost:
    """Time and memory of one crawl."""

    crawl_s: float
    """From the first request to the end of the process."""
    process_s: float
    """The same, including the start of the process."""
    cpu_s: float
    memory_mib: int
    """Sum of the peaks of all processes."""
    stdout: str


def measure_crawl(command: list[str], notices: Connection) -> CrawlCost:
    """Runs a command that crawls, and measures it."""
    cpu_begin = cpu_seconds()
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peaks: dict[int, int] = {}
        watcher = threading.Thread(target=record_peaks, args=(process.pid, peaks))
        watcher.start()
        stdout, _ = process.communicate()
        end = time.monotonic()
        watcher.join()
    assert process.returncode == 0
    cpu_s = cpu_seconds() - cpu_begin
    memory_mib = sum(peaks.values()) // 1024
    return CrawlCost(end - notices.recv(), end - begin, cpu_s, memory_mib, stdout)


def crawl_with_hindlog(origin: str, notices: Connection) -> CrawlCost:
    """Measures hindlog in an empty archive."""
    with tempfile.TemporaryDirectory() as root:
        cost = measure_crawl([sys.executable, __file__, origin, root], notices)
    assert int(cost.stdout) == COUNT
    return cost


def crawl_with_scrapy(python: str, origin: str, notices: Connection) -> CrawlCost:
    """Measures Scrapy, run by the given Python."""
    with tempfile.TemporaryDirectory() as folder:
        out, spider = Path(folder) / "out.jl", Path(folder) / "images.py"
        spider.write_text(SPIDER.format(origin=origin, out=out))
        cost = measure_crawl([python, str(spider)], notices)
        # Line by line: a child's peak memory starts at that of its parent.
        with out.open("rb") as lines:
            assert sum(1 for _ in lines) == COUNT
    return cost


def find_scrapy() -> str | None:
    """Returns a Python that has Scrapy; None at the smallest size."""
    if IS_SMALLEST:
        return None
    own = sys.executable if importlib.util.find_spec("scrapy") else None
    return os.environ.get("HINDLOG_SCRAPY", own)


def summary(name: str, costs: list[CrawlCost]) -> str:
    """Returns one line with the medians of several crawls."""
    crawl_s, cpu_s = median(cost.crawl_s for cost in costs), median(cost.cpu_s for cost in costs)
    process_s = median(cost.process_s for cost in costs)
    rate = f"{name} {COUNT / crawl_s:9,.0f} images/s"
    return f"{rate}  crawl {crawl_s:.2f} s, with process start {process_s:.2f} s, CPU {cpu_s:.2f} s"


def main() -> None:
    """Runs both programs in turn; reports the median of the ratios pair by pair."""
    notices, sender = multiprocessing.Pipe()
    upstream = multiprocessing.Process(target=serve, args=(sender,), daemon=True)
    upstream.start()
    port, size = notices.recv()
    origin = f"http://127.0.0.1:{port}"
    scrapy = find_scrapy()
    ours: list[CrawlCost] = []
    theirs: list[CrawlCost] = []
    for _ in range(ROUNDS):
        ours.append(crawl_with_hindlog(origin, notices))
        if scrapy:
            theirs.append(crawl_with_scrapy(scrapy, origin, notices))
    upstream.kill()
    memory = max(cost.memory_mib for cost in ours)
    print(f"{COUNT:,} images of {size // COUNT:,} bytes, median of {ROUNDS}")
    print(summary("hindlog", ours))
    if theirs:
        print(summary("scrapy ", theirs))
        pairs = list(zip(theirs, ours, strict=True))
        ratio = median(other.crawl_s / own.crawl_s for other, own in pairs)
        process_ratio = median(other.process_s / own.process_s for other, own in pairs)
        print(f"ratio   {ratio:.1f} (target {TARGET:.0f}); with process start {process_ratio:.1f}")
    else:
        print("Scrapy was not run: HINDLOG_SCRAPY names a Python that has it")
    print(f"memory  {memory} MiB, all processes (target below {MAX_MEMORY_MIB})")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    crawl(*sys.argv[1:]) if len(sys.argv) > 1 else main()
