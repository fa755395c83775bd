"""Exit codes of syncs that receive nothing: 5 if every request was refused, else 7, never 3."""

from pathlib import Path

import pytest
from aiohttp import web

from cli.commands.fetch.sync_report import sync_exit_code
from fetcher.net.http import HttpLimits
from fetcher.sources import SOURCES
from tests.fetcher.syncing import sync_with

SOURCE_LISTINGS = [("civitai", ["models"]), ("openrouter", ["endpoints"])]
HTML = "<html>no</html>"


@pytest.mark.parametrize(("name", "listings"), SOURCE_LISTINGS)
@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        *((status, '{"error":"no"}', 5) for status in (400, 401, 403, 404, 405, 410, 451)),
        *((status, HTML, 5) for status in (400, 401, 403, 404, 410, 451)),
        *((status, "", 5) for status in (400, 401, 403, 404, 410, 451)),
        (400, '{"error":"Invalid cursor"}', 5),
        *((status, "{}", 7) for status in (408, 425, 429, 500, 503, 520)),
        (200, HTML, 7),
        (200, "", 7),
        (200, '"x"', 7),
        (302, "", 7),
    ],
)
def test_a_sync_that_receives_nothing_exits_with_5_or_7(
    tmp_path: Path, name: str, listings: list[str], status: int, text: str, code: int
) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    report = sync_with(tmp_path, SOURCES[name], handle, listings=listings)

    assert sync_exit_code(report.listings) == code, report


def test_a_sync_that_receives_only_what_it_cannot_keep_exits_with_7(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path == "/models":
            return web.Response(body=b"x" * 2000)
        raise web.HTTPFound(request.path)

    report = sync_with(
        tmp_path,
        SOURCES["civitai"],
        handle,
        listings=["models", "tags"],
        limits=HttpLimits(max_bytes=1000),
    )

    assert {str(listing.why).partition(":")[0] for listing in report.listings} == {
        "too_large",
        "redirects",
    }
    assert sync_exit_code(report.listings) == 7


def test_a_sync_without_budget_for_any_request_exits_with_7(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"items": [], "metadata": {}})

    report = sync_with(tmp_path, SOURCES["civitai"], handle, listings=["models"], max_requests=0)

    assert sync_exit_code(report.listings) == 7
