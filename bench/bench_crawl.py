"""Crawling: 60,000 images, against Scrapy writing JSON lines from the same upstream.

Ours has every fsync, hash and roster on. Both walk the same 300 pages of 200 images of
about 2 kB, page by page along the cursor; the upstream is a process of its own that only
hands out bytes made beforehand. The clock of a crawl runs from its first request, as the
upstream sees it, until its process has ended. Our processes that take pages apart are
started within it. Memory is the most that each of our processes had, all of them together:
what they share counts for each.

Scrapy is not a dependency: name a Python that has it in HINDLOG_SCRAPY, or have it in
this one; else only our own figures are shown.
"""

import asyncio
import contextlib
import importlib.util
import json
import multiprocessing
import os
import random
import resource
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

if TYPE_CHECKING:
    from fetcher.source import Source

PAGES, PER_PAGE = 300, 200
COUNT = PAGES * PER_PAGE
ROUNDS = int(os.environ.get("HINDLOG_BENCH_ROUNDS", "5"))
TARGET = 8.0
MOST_MIB = 150

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

WORDS = [
    "lighthouse",
    "fog",
    "harbour",
    "soft",
    "light",
    "masterpiece",
    "portrait",
    "detailed",
    "cinematic",
    "rain",
    "neon",
    "street",
    "forest",
    "ancient",
    "castle",
    "dusk",
    "golden",
    "hour",
    "watercolour",
    "ink",
    "sketch",
    "depth",
    "of",
    "field",
    "bokeh",
    "film",
    "grain",
    "35mm",
    "volumetric",
    "moss",
    "river",
    "mountain",
    "crowd",
    "market",
    "été",
    "光",
    "glow",
]


def image(number: int, chance: random.Random) -> dict[str, object]:
    """An item of `/images` with its generation data, as large as they are."""
    name = f"{chance.getrandbits(32):08x}-61ad-4276-85f7-{chance.getrandbits(48):012x}"
    said = " ".join(chance.choices(WORDS, k=chance.randint(40, 120)))
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
        "meta": {
            "Size": "832x1216",
            "seed": chance.getrandbits(50),
            "Model": "harbourLights_v70",
            "steps": 25,
            "hashes": {"model": f"{chance.getrandbits(40):010x}", "lora:fog": "0e2c262559"},
            "prompt": f"{said},\n<lora:harbour:0.8>, (soft light:1.2), BREAK, {said[:80]}",
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
        },
        "username": f"user{number % 5000}",
        "baseModel": "SD 1.5",
        "modelVersionIds": [1_218_156, 106_916 + number % 900],
    }


def made_pages() -> list[bytes]:
    """The answers of the upstream, head and body."""
    chance = random.Random(7)
    answers = []
    for page in range(PAGES):
        items = [image(page * PER_PAGE + place, chance) for place in range(PER_PAGE)]
        onward = {"nextCursor": f"{page + 1}|1736603039244"} if page + 1 < PAGES else {}
        made = {"items": items, "metadata": {**onward, "pageSize": PER_PAGE}}
        body = json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        answers.append(head.encode() + b"\r\n\r\n" + body)
    return answers


def serve(told: Connection) -> None:
    """The upstream. Tells its port, the bytes it has, and when somebody asks for page one."""
    answers = made_pages()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := (await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""):
            target = asked.split(b" ", 2)[1]
            _, _, cursor = target.partition(b"cursor=")
            if not cursor:
                told.send(time.monotonic())
            number = int(cursor.partition(b"%")[0].partition(b"|")[0].partition(b"&")[0] or 0)
            writer.write(answers[number])

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def forever() -> None:
        server = await asyncio.start_server(quietly, "127.0.0.1", 0)
        told.send((server.sockets[0].getsockname()[1], sum(map(len, answers))))
        await server.serve_forever()

    asyncio.run(forever())


def whole(source: "Source") -> "Source":
    """The source, but 60,000 images in one walk: no cutting up near 50,000."""
    images = attrs.evolve(source.listing("images"), ends_silently_at=None, partitions=())
    return attrs.evolve(source, listings=(images,))


