"""Helpers of the fetcher's tests: clock, responses, events read from the log, upstreams."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.body.split_rules import Rule, id_member
from eventlog.clock import parse_us
from eventlog.files.assets import get_asset
from eventlog.format.event import PAGE, Line
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_stream
from eventlog.read.rebuild_response import rebuild
from fetcher.net.retry import RetryPolicy
from fetcher.record.journal import Journal, append_batches, page_batch
from fetcher.record.page_events import PageEvents
from fetcher.split.response import PageContext, Response, split_response

START = parse_us("2026-11-21T05:00:00Z")
WRITER = "1a2b3c4d"
OTHER = "feedbee5"
FAST_RETRIES = RetryPolicy(attempts=4, base_s=0.001, max_wait_s=0.002, max_retry_after_s=0.002)
LIST = (Rule("/items", "model", "list", id_member("id")),)
NESTED = (*LIST, Rule("/items/*/versions", "version", "embedded", id_member("id")))


@attrs.define
class SteppingClock:
    """Clock that advances by a millisecond each time it is read."""

    at: int = START

    def __call__(self) -> int:
        self.at += 1000
        return self.at


def page_of(*items: object, **more: object) -> bytes:
    return orjson.dumps({"items": items, **more})


def response(body: bytes, endpoint: str = "/models", **changes: object) -> Response:
    made = Response(
        url="http://127.0.0.1/models", endpoint=endpoint, params={}, status=200, body=body
    )
    return attrs.evolve(made, **changes)  # type: ignore[arg-type]


PLACE = PageContext(run="run-1", epoch="2026-11-21T05", page_no=1, is_last=True)


def append_page(
    journal: Journal,
    body: bytes,
    rules: Sequence[Rule] = LIST,
    observed_at: int | None = None,
) -> PageEvents:
    """Appends the page of a response body; returns its events."""
    answer = response(body)
    result: list[PageEvents] = []
    build = page_batch(journal, answer, PLACE, split_response(answer, rules), result.append)
    append_batches(journal, [build], observed_at)
    return result[-1]


def lines(root: Path, source: str, writer: str = WRITER) -> list[Line]:
    """All events of a stream; verifies that each line is strict JSON with the right seq."""
    events = []
    for record in read_stream(root, source, writer):
        record.line.decode()
        assert json.loads(record.line)["seq"] == record.seq
        events.append(decode(record.line))
    return events


def kinds(events: Sequence[Line]) -> list[str]:
    return [line.kind for line in events]


def responses(root: Path, source: str, writer: str = WRITER) -> Iterator[bytes]:
    """Yields all responses of a stream, rebuilt from the log and checked by their SHA-256."""
    raw = {record.seq: record.line for record in read_stream(root, source, writer)}
    for line in raw.values():
        page = decode(line)
        if page.kind == PAGE:
            yield rebuild(page, raw.__getitem__, lambda name: get_asset(root, name))


Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def upstream(handle: Handle) -> AsyncIterator[str]:
    """Serves requests with a handler on a free port; yields the origin."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def recordings() -> Path:
    """Returns the folder of recorded responses; skips the test if it does not exist."""
    beside = Path(__file__).parents[3] / "shared" / "samples"
    folder = Path(os.environ.get("HINDLOG_RECORDINGS", beside))
    if not (folder / "openrouter" / "history").is_dir():
        pytest.skip(f"no recorded responses at {folder}: set HINDLOG_RECORDINGS")
    return folder
