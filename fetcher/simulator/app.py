"""HTTP server of the simulator: both upstreams on one port.

OpenRouter is at `/api/v1` and `/api/frontend/v1`, Civitai at `/civitai/api/v1`, since both
have a `/models`. `catalog` decides the responses and `faults` the faults; this module only
sends them. Its only state is the number of requests per URL.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from fetcher.simulator.catalog import Answer, Request, World, answer
from fetcher.simulator.faults.delivery import ELSEWHERE, Sending, asked_at, asked_query, spoil
from fetcher.simulator.faults.plan import NO_FAULTS, Fault, Faults, choose
from fetcher.simulator.recorded import load_recordings, recorded_answer
from fetcher.simulator.world.rhythms import SECOND

Clock: TypeAlias = Callable[[], int]
Observe: TypeAlias = Callable[[str, int, bytes], None]
"""Called with path and query, status and body of each response."""
Answers: TypeAlias = Callable[[Request, int], Answer]
"""Maps a request and the time in microseconds to a response."""

SHUTDOWN_S = 0.5


def make_app(
    world: World,
    now: Clock,
    faults: Faults = NO_FAULTS,
    observe: Observe | None = None,
    elsewhere: str = ELSEWHERE,
    answers: Answers | None = None,
) -> web.Application:
    """Returns the application; `now` returns the simulated time in microseconds.

    `observe` gets the part of each body that a client can receive, before transfer
    compression and in the order of sending. Redirects point to the origin `elsewhere`.
    `answers` replaces the responses of the world.
    """
    request_counts: Counter[str] = Counter()
    answer_of: Answers = answers or partial(answer, world)

    async def handle(request: web.Request) -> web.StreamResponse:
        address, now_us = request.path_qs, now()
        request_counts[address] += 1
        fault = choose(faults, world.seed, address, request_counts[address])
        intact = _answer(answer_of, request, fault, now_us)
        sending = spoil(intact, fault, address, now_us, elsewhere)
        if observe is not None:
            body = sending.answer.body[: sending.promised_bytes]
            observe(address, sending.answer.status, body)
        return await _send(request, sending, _headers(sending.answer, now_us))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


def _answer(answers: Answers, request: web.Request, fault: Fault | None, now_us: int) -> Answer:
    if request.method not in ("GET", "HEAD"):
        return Answer(405, b'{"error":"Method not allowed"}', headers=(("Allow", "GET"),))
    query = {key: ",".join(request.query.getall(key)) for key in request.query}
    origin = f"{request.scheme}://{request.host}"
    asked = Request(request.path, asked_query(fault, query), origin)
    return answers(asked, asked_at(fault, now_us))


def _headers(answer: Answer, now_us: int) -> dict[str, str]:
    date = formatdate(now_us // SECOND, usegmt=True)
    return {
        "Content-Type": answer.content_type,
        "Date": date,
        "Server": "simulator",
        **dict(answer.headers),
    }


async def _send(
    request: web.Request, sending: Sending, headers: dict[str, str]
) -> web.StreamResponse:
    body, status = sending.answer.body, sending.answer.status
    if sending.promised_bytes is not None and request.method != "HEAD":
        return await _send_raw(request, sending, headers)
    if sending.pause_at is not None:
        return await _send_slowly(request, sending, headers)
    body = body if sending.encoded_body is None else sending.encoded_body
    response = web.Response(status=status, body=body, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", "") and not sending.encoded:
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def _send_raw(
    request: web.Request, sending: Sending, headers: dict[str, str]
) -> web.StreamResponse:
    """Writes to the transport directly, since the library refuses a wrong Content-Length.

    Bytes beyond the promised length follow a moment later: some clients would refuse the
    complete response if all bytes arrived together.
    """
    body, promised = sending.answer.body, sending.promised_bytes
    lines = [f"HTTP/1.1 {sending.answer.status} OK", *(f"{k}: {v}" for k, v in headers.items())]
    lines += [sending.bad_header] if sending.bad_header else []
    lines += [f"Content-Length: {promised}", "", ""]
    if request.transport is not None:
        request.transport.write("\r\n".join(lines).encode() + body[:promised])
        if body[promised:]:
            await asyncio.sleep(0.05)
            request.transport.write(body[promised:])
        request.transport.close()
    return web.Response()


async def _send_slowly(
    request: web.Request, sending: Sending, headers: dict[str, str]
) -> web.StreamResponse:
    body, start = sending.answer.body, sending.pause_at or 0
    response = web.StreamResponse(status=sending.answer.status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[:start])
    size = max(1, -(-(len(body) - start) // sending.pieces))
    for at in range(start, len(body), size):
        await asyncio.sleep(sending.pause_s / sending.pieces)
        await response.write(body[at : at + size])
    await response.write_eof()
    return response


@asynccontextmanager
async def serve(
    served: web.Application | World, now: Clock, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Yields the origin (`http://host:port`) at which an application or a world is served.

    Port 0 selects a free port. An application has its own clock and ignores `now`.
    """
    app = make_app(served, now) if isinstance(served, World) else served
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def run_server(
    port: int,
    seed: int,
    now: Clock,
    ready: Callable[[str], None],
    faults: Faults = NO_FAULTS,
    recordings: Path | None = None,
) -> None:
    """Serves the world of a seed, or a folder of recordings, until SIGINT or SIGTERM.

    `ready` is called with the origin. Redirects point to a second origin on another port,
    which serves the same without faults.
    """
    answers = partial(recorded_answer, load_recordings(recordings)) if recordings else None

    def app(faults: Faults, elsewhere: str) -> web.Application:
        return make_app(World(seed), now, faults, elsewhere=elsewhere, answers=answers)

    asyncio.run(_until_stopped(app, now, port, ready, faults))


async def _until_stopped(
    app: Callable[[Faults, str], web.Application],
    now: Clock,
    port: int,
    ready: Callable[[str], None],
    faults: Faults,
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    async with (
        serve(app(NO_FAULTS, ELSEWHERE), now) as elsewhere,
        serve(app(faults, elsewhere), now, port=port) as origin,
    ):
        ready(origin)
        await stopped.wait()
