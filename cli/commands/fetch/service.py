"""The service behind `fetch run`: syncs the sources once, or by schedule until a signal."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cli.commands.fetch.sources import bounds_of, upstream_of
from cli.commands.fetch.sync_report import (
    count_responses,
    listing_line,
    listing_lines,
    outage_line,
    sync_exit_code,
)
from cli.config.settings import Config, variable_name
from cli.options.global_options import message_printer, print_message
from cli.output.progress.display import progress
from cli.process.signals import StopRequest, record_signals
from eventlog.clock import SECOND, now_us
from eventlog.progress import ReportProgress
from fetcher.crawl.report import ListingReport, OnProgress, Progress
from fetcher.net.outage import OnOutage, OutageChange
from fetcher.service.open_crawl import Crawler
from fetcher.service.service import ServicePlan, run_service
from fetcher.service.sync import run_once

OnSignal = Callable[[], object]
"""Called in the handler of each signal: for what runs beside the crawl."""


def ignore_signal() -> None:
    """Does nothing."""


def sync_sources(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    on_signal: OnSignal = ignore_signal,
) -> int:
    """Syncs each source once, side by side; returns the exit code of all together.

    After a signal the current page is finished and the rest stays in the queue; the code is
    then 0 for SIGTERM and 130 for Ctrl-C.
    """
    return asyncio.run(_sync_each(root, names, settings, writer, limit, on_signal))


async def _sync_each(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    on_signal: OnSignal,
) -> int:
    stopping = asyncio.Event()
    stop = set_on_signal(stopping, on_signal)
    with progress(now_us) as show:
        report = _progress_of_all(show)
        syncs = (_sync(root, name, settings, writer, limit, stopping, report) for name in names)
        results = await asyncio.gather(*syncs, return_exceptions=True)
    listings = _unless_failed(results)
    if not stop.is_requested():
        return sync_exit_code(listings)
    print_message(
        "stopped; what was fetched is on disk, and the next fetch run continues with the rest"
    )
    return stop.code()


async def _sync(
    root: Path,
    name: str,
    settings: Config,
    writer: str,
    limit: int | None,
    stopping: asyncio.Event,
    on_progress: OnProgress,
) -> tuple[ListingReport, ...]:
    report = await run_once(
        Crawler(root, writer, now_us, segment_bytes=settings.log.segment_bytes),
        upstream_of(settings, name),
        bounds_of(settings, name, limit),
        stopping=stopping,
        on_progress=on_progress,
        on_outage=_announce_outage(message_printer()),
    )
    for line in listing_lines(name, report.listings):
        print_message(line)
    return report.listings


def _announce_outage(announce: Callable[[str], None]) -> OnOutage:
    """Returns a function that announces when a host goes down, and when it answers again."""

    def note(change: OutageChange) -> None:
        announce(outage_line(change, variable_name(f"source.{change.source}.base_url")))

    return note


def _progress_of_all(
    show: ReportProgress, announce: Callable[[str], None] | None = None
) -> OnProgress:
    """Returns a function that shows the progress of all listings of all sources together.

    It announces the results of finished listings.
    """
    latest: dict[tuple[str, str], Progress] = {}

    def note(update: Progress) -> None:
        latest[update.source, update.listing.run] = update
        show("responses fetched", *count_responses(latest.values()))
        report = update.listing
        is_outage = report.is_host_down and report.state == "failed"
        if announce is not None and report.state != "started" and not is_outage:
            announce(listing_line(update.source, update.listing))

    return note


def _unless_failed(
    results: Sequence[tuple[ListingReport, ...] | BaseException],
) -> list[ListingReport]:
    """Returns the reports of all syncs; raises the error of the first one that failed.

    The errors of the others are printed. Each source was synced to its end before.
    """
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors[1:]:
        print_message(str(error))
    if errors:
        raise errors[0]
    return [
        listing for result in results if not isinstance(result, BaseException) for listing in result
    ]


def serve_sources(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    duration_us: int | None,
    on_signal: OnSignal = ignore_signal,
) -> int:
    """Crawls by schedule until a signal or the end of the duration; returns the exit code.

    0 after SIGTERM or the duration, 130 after Ctrl-C.
    """
    return asyncio.run(_serve(root, names, settings, writer, limit, duration_us, on_signal))


async def _serve(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    duration_us: int | None,
    on_signal: OnSignal,
) -> int:
    stopping = asyncio.Event()
    stop = set_on_signal(stopping, on_signal)
    if duration_us is not None:
        asyncio.get_running_loop().call_later(duration_us / SECOND, stopping.set)
    announce = message_printer()
    with progress(now_us) as show:
        report = _progress_of_all(show, announce)
        async with asyncio.TaskGroup() as group:
            for name in names:
                plan = ServicePlan(
                    schedule=settings.source[name].schedule,
                    bounds=bounds_of(settings, name, limit),
                )
                group.create_task(
                    run_service(
                        Crawler(root, writer, now_us, segment_bytes=settings.log.segment_bytes),
                        upstream_of(settings, name),
                        plan,
                        stopping=stopping,
                        on_progress=report,
                        announce=announce,
                        on_outage=_announce_outage(announce),
                    )
                )
            announce(f"serving {', '.join(names)}; Ctrl-C finishes the current page and stops")
    announce("stopped; everything fetched is on disk")
    return stop.code()


def set_on_signal(stopping: asyncio.Event, on_signal: OnSignal = ignore_signal) -> StopRequest:
    """Makes a signal set `stopping`, so that the crawl ends after its current page."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        on_signal()
        with suppress(RuntimeError):  # the crawl has just ended
            loop.call_soon_threadsafe(stopping.set)

    return record_signals(wake)
