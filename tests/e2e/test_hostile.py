"""One hostile entity in a page of a hundred, from HTTP to SQL."""

import asyncio
import json
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest
from aiohttp import web

from cli.config.load import default_toml
from eventlog.clock import now_us
from eventlog.format.event import ENTITY, exact_body
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from eventlog.write.writer import seal_idle
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.sync import run_once
from fetcher.simulator.app import serve
from fetcher.sources import SOURCES
from projector.query.select import run_query
from projector.update.update import update
from tests.projector.projections import chosen

WRITER = "0bad0bad"
HOSTILE = {
    "a lone surrogate": b'{"id":50,"url":"u","postId":1,"x":"\\ud800"}',
    "NaN": b'{"id":50,"url":"u","postId":1,"x":NaN}',
    "invalid UTF-8": b'{"id":50,"url":"u","postId":1,"x":"\xff\xfe"}',
    "depth 3000": b'{"id":50,"url":"u","postId":1,"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
}


def good(number: int) -> bytes:
    """Returns the JSON of a harmless entity."""
    return b'{"id":%d,"url":"u%d","postId":1,"meta":{"seed":12345678901234567890}}' % (
        number,
        number,
    )


async def crawl(root: Path, body: bytes) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/images", answer)
    async with serve(app, now_us) as origin:
        await run_once(
            Crawler(root, WRITER, now_us),
            Upstream(SOURCES["civitai"], origin, requests_per_minute=100_000),
            SyncBounds(listings=["images"]),
        )


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"not strict JSON: {constant}")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entity_is_stored_exactly_and_the_others_as_usual(
    tmp_path: Path, name: str
) -> None:
    items = [HOSTILE[name] if number == 50 else good(number) for number in range(100)]
    body = b'{"items":[' + b",".join(items) + b'],"metadata":{}}'
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml())

    asyncio.run(crawl(tmp_path, body))
    assert seal_idle(tmp_path, "civitai", WRITER) == 1
    update(tmp_path, definitions=chosen("civitai.images"))

    lines = [record.line for record in read_events(tmp_path)]
    assert all(json.loads(line.decode(), parse_constant=refuse) for line in lines)
    select = Select(kinds=frozenset({ENTITY}))
    stored = [decode(record.line) for record in read_events(tmp_path, select)]
    assert [exact_body(event) for event in stored] == items
    assert [event.id for event in stored if event.body_raw] == ["50"]
    with duckdb.connect() as connection:
        files = str(tmp_path / "log/*/*/*.ndjson.zst")
        read = "SELECT count(*) FROM read_json(?, format='newline_delimited')"
        assert connection.execute(read, [files]).fetchall() == [(len(lines),)]
    ids = {row[0] for row in run_query(tmp_path, "SELECT id FROM civitai.images").rows}
    assert ids >= set(range(100)) - {50}
