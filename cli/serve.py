"""The service behind `fetch run`: every source in one process, stopped by a signal."""

import asyncio
import os
import signal
from pathlib import Path

from cli.fetch import listing_line, upstream_of
from cli.options import teller
from cli.progress import progress
from cli.settings import Config
from eventlog.clock import SECOND, now_us
from fetcher.report import Progress
from fetcher.service import Plan, run_service
from fetcher.sources import SOURCES


def serve_sources(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    duration_us: int | None,
) -> int:
    """Serve until stopped: 0 after SIGTERM or the duration, 130 after Ctrl-C."""
    return asyncio.run(_serve(root, names, settings, writer, limit, duration_us))


async def _serve(
    root: Path,
    names: list[str],
    settings: Config,
    writer: str,
    limit: int | None,
    duration_us: int | None,
) -> int:
    stopping, codes = asyncio.Event(), [0]
    _listen(stopping, codes)
    if duration_us is not None:
        asyncio.get_running_loop().call_later(duration_us / SECOND, stopping.set)
    say = teller()
    with progress(now_us) as tell:

        def report(found: Progress) -> None:
            if found.listing.state == "started":
                tell(listing_line(found.source, found.listing))
            else:
                say(listing_line(found.source, found.listing))

        async with asyncio.TaskGroup() as group:
            for name in names:
                mine = settings.source[name]
                group.create_task(
                    run_service(
                        root,
                        SOURCES[name],
                        upstream_of(settings, name),
                        Plan(schedule=mine.schedule, listings=mine.listings, limit=limit),
                        writer=writer,
                        now=now_us,
                        stopping=stopping,
                        report=report,
                        tell=say,
                    )
                )
            say(f"serving {', '.join(names)}; Ctrl-C finishes the page under way and stops")
    say("stopped; everything fetched is on disk")
    return codes[-1]


def _listen(stopping: asyncio.Event, codes: list[int]) -> None:
    """The first signal stops, the second leaves at once."""

    def stop(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        codes.append(130 if number == signal.SIGINT else 0)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, int(number))
