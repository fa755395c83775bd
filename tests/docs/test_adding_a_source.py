"""The source that the documentation writes from scratch is crawled, page by page."""

import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from eventlog.clock import now_us
from eventlog.format.event import ENTITY, PAGE
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.sync import run_once
from fetcher.simulator.app import serve
from fetcher.source import Source

ROOT = Path(__file__).parents[2]
CODE = re.search(
    r"^```python\n(.*?)^```", (ROOT / "docs/adding-a-source.md").read_text(), re.M | re.S
)
BOOKS = [
    {"isbn": f"978-{n}", "title": f"Book {n}", "editions": [{"id": n}, {"id": n + 100}]}
    for n in range(5)
]


def documented() -> Source:
    assert CODE is not None
    names: dict[str, Any] = {}
    exec(CODE[1], names)
    source = names["BOOKSHOP"]
    assert isinstance(source, Source)
    return source


async def books(request: web.Request) -> web.Response:
    start = int(request.query.get("after", "0"))
    paging = {"after": str(start + 2)} if start + 2 < len(BOOKS) else {}
    return web.Response(body=orjson.dumps({"books": BOOKS[start : start + 2], "paging": paging}))


async def authors(request: web.Request) -> web.Response:
    found = [{"slug": "a"}, {"slug": "b"}] if request.query["page"] == "1" else []
    return web.Response(body=orjson.dumps({"data": found}))


def test_it_takes_about_fifty_lines() -> None:
    assert CODE is not None
    assert len(CODE[1].splitlines()) <= 55


async def crawl_bookshop(root: Path) -> None:
    app = web.Application()
    app.router.add_get("/v2/books", books)
    app.router.add_get("/v2/authors", authors)
    async with serve(app, now_us) as origin:
        report = await run_once(
            Crawler(root, "0b00c5ab", now_us),
            Upstream(documented(), f"{origin}/v2", requests_per_minute=100_000),
        )
    assert {listing.state for listing in report.listings} == {"completed"}


def test_the_documented_source_is_crawled_to_its_end(tmp_path: Path) -> None:
    asyncio.run(crawl_bookshop(tmp_path))

    events = [decode(record.line) for record in read_events(tmp_path)]
    entities = Counter(event.type for event in events if event.kind == ENTITY)
    pages = [event for event in events if event.kind == PAGE]
    assert entities == {"book": 5, "edition": 10, "author": 2}
    assert [page.scope for page in pages] == ["/books"] * 3 + [None] * 2
    assert [page.last for page in pages] == [False, False, True, False, True]
