"""Paginations whose pages are split in the crawl or in splitter processes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import attrs
import orjson
from aiohttp import web

from fetcher.crawl.report import RunReport
from fetcher.source import Source
from fetcher.split.pool import PoolPolicy, SplitterProcess
from tests.fetcher.making import Handle
from tests.fetcher.syncing import CIVITAI, sync_with

EAGER = PoolPolicy(max_processes=2, min_split_bytes=0, min_split_share=0.0, min_page_bytes=0)
"""Splits in separate processes from the second page on."""
HERE = PoolPolicy(max_processes=0)
"""Splits everything in the crawl's own process."""

Started = list[SplitterProcess]


def source_of(name: str = "images", **params: str) -> Source:
    """Civitai with one listing, which is never partitioned."""
    listing = CIVITAI.listing(name)
    listing = attrs.evolve(
        listing, params={**listing.params, **params}, ends_silently_at=None, partitions=()
    )
    return attrs.evolve(CIVITAI, listings=(listing,))


def crawl(
    root: Path, handle: Handle, pool_policy: PoolPolicy, source: Source | None = None
) -> RunReport:
    """One sync of a listing under a pool policy."""
    return sync_with(root, source or source_of(), handle, pool_policy=pool_policy)


def feed(pages: int, per_page: int = 20) -> Handle:
    """Upstream with this many pages of images."""

    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        items = [{"z": "é" * 50, "id": number * per_page + n, "a": [n]} for n in range(per_page)]
        is_last = number + 1 >= pages
        metadata = {"total": pages} if is_last else {"nextCursor": str(number + 1)}
        body = orjson.dumps({"items": items, "metadata": metadata})
        return web.Response(body=body, content_type="application/json")

    return handle


async def until(condition: Callable[[], bool]) -> None:
    """Waits until a condition is met, at most a minute."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition was not met in time")
