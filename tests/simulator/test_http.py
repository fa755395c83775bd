"""The simulator over real HTTP, on a free port."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from fetcher.simulator.app import make_app, serve
from fetcher.simulator.catalog import World
from fetcher.simulator.faults.plan import parse_faults
from fetcher.simulator.world.rhythms import DAY, HOUR, SECOND
from tests.simulator.requesting import NOW, OR, C, F, get

WORLD = World(5, 30, 30)
Visit = Callable[[aiohttp.ClientSession, str], Awaitable[Any]]


def visit(app: web.Application | World, act: Visit, **session: Any) -> Any:
    """Serves an application, calls `act` with a client and the origin, returns its result."""

    async def go() -> Any:
        async with (
            serve(app, lambda: NOW) as origin,
            aiohttp.ClientSession(origin, **session) as client,
        ):
            return await act(client, origin)

    return asyncio.run(go())


def faulty(text: str, **more: Any) -> web.Application:
    return make_app(WORLD, lambda: NOW, parse_faults(text), **more)


async def body(client: aiohttp.ClientSession, path: str) -> tuple[int, bytes]:
    async with client.get(path, allow_redirects=False) as response:
        return response.status, await response.read()


@pytest.mark.parametrize(
    "path", [f"{OR}/models", f"{OR}/providers", f"{F}/catalog/models", f"{C}/models/7"]
)
def test_the_server_sends_the_answers_of_the_catalog(path: str) -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[int, bytes]:
        return await body(client, path)

    expected = get(WORLD, path)

    assert visit(WORLD, act) == (expected.status, expected.body)


def test_links_keep_the_port_and_the_prefix() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> list[int]:
        met, address = [], f"{origin}{C}/models?limit=4&sort=Newest&nsfw=true"
        while address:
            async with client.get(address) as response:
                page = await response.json()
            met += [item["id"] for item in page["items"]]
            address = page["metadata"].get("nextPage")
        return met

    met = visit(WORLD, act)

    assert len(met) == len(set(met)) > 20


def test_headers_contain_the_simulated_date_and_the_cache_policy() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> Any:
        async with client.get(f"{C}/models") as response:
            return response.headers

    headers = visit(WORLD, act)

    assert parsedate_to_datetime(headers["Date"]).timestamp() == NOW // SECOND
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert "s-maxage=300" in headers["Cache-Control"]


def test_gzip_is_sent_only_if_it_was_accepted() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> Any:
        async with client.get(f"{OR}/models", headers={"Accept-Encoding": "gzip"}) as response:
            packed = response.headers.get("Content-Encoding"), await response.read()
        async with client.get(f"{OR}/models", headers={"Accept-Encoding": "identity"}) as response:
            return packed, (response.headers.get("Content-Encoding"), await response.read())

    packed, plain = visit(WORLD, act)

    assert (packed[0], plain[0]) == ("gzip", None)
    assert packed[1] == plain[1]


def test_the_given_clock_decides_the_answer() -> None:
    clock = [NOW]

    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[Any, Any, Any]:
        first = await body(client, f"{OR}/models")
        clock[0] += 30 * DAY
        later = await body(client, f"{OR}/models")
        clock[0] -= 30 * DAY
        return first, later, await body(client, f"{OR}/models")

    first, later, again = visit(make_app(WORLD, lambda: clock[0]), act)

    assert first == again != later


def test_an_observer_gets_every_body_that_is_sent() -> None:
    observed: list[tuple[str, int, bytes]] = []

    async def act(client: aiohttp.ClientSession, origin: str) -> list[tuple[str, int, bytes]]:
        paths = (f"{C}/models?limit=2", f"{C}/models/7", f"{OR}/nothing")
        return [(path, *await body(client, path)) for path in paths]

    received = visit(faulty("", observe=lambda *served: observed.append(served)), act)

    assert received == observed
    assert [status for _, status, _ in observed] == [200, 404, 404]


def test_other_methods_than_get_are_not_allowed() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> int:
        async with client.post(f"{OR}/models", data=b"{}") as response:
            return response.status

    assert visit(WORLD, act) == 405


def test_a_cut_body_is_an_error_of_the_connection() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> bytes:
        return (await body(client, f"{OR}/models"))[1]

    with pytest.raises(aiohttp.ClientPayloadError):
        visit(faulty("cut:1"), act)


def test_a_body_longer_than_announced_arrives_short_and_the_next_one_is_complete() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[bytes, bytes]:
        short = (await body(client, f"{OR}/models"))[1]
        async with aiohttp.ClientSession(
            origin
        ) as another:  # the first client may not have noticed the close
            return short, (await body(another, f"{OR}/models"))[1]

    short, whole = visit(faulty(f"wronglength@{OR}/models#1"), act)

    assert short == whole[:-7]
    assert whole == get(WORLD, f"{OR}/models").body


def test_a_stalled_body_exceeds_the_timeout_of_the_client() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> bytes:
        return (await body(client, f"{OR}/models"))[1]

    with pytest.raises(TimeoutError):
        visit(faulty("stall:1:30"), act, timeout=aiohttp.ClientTimeout(total=0.3))


def test_a_slow_body_arrives_completely() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[int, bytes]:
        return await body(client, f"{OR}/models")

    assert visit(faulty("slow:1:0.08"), act) == (200, get(WORLD, f"{OR}/models").body)


def test_a_redirect_points_to_the_other_origin() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> str:
        async with client.get(f"{C}/models?limit=3", allow_redirects=False) as response:
            return f"{response.status} {response.headers['Location']}"

    redirect = visit(faulty("redirect:1", elsewhere="http://127.0.0.1:9"), act)

    assert redirect == f"302 http://127.0.0.1:9{C}/models?limit=3"


def test_a_gzip_bomb_is_sent_as_gzip_and_is_small() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> tuple[Any, int]:
        async with client.get(f"{OR}/models") as response:
            return response.headers["Content-Encoding"], len(await response.read())

    encoding, size = visit(faulty("gzipbomb:1"), act, auto_decompress=False)

    assert encoding == "gzip"
    assert size < 400_000


def test_a_retry_is_a_new_request_with_its_own_fault() -> None:
    async def act(client: aiohttp.ClientSession, origin: str) -> list[int]:
        return [(await body(client, f"{OR}/models"))[0] for _ in range(20)]

    statuses = visit(faulty("429:0.5"), act)

    assert set(statuses) == {200, 429}
    assert statuses == visit(faulty("429:0.5"), act)


def test_two_hours_of_crawling_under_faults_end_with_every_request_answered() -> None:
    clock = [NOW]
    text = "429:0.1,503:0.1,html:0.1,torn:0.1,repeat:0.1,hostile:0.2,drift:0.1,empty:0.1,cut:0.05"
    app = make_app(WORLD, lambda: clock[0], parse_faults(text))

    async def act(client: aiohttp.ClientSession, origin: str) -> int:
        answered = 0
        for _ in range(60):
            clock[0] += HOUR // 30
            with suppress(aiohttp.ClientError):
                await body(client, f"{C}/models?limit=20")
            answered += 1
        return answered

    assert visit(app, act) == 60


PROGRAM = """
from fetcher.simulator.app import run_server
run_server(0, 5, lambda: {now}, lambda origin: print(origin, flush=True))
"""


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_server_runs_until_a_signal_and_exits_with_0(name: signal.Signals) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM.format(now=NOW)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        origin = process.stdout.readline().strip()

        async def status() -> int:
            async with (
                aiohttp.ClientSession() as client,
                client.get(f"{origin}{OR}/models") as response,
            ):
                return response.status

        status_code = asyncio.run(status())
        process.send_signal(name)
        ended = process.wait(timeout=300)

    assert (status_code, ended) == (200, 0)