def crawl(origin: str, root: str) -> None:
    """Crawl in this process, and those it starts; prints the entities."""
    from eventlog.clock import now_us
    from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
    from fetcher.service.sync import run_once
    from fetcher.sources import SOURCES

    told = asyncio.run(
        run_once(
            Crawler(Path(root), "1a2b3c4d", now_us),
            Upstream(whole(SOURCES["civitai"]), origin, requests_per_minute=10_000_000),
            SyncBounds(listings=["images"]),
        )
    )
    print(told.total("stored"))


@attrs.frozen
class Taken:
    """What one crawl took, in seconds."""

    crawl_s: float
    whole_s: float
    """The start of its process included."""
    cpu_s: float
    memory_mib: int
    """The most of each of its processes, added up."""
    said: str


def timed(command: list[str], told: Connection) -> Taken:
    """Run a crawl."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peaks: dict[int, int] = {}
        watch = threading.Thread(target=watched, args=(process.pid, peaks))
        watch.start()
        said, _ = process.communicate()
        ended = time.monotonic()
        watch.join()
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory_mib = sum(peaks.values()) // 1024
    return Taken(ended - told.recv(), ended - started, cpu_s, memory_mib, said)


def watched(pid: int, peaks: dict[int, int]) -> None:
    """Note the most memory of a process and of its children, in KiB, until it has ended."""
    while True:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for each in (pid, *map(int, children)):
                peaks[each] = peak(each) or peaks.get(each, 0)
            if not peaks[pid] or not peak(pid):
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)


def peak(pid: int) -> int:
    """The most memory that a process had since it began its program; 0 of one that ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/status").read_text().splitlines():
            if each.startswith("VmHWM:"):
                return int(each.split()[1])
    return 0


def ours(origin: str, told: Connection) -> Taken:
    """What hindlog takes."""
    with tempfile.TemporaryDirectory() as root:
        taken = timed([sys.executable, __file__, origin, root], told)
    assert int(taken.said) == COUNT
    return taken


def theirs(python: str, origin: str, told: Connection) -> Taken:
    """What Scrapy takes."""
    with tempfile.TemporaryDirectory() as folder:
        out, spider = Path(folder) / "out.jl", Path(folder) / "images.py"
        spider.write_text(SPIDER.format(origin=origin, out=out))
        taken = timed([python, str(spider)], told)
        with out.open("rb") as lines:  # not at once: a child inherits our most memory
            assert sum(1 for _ in lines) == COUNT
    return taken


def has_scrapy() -> str | None:
    """A Python that has Scrapy."""
    here = sys.executable if importlib.util.find_spec("scrapy") else None
    return os.environ.get("HINDLOG_SCRAPY", here)


def line(name: str, runs: list[Taken]) -> str:
    """What is shown of several runs: medians."""
    crawl_s, cpu_s = median(each.crawl_s for each in runs), median(each.cpu_s for each in runs)
    whole_s = median(each.whole_s for each in runs)
    rate = f"{name} {COUNT / crawl_s:9,.0f} images/s"
    return f"{rate}  crawl {crawl_s:.2f} s, whole process {whole_s:.2f} s, CPU {cpu_s:.2f} s"


def main() -> None:
    """Both in turn, and the median of the ratios pair by pair."""
    told, ear = multiprocessing.Pipe()
    upstream = multiprocessing.Process(target=serve, args=(ear,), daemon=True)
    upstream.start()
    port, size = told.recv()
    origin = f"http://127.0.0.1:{port}"
    scrapy = has_scrapy()
    mine: list[Taken] = []
    others: list[Taken] = []
    for _ in range(ROUNDS):
        mine.append(ours(origin, told))
        if scrapy:
            others.append(theirs(scrapy, origin, told))
    upstream.kill()
    memory = max(each.memory_mib for each in mine)
    print(f"{COUNT:,} images of {size // COUNT:,} bytes, median of {ROUNDS}")
    print(line("hindlog", mine))
    if others:
        print(line("scrapy ", others))
        pairs = list(zip(others, mine, strict=True))
        ratio = median(other.crawl_s / own.crawl_s for other, own in pairs)
        whole = median(other.whole_s / own.whole_s for other, own in pairs)
        print(f"ratio   {ratio:.1f} (target {TARGET:.0f}); of whole processes {whole:.1f}")
    else:
        print("no Scrapy here: name a Python that has it in HINDLOG_SCRAPY")
    print(f"memory  {memory} MiB, all processes (target below {MOST_MIB})")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    crawl(*sys.argv[1:]) if len(sys.argv) > 1 else main()
