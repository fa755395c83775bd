"""`fetch add`, `list`, `retry`, `cancel`, `clean` and `probe`: the queue and its runs."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.commands.fetch.sources import select_sources, upstream_of
from cli.options.global_options import archive, config, global_options, print_message
from cli.output.emit import choose_output, emit, output_options

if TYPE_CHECKING:
    from fetcher.service.open_crawl import Crawler
    from fetcher.state.task import Task


def _crawler(root: Path) -> "Crawler":
    """Returns the writer for queue commands, with the clock and settings of the archive."""
    from eventlog.clock import now_us
    from eventlog.files.writer_ids import COMMAND, machine_name, writer_id
    from fetcher.service.open_crawl import Crawler

    writer = writer_id(root, COMMAND, machine_name(os.environ))
    return Crawler(root, writer, now_us, segment_bytes=config(root).log.segment_bytes)


def _source_of_url(root: Path, url: str, command: str) -> str:
    """Returns the source whose base URL a URL begins with. Raises `Invalid`."""
    from eventlog.errors import Invalid

    settings = config(root).source
    for name in sorted(settings):
        if url.startswith(settings[name].base_url.rstrip("/") + "/"):
            return name
    known = ", ".join(f"{name}: {settings[name].base_url}" for name in sorted(settings))
    raise Invalid(f"{url}: no source has this address ({known})", f"hindlog {command} --help")


@click.command(epilog="Example: hindlog fetch add civitai images-of-model 4384 --limit 500")
@click.argument("target", metavar="URL|SOURCE")
@click.argument("listing", required=False)
@click.argument("arg", required=False)
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="K=V",
    help="A parameter of the request; may be repeated.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Stop when the listing has N entities; pages are kept whole.",
)
@click.option(
    "--priority",
    type=int,
    help="A higher one runs first. Default: 1000; scheduled syncs have 100, backfills -1000.",
)
@global_options
def add(
    target: str,
    listing: str | None,
    arg: str | None,
    params: tuple[str, ...],
    limit: int | None,
    priority: int | None,
) -> None:
    """Queues a run: the URL of a source, or SOURCE with a listing or a template.

    \b
    civitai: images-of-model ID, images-of-version ID, images-of-user NAME,
      models-of-user NAME, top-images [PERIOD], top-models [PERIOD], model ID,
      version ID, version-by-hash HASH, everything-new
    openrouter: model AUTHOR/SLUG, endpoints-of-model AUTHOR/SLUG, everything-new

    A running service starts the run; otherwise the next `fetch run` does. Prints the id of the
    run.
    """
    from cli.options.arguments import parse_param, require_text
    from fetcher.service.queue_commands import RunRequest, add_runs
    from fetcher.sources import SOURCES
    from fetcher.state.priority import MANUAL_PRIORITY

    for word in (target, listing, arg):
        require_text(word or "", "fetch add")
    root = archive()
    name = target if listing else _source_of_url(root, target, "fetch add")
    select_sources((name,), SOURCES, "fetch add")
    overrides = dict(map(parse_param, params))
    request = RunRequest(
        listing or target, arg, overrides, limit, MANUAL_PRIORITY if priority is None else priority
    )
    upstream = upstream_of(config(root), name)
    _print_queued(add_runs(_crawler(root), upstream, request))


def _print_queued(tasks: "Iterable[Task]") -> None:
    for task in tasks:
        sys.stdout.write(f"{task.run}\n")
        print_message(f"queued: {task.url}")


_COLUMNS = ("source", "run", "state", "priority", "pages", "entities", "target", "attempts")
_DETAIL_COLUMNS = ("error", "why", "url", "created_at", "finished_at")
_OPTIONAL = (
    *("url", "created_at", "attempts", "priority", "target", "pages", "finished_at", "entities"),
    *("why", "error", "source"),
)
"""Columns that a narrow terminal leaves out, in this order."""


@click.command("list", epilog="Example: hindlog fetch list --state failed")
@click.option("--state", "states", multiple=True, help="Only runs in this state.")
@output_options
@global_options
def list_(states: tuple[str, ...], fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Lists the runs of the queue, in the order in which they are executed."""
    from fetcher.state.task import CANCELLED, COMPLETED, FAILED, PENDING, RUNNING

    known = (PENDING, RUNNING, COMPLETED, FAILED, CANCELLED)
    for state in states:
        if state not in known:
            raise click.BadParameter(f"expected one of {', '.join(known)}, found {state!r}")
    root = archive()
    emit(
        (*_COLUMNS, *_DETAIL_COLUMNS),
        _run_rows(root, states),
        choose_output(fmt, as_json, output),
        optional=_OPTIONAL,
    )


