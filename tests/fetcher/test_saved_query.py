"""Saved queries (templates): each becomes one or more runs in the queue."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import web

from cli.commands.fetch.queue import add as command
from eventlog.errors import Invalid
from fetcher.saved_query import argument_of
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.queue_commands import RunRequest, add_runs
from fetcher.source import match_url
from fetcher.sources import SOURCES
from fetcher.state.task import COMPLETED, Task
from tests.fetcher.making import OTHER, SteppingClock
from tests.fetcher.syncing import queued, work_on_queue

BASE = "https://civitai.com/api/v1"
EVERY = [(name, template) for name, source in SOURCES.items() for template in source.templates]


def add(root: Path, target: str, arg: str | None = None, **settings: Any) -> list[Task]:
    upstream = Upstream(SOURCES["civitai"], settings.pop("base_url", BASE))
    request = RunRequest(target, arg, **settings)
    return add_runs(Crawler(root, OTHER, SteppingClock()), upstream, request)


def request_of(task: Task) -> tuple[str, dict[str, str]]:
    parts = urlsplit(task.url or "")
    return parts.path.removeprefix("/api/v1"), dict(parse_qsl(parts.query))


@pytest.mark.parametrize(
    ("name", "arg", "path", "params"),
    [
        ("images-of-model", "4384", "/images", {"modelId": "4384", "withMeta": "true"}),
        ("images-of-version", "128713", "/images", {"modelVersionId": "128713"}),
        ("images-of-user", "Lykon", "/images", {"username": "Lykon", "browsingLevel": "31"}),
        ("top-images", None, "/images", {"sort": "Most Reactions", "period": "Week"}),
        ("top-images", "Month", "/images", {"sort": "Most Reactions", "period": "Month"}),
        ("model", "4384", "/models/4384", {}),
        ("version-by-hash", "99FDC43DD3D0", "/model-versions/by-hash/99FDC43DD3D0", {}),
    ],
)
def test_a_template_creates_a_run_of_a_listing_or_a_url_with_its_argument(
    tmp_path: Path, name: str, arg: str | None, path: str, params: dict[str, str]
) -> None:
    (task,) = add(tmp_path, name, arg, limit=500, priority=3)

    request = request_of(task)
    assert (request[0], request[1] | params) == (path, request[1])
    assert (task.target, task.priority) == (500, 3)
    assert [task.run for task in queued(tmp_path)] == [task.run]


@pytest.mark.parametrize(
    ("name", "arg", "message"),
    [
        ("images-of-model", None, "expected modelId"),
        ("top-images", "Fortnight", "expected one of Day"),
        ("everything-new", "4", "takes no argument"),
        ("images-of-modle", "4", "no template 'images-of-modle'"),
    ],
)
def test_an_unknown_template_or_argument_is_refused(
    tmp_path: Path, name: str, arg: str | None, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        add(tmp_path, name, arg)

    assert queued(tmp_path) == []


@pytest.mark.parametrize(("source", "template"), EVERY, ids=[f"{a}-{b.name}" for a, b in EVERY])
def test_every_template_requests_something_that_its_source_has(source: str, template: Any) -> None:
    listings = {
        listing.name for listing in SOURCES[source].listings if not listing.has_derived_requests
    }
    argument = "a/b" if "/" in (template.arg or "") else "Week"

    params = argument_of(template, argument if template.arg else None)

    assert len(params) == len((template.arg or "").split("/")) - (template.arg is None)
    for query in template.queries:
        assert query.target in listings or match_url(
            SOURCES[source], SOURCES[source].base_url, query.target
        )
    assert f"{source}:" in str(command.help)
    assert template.name in str(command.help)


def test_everything_new_ends_at_the_first_page_of_known_entities(tmp_path: Path) -> None:
    highest = [40]

    async def handle(request: web.Request) -> web.Response:
        if request.path != "/models":
            return web.json_response({"items": [], "metadata": {"total": 0}})
        first = int(request.query.get("cursor", highest[0]))
        items = [{"id": first - place, "likes": highest[0]} for place in range(10)]
        metadata = {"nextCursor": first - 10} if first > 10 else {"total": 0}
        return web.json_response({"items": items, "metadata": metadata})

    pages = []
    for highest[0] in (40, 55):
        add(tmp_path, "everything-new", base_url="http://127.0.0.1:1")
        report = work_on_queue(tmp_path, handle)
        assert {listing.state for listing in report.listings} == {COMPLETED}
        pages.append([listing.pages for listing in report.listings])

    assert pages == [[4, 1], [3, 1]]