def _run_rows(root: Path, states: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    from eventlog.clock import now_us
    from eventlog.files.listing import list_sources
    from fetcher.service.queue_commands import list_runs

    for source in list_sources(root):
        for task in list_runs(root, source, now_us, states):
            yield (source, *(getattr(task, name) for name in (*_COLUMNS[1:], *_DETAIL_COLUMNS)))


def _source_of_run(root: Path, run: str) -> str:
    """Returns the source of a queued run, given by its id or a prefix. Raises `NotFound`."""
    from eventlog.clock import now_us
    from eventlog.errors import NotFound
    from eventlog.files.listing import list_sources
    from fetcher.service.queue_commands import list_runs

    for source in list_sources(root):
        if any(task.run.startswith(run) for task in list_runs(root, source, now_us)):
            return source
    raise NotFound(f"run {run}: no such run", "hindlog fetch list")


@click.command(epilog="Example: hindlog fetch cancel 2026-11-21T05.images.1a2b3c4d")
@click.argument("run")
@global_options
def cancel(run: str) -> None:
    """Cancels a run. Its current page is finished first."""
    from fetcher.service.queue_commands import cancel_run

    root = archive()
    source = _source_of_run(root, run)
    task = cancel_run(_crawler(root), source, run)
    print_message(f"cancelled: {task.run}, after {task.pages} pages")


@click.command(epilog="Example: hindlog fetch retry 2026-11-21T05.images.1a2b3c4d")
@click.argument("run")
@global_options
def retry(run: str) -> None:
    """Queues a failed or cancelled run again; it continues where it stopped."""
    from fetcher.service.queue_commands import retry_run

    root = archive()
    source = _source_of_run(root, run)
    task = retry_run(_crawler(root), source, run)
    print_message(f"queued again: {task.run}, at {task.url}")


@click.command(epilog="Example: hindlog fetch clean")
@global_options
def clean() -> None:
    """Removes finished runs from the queue. The log is not changed."""
    from eventlog.files.listing import list_sources
    from fetcher.service.queue_commands import clean_runs

    root = archive()
    crawler = _crawler(root)
    cleaned = [task for source in list_sources(root) for task in clean_runs(crawler, source)]
    print_message(f"{len(cleaned)} finished runs removed from the queue")


@click.command(epilog="Example: hindlog fetch probe https://openrouter.ai/api/v1/models")
@click.argument("url")
@output_options
@global_options
def probe(url: str, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Makes one request and prints how the response would be split; writes nothing."""
    import asyncio

    from fetcher.service.probe_url import probe_url

    root = archive()
    name = _source_of_url(root, url, "fetch probe")
    result = asyncio.run(probe_url(upstream_of(config(root), name), url))
    response = result.response
    print_message(
        f"{response.status}, {len(response.body)} bytes in {response.ms} ms, {response.endpoint}"
    )
    rows = [
        (entity.type, entity.id, entity.shape, entity.pointer, len(entity.body))
        for entity in result.parts.entities
    ]
    emit(
        ("type", "id", "shape", "pointer", "bytes"),
        rows,
        choose_output(fmt, as_json, output),
        is_data=True,
    )


COMMANDS = (add, list_, cancel, retry, clean, probe)
